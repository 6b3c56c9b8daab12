//! Results to come: the semantics of CPython's `concurrent.futures.Future`.
//!
//! A future is pending, then running, then finished; or it is cancelled while it is pending, and the executor notices that
//! when its turn comes. What CPython has not: [`kill`](Future::kill) ends a call that runs.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use super::seat::Seat;
use crate::error::{Error, ErrorKind};
use crate::outcome::Outcome;
use crate::queue::Wait;
use crate::sync::{Condvar, Mutex, MutexGuard, Rank};

/// The result of what was submitted.
pub struct Future<T> {
    shared: Arc<Shared<T>>,
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FutureError {
    /// There is none yet.
    Timeout,
    /// It was cancelled before it ran.
    Cancelled,
    /// The call did not come to its end: it trapped, reached a limit or its deadline, exited, or was killed.
    Ended(Outcome),
    /// The executor is broken, since its initializer failed.
    Broken(String),
    /// The executor or its pool has shut down, or has no room: why.
    Closed(String),
}

/// How errors of a broken executor begin.
pub(super) const BROKEN: &str = "the executor is broken: ";

/// Looks at a result that may be there in a moment: for about fifteen microseconds, which is what sleeping and waking cost.
const SPINS: u32 = 1_000;

/// Who sets the result. Dropping it without is a result too.
pub(super) struct Promise<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// It is finished or was cancelled; set under the lock.
    done: AtomicBool,
    /// Somebody wants it to end.
    killed: AtomicBool,
}

struct State<T> {
    phase: Phase,
    result: Option<Result<T, FutureError>>,
    callbacks: Vec<Callback<T>>,
    /// Told once it is finished, or the cancellation has been noticed.
    watchers: Vec<Box<dyn FnOnce() + Send>>,
    wakers: Vec<Waker>,
    /// Where it runs, and under which number.
    seat: Option<(Weak<Seat>, u64)>,
}

type Callback<T> = Box<dyn FnOnce(&Future<T>) + Send>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Pending,
    Running,
    Cancelled,
    /// The executor has seen that.
    CancelledAndNotified,
    Finished,
}

pub(super) fn promise<T: Send + 'static>() -> (Promise<T>, Future<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(
            Rank::Promise,
            State {
                phase: Phase::Pending,
                result: None,
                callbacks: Vec::new(),
                watchers: Vec::new(),
                wakers: Vec::new(),
                seat: None,
            },
        ),
        changed: Condvar::new(),
        done: AtomicBool::new(false),
        killed: AtomicBool::new(false),
    });
    let promise = Promise {
        shared: Arc::clone(&shared),
    };
    (promise, Future { shared })
}

impl<T> Promise<T> {
    /// It runs from now on, in this seat under this number; `false` when it was cancelled meanwhile, which is noticed by this.
    pub(super) fn begin(&self, seat: &Arc<Seat>, number: u64) -> bool {
        let mut state = self.shared.state.lock();
        match state.phase {
            Phase::Pending | Phase::Running => {
                state.phase = Phase::Running;
                state.seat = Some((Arc::downgrade(seat), number));
                true
            }
            Phase::Cancelled => {
                self.shared.notice(state);
                false
            }
            Phase::CancelledAndNotified | Phase::Finished => false,
        }
    }

    /// Somebody wants it to end.
    pub(super) fn is_killed(&self) -> bool {
        self.shared.killed.load(Ordering::Relaxed)
    }

    /// It will not run.
    pub(super) fn cancel(self) {
        let mut state = self.shared.state.lock();
        if matches!(state.phase, Phase::Pending | Phase::Cancelled) {
            state.phase = Phase::CancelledAndNotified;
            self.shared.tell(state, true);
        }
    }

    pub(super) fn set(self, result: Result<T, FutureError>) {
        self.shared.settle(result);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let lost = "the host lost the call".to_owned();
        self.shared.settle(Err(FutureError::Ended(Outcome::HostError(lost))));
    }
}

impl<T> Shared<T> {
    /// The cancellation has been noticed.
    fn notice(&self, mut state: MutexGuard<'_, State<T>>) {
        state.phase = Phase::CancelledAndNotified;
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        watchers.into_iter().for_each(|watcher| watcher());
    }

    /// Sets the result, once.
    fn settle(self: &Arc<Self>, result: Result<T, FutureError>) {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Pending | Phase::Running => {}
            Phase::Cancelled => return self.notice(state),
            Phase::CancelledAndNotified | Phase::Finished => return,
        }
        state.phase = Phase::Finished;
        state.result = Some(result);
        state.seat = None;
        self.tell(state, true);
    }

    /// Wakes everybody who waits for the phase that was just set.
    fn tell(self: &Arc<Self>, mut state: MutexGuard<'_, State<T>>, finished: bool) {
        self.done.store(true, Ordering::Release);
        self.changed.notify_all();
        let wakers = std::mem::take(&mut state.wakers);
        let callbacks = std::mem::take(&mut state.callbacks);
        let watchers = if finished {
            std::mem::take(&mut state.watchers)
        } else {
            Vec::new()
        };
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        watchers.into_iter().for_each(|watcher| watcher());
        if !callbacks.is_empty() {
            let future = Future {
                shared: Arc::clone(self),
            };
            callbacks.into_iter().for_each(|callback| call_back(&future, callback));
        }
    }
}

/// A callback that panics is its own affair, as in CPython.
fn call_back<T>(future: &Future<T>, callback: Callback<T>) {
    let _ = catch_unwind(AssertUnwindSafe(|| callback(future)));
}

impl<T> Future<T> {
    /// Cancels it if it does not run yet; whether it is cancelled. CPython's `cancel`.
    pub fn cancel(&self) -> bool {
        let mut state = self.shared.state.lock();
        match state.phase {
            Phase::Cancelled | Phase::CancelledAndNotified => true,
            Phase::Running | Phase::Finished => false,
            Phase::Pending => {
                state.phase = Phase::Cancelled;
                self.shared.tell(state, false);
                true
            }
        }
    }

    /// Ends it, whether it runs or not: cancels it, or stops the call at its next tick. Returns at once; `false` when it has
    /// finished.
    pub fn kill(&self) -> bool {
        if self.cancel() {
            return true;
        }
        let seat = {
            let state = self.shared.state.lock();
            if state.phase == Phase::Finished {
                return false;
            }
            // Seen by whoever is about to call; whoever calls already is told below.
            self.shared.killed.store(true, Ordering::Relaxed);
            state.seat.clone()
        };
        if let Some((seat, number)) = seat
            && let Some(seat) = seat.upgrade()
        {
            seat.kill(number);
        }
        true
    }

    /// Whether it was cancelled.
    pub fn cancelled(&self) -> bool {
        matches!(
            self.shared.state.lock().phase,
            Phase::Cancelled | Phase::CancelledAndNotified
        )
    }

    /// Whether it runs.
    pub fn running(&self) -> bool {
        self.shared.state.lock().phase == Phase::Running
    }

    /// Whether it has finished or was cancelled.
    pub fn done(&self) -> bool {
        self.shared.state.lock().phase.is_done()
    }

    /// Calls `callback` when it is done, on the thread that finished it, or at once if it is done. It must return at once.
    /// Callbacks are called in the order in which they were added; one that panics disturbs nobody.
    pub fn add_done_callback(&self, callback: impl FnOnce(&Future<T>) + Send + 'static) {
        let callback: Callback<T> = Box::new(callback);
        let mut state = self.shared.state.lock();
        if !state.phase.is_done() {
            state.callbacks.push(callback);
            return;
        }
        drop(state);
        call_back(self, callback);
    }

    /// Blocks this thread until it is done, for so long; whether it is.
    pub fn wait(&self, wait: Wait) -> bool {
        // A small call is done before this thread could be put to sleep and woken again, which costs more than it.
        if wait != Wait::No {
            for _ in 0..SPINS {
                if self.shared.done.load(Ordering::Acquire) {
                    break;
                }
                std::hint::spin_loop();
            }
        }
        let mut state = self.shared.state.lock();
        let until = wait.until();
        while !state.phase.is_done() {
            match until {
                Some(until) => {
                    if self.shared.changed.wait_until(&mut state, until).timed_out() {
                        return state.phase.is_done();
                    }
                }
                None => self.shared.changed.wait(&mut state),
            }
        }
        true
    }

    /// The result, taken out. Blocks this thread.
    ///
    /// # Errors
    /// [`FutureError`]
    pub fn into_result(self, wait: Wait) -> Result<T, FutureError> {
        if !self.wait(wait) {
            return Err(FutureError::Timeout);
        }
        self.shared.state.lock().take()
    }

    /// Tells `watcher` once it is finished or the cancellation was noticed; at once if that is so.
    pub(super) fn watch(&self, watcher: Box<dyn FnOnce() + Send>) {
        let mut state = self.shared.state.lock();
        if state.phase.is_settled() {
            drop(state);
            watcher();
        } else {
            state.watchers.push(watcher);
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.shared.state.lock().phase.is_settled()
    }

    /// It failed; a cancelled one has not.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.shared.state.lock().result, Some(Err(_)))
    }
}

impl<T: Clone> Future<T> {
    /// The result. Blocks this thread for so long. CPython's `result(timeout)`.
    ///
    /// # Errors
    /// [`FutureError`]
    pub fn result(&self, wait: Wait) -> Result<T, FutureError> {
        if !self.wait(wait) {
            return Err(FutureError::Timeout);
        }
        let state = self.shared.state.lock();
        state.result.clone().unwrap_or(Err(FutureError::Cancelled))
    }

    /// Why there is no result, or `None` when there is one. Blocks this thread for so long. CPython's `exception(timeout)`.
    pub fn exception(&self, wait: Wait) -> Option<FutureError> {
        self.result(wait).err()
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Result<T, FutureError> {
        self.result.take().unwrap_or(Err(FutureError::Cancelled))
    }
}

impl Phase {
    fn is_done(self) -> bool {
        !matches!(self, Phase::Pending | Phase::Running)
    }

    /// Done, and the executor knows.
    fn is_settled(self) -> bool {
        matches!(self, Phase::Finished | Phase::CancelledAndNotified)
    }
}

/// Waits without blocking, and takes the result out.
impl<T> std::future::Future for Future<T> {
    type Output = Result<T, FutureError>;

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.state.lock();
        if state.phase.is_done() {
            return Poll::Ready(state.take());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl FutureError {
    /// What an executor that takes nothing says, as a result.
    pub(super) fn from_refusal(error: &Error) -> FutureError {
        let why = error.to_string();
        match error.kind() {
            ErrorKind::Broken => FutureError::Broken(why.strip_prefix(BROKEN).unwrap_or(&why).to_owned()),
            _ => FutureError::Closed(why),
        }
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = self.shared.state.lock().phase;
        f.debug_struct("Future").field("phase", &phase).finish_non_exhaustive()
    }
}

impl fmt::Display for FutureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FutureError::Timeout => f.write_str("there is no result yet"),
            FutureError::Cancelled => f.write_str("it was cancelled before it ran"),
            FutureError::Ended(outcome) => outcome.fmt(f),
            FutureError::Broken(why) => write!(f, "{BROKEN}{why}"),
            FutureError::Closed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for FutureError {}
