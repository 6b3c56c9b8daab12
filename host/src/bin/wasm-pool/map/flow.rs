//! How many bytes are on their way, so that what guests return, and how much of it, is no matter of memory.
//!
//! - What was read and what is to be written is counted, from the moment when it is there until it is worked off or written.
//! - When that is much, nothing more is read, and whoever has a chunk lays it aside before the next call.
//! - The chunk whose turn it is looks at what waits to be written only: what others hold back is waiting for it.
//! - So there is never more than twice [`MUCH`], and one item for each interpreter.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex};

/// Enough for what comes before its turn, beside items of ordinary size.
const MUCH: u64 = 32 << 20;

/// What is on its way.
pub(super) struct Flow {
    all: AtomicU64,
    /// Of these, what was given to be written.
    writing: AtomicU64,
    /// Held by whoever looks whether to wait, and by whoever says that there is less.
    waiting: Mutex<()>,
    less: Condvar,
    /// The chunk whose records are written as they come; with none, all are.
    turn: Option<AtomicU64>,
    /// Says that there is less to be written.
    written: (Sender<()>, Receiver<()>),
}

impl Flow {
    pub(super) fn new(in_order: bool) -> Flow {
        Flow {
            all: AtomicU64::new(0),
            writing: AtomicU64::new(0),
            waiting: Mutex::new(()),
            less: Condvar::new(),
            turn: in_order.then(AtomicU64::default),
            written: bounded(1),
        }
    }

    /// Whether the next item of a chunk may be begun.
    pub(super) fn may_go_on(&self, chunk: u64) -> bool {
        self.has_room()
            || self.turn.as_ref().is_some_and(|turn| turn.load(Relaxed) == chunk) && self.writing.load(Relaxed) < MUCH
    }

    fn has_room(&self) -> bool {
        self.all.load(Relaxed) < MUCH
    }

    /// Blocks whoever reads until there is room for more.
    pub(super) fn wait(&self) {
        if self.has_room() {
            return;
        }
        let mut waiting = self.waiting.lock();
        while !self.has_room() {
            self.less.wait(&mut waiting);
        }
    }

    pub(super) fn turn_of(&self, chunk: u64) {
        if let Some(turn) = &self.turn {
            turn.store(chunk, Relaxed);
        }
    }

    /// There are so many bytes more.
    pub(super) fn add(&self, bytes: u64) {
        self.all.fetch_add(bytes, Relaxed);
    }

    /// There are so many bytes less.
    pub(super) fn take(&self, bytes: u64) {
        self.all.fetch_sub(bytes, Relaxed);
        drop(self.waiting.lock());
        self.less.notify_all();
    }

    /// So many bytes were given to be written; they count already.
    pub(super) fn give(&self, bytes: u64) {
        self.writing.fetch_add(bytes, Relaxed);
    }

    /// So many bytes were written.
    pub(super) fn wrote(&self, bytes: u64) {
        self.writing.fetch_sub(bytes, Relaxed);
        self.take(bytes);
        // One word is enough for whoever has not heard the last one.
        let _ = self.written.0.try_send(());
    }

    /// Says that there is less to be written.
    pub(super) fn written(&self) -> Receiver<()> {
        self.written.1.clone()
    }
}

/// What a vector takes.
pub(super) fn size(bytes: &Vec<u8>) -> u64 {
    bytes.capacity() as u64
}
