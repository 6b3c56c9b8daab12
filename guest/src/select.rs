//! Waiting for several things at once.

use std::time::Duration;

use crate::bindings::wasi::clocks::monotonic_clock;
use crate::bindings::wasi::io::poll;
use crate::bindings::wasm_pool::interpreters::queues as wit;
use crate::error::QueueError;
use crate::item::Message;
use crate::queue::{Queue, nanoseconds, received};

/// What a [`select`] gave: the queue's position, and its value or why there is none.
pub type Ready<T> = (usize, Result<T, QueueError>);

/// Gets the next value of whichever queue has one first, waiting as long as `timeout`; `None` when the time is over. A queue
/// that is closed and empty is ready with [`QueueError::Closed`].
pub fn select<T: Message>(queues: &[&Queue<T>], timeout: Option<Duration>) -> Option<Ready<T>> {
    let raw: Vec<_> = queues.iter().map(|queue| queue.raw()).collect();
    match wit::select(&raw, timeout.map(nanoseconds)) {
        Ok((at, got)) => Some((at as usize, received(got))),
        Err((_, wit::QueueError::Empty)) => None,
        Err((at, error)) => Some((at as usize, Err(error.into()))),
    }
}

/// Something that becomes ready: a queue, a time, the end of a call.
#[derive(Debug)]
pub struct Pollable(pub(crate) poll::Pollable);

impl Pollable {
    /// Whether it is ready now.
    pub fn is_ready(&self) -> bool {
        self.0.ready()
    }
}

/// Ready after this time.
pub fn after(time: Duration) -> Pollable {
    Pollable(monotonic_clock::subscribe_duration(nanoseconds(time)))
}

/// Waits until at least one is ready; the positions of those that are.
///
/// # Panics
/// When there is none: it would wait for ever.
pub fn wait(pollables: &[&Pollable]) -> Vec<usize> {
    assert!(!pollables.is_empty(), "nothing to wait for");
    let raw: Vec<_> = pollables.iter().map(|pollable| &pollable.0).collect();
    poll::poll(&raw).into_iter().map(|at| at as usize).collect()
}
