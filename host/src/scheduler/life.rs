//! One life as the future that workers poll: the guest, its processor time, and its end.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use async_task::Runnable;
use pin_project_lite::pin_project;

use super::control::Control;
use super::lanes::Turn;
use super::processor;
use crate::outcome::{Cause, Outcome};

/// Who hears how a life ended; called once, on a worker (or where the scheduler is dropped), after everything that the
/// guest held has been dropped.
pub(crate) trait Settle: Send + 'static {
    fn settle(self, end: End);
}

/// How a life ended, as the scheduler saw it.
pub(crate) enum End {
    /// The guest's future came to its end with this outcome.
    Done(Outcome),
    /// The life was ended for this cause.
    Ended(Cause),
}

/// What runs. It answers `None` when it was interrupted: only the control knows why.
pub(crate) trait Guest: Future<Output = Option<Outcome>> + Send + 'static {}

impl<F: Future<Output = Option<Outcome>> + Send + 'static> Guest for F {}

/// A life that has not begun.
pub(crate) trait Start: Send {
    /// Begins it and runs its first turn, on this worker.
    fn start(self: Box<Self>);
}

/// What a life is made from, on the worker that runs it first: whoever starts lives leaves that to the workers, and what is
/// made and dropped by one thread costs less.
///
/// One that is never begun is made and dropped, so that whoever waits for its end hears of it.
pub(super) struct Beginning<F: FnOnce() -> L, L> {
    control: Arc<Control>,
    make: Option<F>,
}

impl<F: FnOnce() -> L, L> Beginning<F, L> {
    pub(super) fn new(control: &Arc<Control>, make: F) -> Beginning<F, L> {
        Beginning {
            control: Arc::clone(control),
            make: Some(make),
        }
    }
}

impl<F, G, S> Start for Beginning<F, Life<G, S>>
where
    F: FnOnce() -> Life<G, S> + Send,
    G: Guest,
    S: Settle,
{
    fn start(mut self: Box<Self>) {
        let Some(make) = self.make.take() else { return };
        let schedule = |turn: Runnable<Arc<Control>>| {
            let control = Arc::clone(turn.metadata());
            control.hub().lanes.push(Turn::Next(turn), &control);
        };
        let (turn, task) = async_task::Builder::new()
            .propagate_panic(false)
            .metadata(Arc::clone(&self.control))
            // Made in its place: it is large.
            .spawn(|_| make(), schedule);
        task.detach();
        turn.metadata().attach(turn.waker());
        turn.run();
    }
}

impl<F: FnOnce() -> L, L> Drop for Beginning<F, L> {
    fn drop(&mut self) {
        if let Some(make) = self.make.take() {
            drop(make());
        }
    }
}

pin_project! {
    /// A guest and its switch.
    pub(crate) struct Life<G: Guest, S: Settle> {
        control: Arc<Control>,
        // Gone as soon as it has ended. In place: a life is one allocation with its task.
        #[pin]
        guest: Option<G>,
        settle: Option<S>,
    }

    impl<G: Guest, S: Settle> PinnedDrop for Life<G, S> {
        fn drop(this: Pin<&mut Self>) {
            if this.settle.is_some() {
                this.finish(End::Ended(Cause::Killed));
            }
        }
    }
}

impl<G: Guest, S: Settle> Life<G, S> {
    pub(crate) fn new(control: Arc<Control>, guest: G, settle: S) -> Life<G, S> {
        Life {
            control,
            guest: Some(guest),
            settle: Some(settle),
        }
    }

    fn finish(self: Pin<&mut Self>, end: End) {
        let mut life = self.project();
        // Dropping the guest unwinds its fiber and frees its memory; a panic in there is the host's bug and must not
        // take the worker along.
        let began = Instant::now();
        let end = match catch_unwind(AssertUnwindSafe(|| life.guest.set(None))) {
            Ok(()) => end,
            Err(panic) => End::Done(Outcome::HostError(panic_message(&*panic))),
        };
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        life.control.leave_debts(processor::used(took));
        life.control.detach();
        if let Some(settle) = life.settle.take() {
            settle.settle(end);
        }
    }
}

impl<G: Guest, S: Settle> Future for Life<G, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let life = self.as_mut().project();
        let Some(guest) = life.guest.as_pin_mut() else {
            return Poll::Ready(());
        };
        let end = match life.control.begin_slice() {
            Err(cause) => End::Ended(cause),
            Ok(slice) => {
                let polled = catch_unwind(AssertUnwindSafe(|| guest.poll(cx)));
                life.control.end_slice(slice, processor::used);
                match polled {
                    Ok(Poll::Pending) => match life.control.cause() {
                        Some(cause) => End::Ended(cause),
                        None => return Poll::Pending,
                    },
                    Ok(Poll::Ready(Some(outcome))) => End::Done(outcome),
                    Ok(Poll::Ready(None)) => End::Ended(life.control.cause().unwrap_or(Cause::Killed)),
                    Err(panic) => End::Done(Outcome::HostError(panic_message(&*panic))),
                }
            }
        };
        self.finish(end);
        Poll::Ready(())
    }
}

/// What a panic said, for the outcome of whoever was in it.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "a host call panicked: {}",
        crate::text::one_line(text.unwrap_or("no message"))
    )
}
