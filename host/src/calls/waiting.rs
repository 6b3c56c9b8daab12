//! Waiting for several futures: CPython's `wait` and `as_completed`.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::future::{Future, FutureError};
use crate::queue::Wait;
use crate::sync::{Condvar, Mutex, Rank};

/// When [`wait`] has waited enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnWhen {
    /// One is done.
    FirstCompleted,
    /// One has failed, or all are done.
    FirstException,
    /// All are done.
    AllCompleted,
}

/// What [`wait`] found, each in the order in which it was given.
#[derive(Debug)]
pub struct Waited<T> {
    /// Those that are done. One that was cancelled is done when the executor has noticed, as in CPython.
    pub done: Vec<Future<T>>,
    /// The others.
    pub not_done: Vec<Future<T>>,
}

/// Wakes one thread that waits for several futures.
struct Signal {
    /// Places of those that were settled, in that order.
    settled: Mutex<VecDeque<usize>>,
    more: Condvar,
}

impl Signal {
    fn of<T>(futures: &[Option<Future<T>>]) -> Arc<Signal> {
        let signal = Arc::new(Signal {
            settled: Mutex::new(Rank::Settled, VecDeque::new()),
            more: Condvar::new(),
        });
        for (place, future) in futures.iter().enumerate() {
            let Some(future) = future else { continue };
            let signal = Arc::downgrade(&signal);
            future.watch(Box::new(move || {
                if let Some(signal) = signal.upgrade() {
                    signal.settled.lock().push_back(place);
                    signal.more.notify_all();
                }
            }));
        }
        signal
    }

    /// The next one that is settled; `None` when the time comes first.
    fn next(&self, until: Option<Instant>) -> Option<usize> {
        let mut settled = self.settled.lock();
        loop {
            if let Some(place) = settled.pop_front() {
                return Some(place);
            }
            match until {
                Some(until) => {
                    if self.more.wait_until(&mut settled, until).timed_out() {
                        return settled.pop_front();
                    }
                }
                None => self.more.wait(&mut settled),
            }
        }
    }
}

/// Blocks this thread until enough of the futures are done, for so long. CPython's `wait`.
pub fn wait<T>(futures: Vec<Future<T>>, enough: ReturnWhen, wait: Wait) -> Waited<T> {
    let futures: Vec<_> = futures.into_iter().map(Some).collect();
    let signal = Signal::of(&futures);
    let until = wait.until();
    let mut left = futures.len();
    while left > 0 {
        let Some(place) = signal.next(until) else { break };
        left -= 1;
        let failed = || futures[place].as_ref().is_some_and(Future::has_failed);
        let satisfied = match enough {
            ReturnWhen::FirstCompleted => true,
            ReturnWhen::FirstException => failed(),
            ReturnWhen::AllCompleted => false,
        };
        if satisfied {
            break;
        }
    }
    let (done, not_done) = futures.into_iter().flatten().partition(Future::is_settled);
    Waited { done, not_done }
}

/// The futures in the order in which they are done; those that are already, first. CPython's `as_completed`.
///
/// The iterator blocks its thread. When the time comes before all are done it gives [`FutureError::Timeout`] and ends.
pub fn as_completed<T>(futures: Vec<Future<T>>, wait: Wait) -> AsCompleted<T> {
    let futures: Vec<_> = futures.into_iter().map(Some).collect();
    AsCompleted {
        signal: Signal::of(&futures),
        left: futures.len(),
        futures,
        until: wait.until(),
    }
}

/// What [`as_completed`] gives.
pub struct AsCompleted<T> {
    futures: Vec<Option<Future<T>>>,
    left: usize,
    signal: Arc<Signal>,
    until: Option<Instant>,
}

impl<T> AsCompleted<T> {
    /// Those that are not done.
    pub fn into_rest(self) -> Vec<Future<T>> {
        self.futures.into_iter().flatten().collect()
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = Result<Future<T>, FutureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        match self.signal.next(self.until) {
            Some(place) => {
                self.left -= 1;
                self.futures[place].take().map(Ok)
            }
            None => {
                self.left = 0;
                Some(Err(FutureError::Timeout))
            }
        }
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
