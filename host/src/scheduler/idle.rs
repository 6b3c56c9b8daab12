//! Workers that have nothing to do: one looks out for a while, the others sleep.
//!
//! To wake a thread costs more than a short turn, so nobody is woken while somebody looks out; whoever looked out, found
//! something and leaves more behind wakes the next one. Of those that sleep the last one is woken first: its caches are warm,
//! and on a machine that is not busy the others sleep on.
//!
//! Invariant: when a turn was queued and nobody sleeps any more than before, somebody is looking out, or every worker runs
//! a turn and looks at the lanes after it. It rests on an order that is the same everywhere: a turn is queued before it is
//! asked who looks out, and who looks out no more says so before he looks at the lanes for the last time.

use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst, fence};
use crate::sync::hint;
use crate::sync::thread::{self, Thread};
use crate::sync::{Mutex, Rank};

/// How often a worker looks before it sleeps: for some microseconds, which is what waking it would cost.
pub(super) const LOOKS: u32 = 128;

/// Who sleeps and who looks out.
pub(super) struct Idle {
    looks: u32,
    /// Nothing is called under this lock.
    sleepers: Mutex<Vec<Thread>>,
    /// How many they are, for those who do not lock.
    asleep: AtomicUsize,
    looking: AtomicUsize,
    /// Whoever finds nothing may go.
    closed: AtomicBool,
}

impl Idle {
    pub(super) fn new(looks: u32) -> Idle {
        Idle {
            looks,
            sleepers: Mutex::new(Rank::Sleepers, Vec::new()),
            asleep: AtomicUsize::new(0),
            looking: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// A turn was queued: somebody must see it.
    pub(super) fn queued(&self) {
        fence(SeqCst);
        if self.looking.load(SeqCst) == 0 && self.asleep.load(SeqCst) > 0 {
            self.wake();
        }
    }

    /// Waits until `waits` says that a turn waits, or until it is closed and none does; `true` for a turn. Another worker may
    /// take it all the same.
    pub(super) fn wait(&self, waits: impl Fn() -> bool) -> bool {
        // One that looks out is enough: it wakes the next.
        if self.looking.fetch_add(1, SeqCst) == 0 {
            for _ in 0..self.looks {
                if waits() || self.closed.load(SeqCst) {
                    break;
                }
                hint::spin_loop();
            }
        }
        loop {
            if waits() {
                self.found(&waits);
                return true;
            }
            if self.closed.load(SeqCst) {
                self.looking.fetch_sub(1, SeqCst);
                return false;
            }
            self.sleep(&waits);
        }
    }

    /// Whoever finds nothing goes.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
        fence(SeqCst);
        while self.asleep.load(SeqCst) > 0 {
            self.wake();
        }
    }

    /// This worker has found something and looks out no more.
    fn found(&self, waits: impl Fn() -> bool) {
        let last = self.looking.fetch_sub(1, SeqCst) == 1;
        if last && self.asleep.load(SeqCst) > 0 && waits() {
            self.wake();
        }
    }

    /// Sleeps until it is woken; it looks out before and after.
    fn sleep(&self, waits: impl Fn() -> bool) {
        let me = thread::current();
        let id = me.id();
        {
            let mut sleepers = self.sleepers.lock();
            sleepers.push(me);
            self.asleep.store(sleepers.len(), SeqCst);
        }
        self.looking.fetch_sub(1, SeqCst);
        fence(SeqCst);
        if waits() || self.closed.load(SeqCst) {
            let mut sleepers = self.sleepers.lock();
            // Else somebody has just taken it out, and counts it among those who look out.
            if let Some(at) = sleepers.iter().position(|sleeper| sleeper.id() == id) {
                sleepers.remove(at);
                self.asleep.store(sleepers.len(), SeqCst);
                self.looking.fetch_add(1, SeqCst);
            }
            return;
        }
        loop {
            thread::park();
            let sleepers = self.sleepers.lock();
            if sleepers.iter().all(|sleeper| sleeper.id() != id) {
                return;
            }
        }
    }

    /// Wakes the one that slept last; it looks out from now on.
    fn wake(&self) {
        let sleeper = {
            let mut sleepers = self.sleepers.lock();
            let sleeper = sleepers.pop();
            self.asleep.store(sleepers.len(), SeqCst);
            if sleeper.is_some() {
                self.looking.fetch_add(1, SeqCst);
            }
            sleeper
        };
        if let Some(sleeper) = sleeper {
            sleeper.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// Workers that take numbers from a counter; every one that is put there is taken.
    #[test]
    fn whatever_is_queued_is_found() {
        let idle = Arc::new(Idle::new(LOOKS));
        let (left, taken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let (idle, left, taken) = (Arc::clone(&idle), Arc::clone(&left), Arc::clone(&taken));
                thread::spawn(move || {
                    while idle.wait(|| left.load(SeqCst) > 0) {
                        let one = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
                        if one.is_ok() {
                            taken.fetch_add(1, SeqCst);
                        }
                    }
                })
            })
            .collect();
        for round in 1..=20_000 {
            left.fetch_add(1, SeqCst);
            idle.queued();
            // Every seventh is waited for, so that workers fall asleep in between.
            while round % 7 == 0 && taken.load(SeqCst) < round {
                thread::yield_now();
            }
        }
        idle.close();
        for worker in workers {
            assert!(worker.join().is_ok());
        }
        assert_eq!((taken.load(SeqCst), left.load(SeqCst)), (20_000, 0));
        assert_eq!((idle.looking.load(SeqCst), idle.asleep.load(SeqCst)), (0, 0));
    }
}
