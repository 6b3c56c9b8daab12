//! One life as the future that workers poll: the guest, its processor time, and its end.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::control::Control;
use super::processor;
use crate::outcome::{Cause, Outcome};

/// Who hears how a life ended; called once, on a worker (or where the executor is dropped), after everything that the
/// guest held has been dropped.
pub(crate) trait Settle: Send + 'static {
    fn settle(self, end: End);
}

/// How a life ended, as the executor saw it.
pub(crate) enum End {
    /// The guest's future came to its end with this outcome.
    Done(Outcome),
    /// The life was ended for this cause.
    Ended(Cause),
}

/// What runs. It answers `None` when it was interrupted: only the control knows why.
pub(crate) type Guest = Pin<Box<dyn Future<Output = Option<Outcome>> + Send>>;

/// A guest and its switch.
pub(super) struct Life<S: Settle> {
    control: Arc<Control>,
    /// Gone as soon as it has ended.
    guest: Option<Guest>,
    settle: Option<S>,
}

impl<S: Settle> Life<S> {
    pub(super) fn new(control: Arc<Control>, guest: Guest, settle: S) -> Life<S> {
        Life {
            control,
            guest: Some(guest),
            settle: Some(settle),
        }
    }

    fn finish(&mut self, end: End) {
        // Dropping the guest unwinds its fiber and frees its memory; a panic in there is the host's bug and must not
        // take the worker along.
        let guest = self.guest.take();
        let end = match catch_unwind(AssertUnwindSafe(|| drop(guest))) {
            Ok(()) => end,
            Err(panic) => End::Done(Outcome::HostError(panic_message(&*panic))),
        };
        self.control.detach();
        if let Some(settle) = self.settle.take() {
            settle.settle(end);
        }
    }
}

// Nothing in here is pinned in place: the guest has a box of its own.
impl<S: Settle> Unpin for Life<S> {}

impl<S: Settle> Future for Life<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let life = &mut *self;
        let Some(guest) = life.guest.as_mut() else {
            return Poll::Ready(());
        };
        let slice = match life.control.begin_slice() {
            Ok(slice) => slice,
            Err(cause) => {
                life.finish(End::Ended(cause));
                return Poll::Ready(());
            }
        };
        let polled = catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(cx)));
        life.control.end_slice(slice, processor::used);
        let end = match polled {
            Ok(Poll::Pending) => match life.control.cause() {
                Some(cause) => End::Ended(cause),
                None => return Poll::Pending,
            },
            Ok(Poll::Ready(Some(outcome))) => End::Done(outcome),
            Ok(Poll::Ready(None)) => End::Ended(life.control.cause().unwrap_or(Cause::Killed)),
            Err(panic) => End::Done(Outcome::HostError(panic_message(&*panic))),
        };
        life.finish(end);
        Poll::Ready(())
    }
}

impl<S: Settle> Drop for Life<S> {
    fn drop(&mut self) {
        if self.settle.is_some() {
            self.finish(End::Ended(Cause::Killed));
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "a host call panicked: {}",
        crate::text::one_line(text.unwrap_or("no message"))
    )
}
