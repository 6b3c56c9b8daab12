//! What a queue is like, and how long somebody waits at it.

use std::fmt;
use std::time::{Duration, Instant};

use bytesize::ByteSize;

use super::ITEM_OVERHEAD;
use crate::error::{Error, ErrorKind, Result};

/// Names a queue within its pool, from 1; never used again in the pool's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub(crate) u64);

impl QueueId {
    /// The id with this number. It names a queue only if the pool has one with it.
    pub fn new(number: u64) -> QueueId {
        QueueId(number)
    }

    /// Its number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What becomes of an item when the interpreter that put it ends before anybody got it. Items of the host stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unbound {
    /// Whoever gets it gets [`Received::Unbound`](super::Received::Unbound) in its place. CPython's `UNBOUND`, and its default.
    #[default]
    Replace,
    /// Whoever gets it gets [`GetError::InterpreterDestroyed`](super::GetError::InterpreterDestroyed), once. CPython's `UNBOUND_ERROR`.
    Error,
    /// It is removed. CPython's `UNBOUND_REMOVE`.
    Remove,
    /// It is delivered all the same. Only for queues that the host makes.
    Keep,
}

/// What a new queue is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueOptions {
    /// How many items it holds at most; 0: bounded by bytes only. Default: 1,024.
    pub max_size: u32,
    /// How many bytes it holds at most; an item counts [`Item::weight`](super::Item::weight). Default: 16 MiB.
    pub max_bytes: ByteSize,
    /// For items that are put without saying otherwise. Default: [`Unbound::Replace`].
    pub unbound: Unbound,
}

impl Default for QueueOptions {
    fn default() -> QueueOptions {
        QueueOptions {
            max_size: 1_024,
            max_bytes: ByteSize::mib(16),
            unbound: Unbound::Replace,
        }
    }
}

impl QueueOptions {
    /// Checks that a queue can be like this.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`]
    pub fn check(&self) -> Result<()> {
        if self.max_bytes.as_u64() < ITEM_OVERHEAD {
            let message = format!(
                "a queue of {} bytes holds no item, which counts at least {ITEM_OVERHEAD}",
                self.max_bytes.as_u64()
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(())
    }
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    No,
    /// At most so long.
    For(Duration),
    /// As long as it takes.
    Forever,
}

impl Wait {
    /// Until when, from now; `None` for ever, which is also what lies beyond the clock's end.
    pub(crate) fn until(self) -> Option<Instant> {
        match self {
            Wait::No => Some(Instant::now()),
            Wait::For(time) => Instant::now().checked_add(time),
            Wait::Forever => None,
        }
    }

    pub(super) fn at_all(self) -> bool {
        !matches!(self, Wait::No | Wait::For(Duration::ZERO))
    }
}
