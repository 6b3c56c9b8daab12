//! What an interpreter is given to do: calls, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::Val;

use super::Returned;
use super::executor::Context;
use super::future::{FutureError, Promise};
use super::opened::Way;
use super::seat::Seat;
use crate::interpreter::Guest;
use crate::outcome::Outcome;
use crate::program::{Function, Program};

/// Calls of one function that one interpreter makes one after the other.
///
/// Its methods run where the calls do, so what takes time, such as reading arguments and writing results, is done by all
/// workers at once. Each call is its own: has its own limits, and, as [`Reuse`](super::Reuse) says, its own interpreter.
pub trait Batch: Send + 'static {
    /// What is left at the end.
    type Output: Send + 'static;

    /// Puts the arguments of the next call into `arguments`, which is empty and used again for each call; `false` when there
    /// is none left.
    fn next(&mut self, arguments: &mut Vec<Val>) -> bool;

    /// The call that `next` began has ended: with what it gave, or how it was ended.
    fn done(&mut self, result: Result<Returned, Outcome>);

    /// All calls have ended.
    fn finish(self) -> Self::Output;
}

/// A boxed future that borrows what it was made with.
pub(super) type Borrowing<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is submitted to call with types of its own: it has an interpreter for as long as its future runs.
pub(super) type TypedCall = Box<
    dyn for<'a> FnOnce(&'a mut Store<Guest>, &'a wasmtime::component::Instance) -> Borrowing<'a, wasmtime::Result<()>>
        + Send,
>;

/// What comes next in a task.
pub(super) enum Step {
    /// A call of the task's function.
    Call,
    /// A call that knows by itself what it calls.
    Typed(TypedCall),
}

/// What was submitted, and who waits for it, whatever they are.
pub(super) trait Task: Send {
    /// It runs from now on; `false` when it was cancelled.
    fn begin(&self, seat: &Arc<Seat>, number: u64) -> bool;

    /// Somebody wants it to end.
    fn is_killed(&self) -> bool;

    /// What comes next; the arguments of a plain call go into `arguments`, which is empty.
    fn next(&mut self, arguments: &mut Vec<Val>) -> Option<Step>;

    fn done(&mut self, result: Result<Returned, Outcome>);

    fn finish(self: Box<Self>);

    fn fail(self: Box<Self>, why: FutureError);

    /// It will not run; as if its future had been cancelled.
    fn cancel(self: Box<Self>);
}

/// A task in the executor's queue.
pub(super) struct Submission {
    /// From when a seat takes it until just before its result is there: who has that finds its room free.
    pub in_hand: Option<InHand>,
    pub task: Box<dyn Task>,
    pub program: Program,
    /// What its plain calls call.
    pub function: Option<Function>,
    pub way: Way,
    /// For whom its calls are.
    pub context: Option<Context>,
    pub submitted: Instant,
    /// When the first turn began with it.
    pub began: Option<Instant>,
}

/// Counts one of those that seats have in hand.
pub(super) struct InHand(Arc<AtomicUsize>);

impl InHand {
    pub(super) fn new(count: &Arc<AtomicUsize>) -> InHand {
        count.fetch_add(1, Relaxed);
        InHand(Arc::clone(count))
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Submission {
    /// All its calls have ended.
    pub(super) fn finish(self) {
        drop(self.in_hand);
        self.task.finish();
    }

    /// It has this result. A batch that panics when it is dropped disturbs nobody.
    pub(super) fn fail(self, why: FutureError) {
        drop(self.in_hand);
        let _ = catch_unwind(AssertUnwindSafe(|| self.task.fail(why)));
    }

    /// It will not run. A batch that panics when it is dropped disturbs nobody.
    pub(super) fn cancel(self) {
        drop(self.in_hand);
        let _ = catch_unwind(AssertUnwindSafe(|| self.task.cancel()));
    }
}

/// A batch that was submitted.
pub(super) struct Batched<B: Batch> {
    pub batch: B,
    pub promise: Promise<B::Output>,
}

impl<B: Batch> Task for Batched<B> {
    fn begin(&self, seat: &Arc<Seat>, number: u64) -> bool {
        self.promise.begin(seat, number)
    }

    fn is_killed(&self) -> bool {
        self.promise.is_killed()
    }

    fn next(&mut self, arguments: &mut Vec<Val>) -> Option<Step> {
        self.batch.next(arguments).then_some(Step::Call)
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        self.batch.done(result);
    }

    fn finish(self: Box<Self>) {
        let Batched { batch, promise } = *self;
        promise.set(Ok(batch.finish()));
    }

    fn fail(self: Box<Self>, why: FutureError) {
        self.promise.set(Err(why));
    }

    fn cancel(self: Box<Self>) {
        self.promise.cancel();
    }
}

/// One call, whose failure is the future's.
pub(super) struct Single<T> {
    step: Option<Step>,
    arguments: Vec<Val>,
    result: Option<Result<Returned, Outcome>>,
    /// The result of a call that went well.
    value: Box<dyn FnOnce(Returned) -> Option<T> + Send>,
    promise: Promise<T>,
}

impl<T> Single<T> {
    /// `value` makes the future's value of what the call gave.
    pub(super) fn new(
        step: Step,
        arguments: Vec<Val>,
        promise: Promise<T>,
        value: impl FnOnce(Returned) -> Option<T> + Send + 'static,
    ) -> Single<T> {
        Single {
            step: Some(step),
            arguments,
            result: None,
            value: Box::new(value),
            promise,
        }
    }
}

impl<T: Send> Task for Single<T> {
    fn begin(&self, seat: &Arc<Seat>, number: u64) -> bool {
        self.promise.begin(seat, number)
    }

    fn is_killed(&self) -> bool {
        self.promise.is_killed()
    }

    fn next(&mut self, arguments: &mut Vec<Val>) -> Option<Step> {
        *arguments = std::mem::take(&mut self.arguments);
        self.step.take()
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        self.result = Some(result);
    }

    fn finish(self: Box<Self>) {
        let Single {
            result, value, promise, ..
        } = *self;
        match result {
            Some(Ok(returned)) => {
                // Without a value the promise is dropped, which says that the host lost the call.
                if let Some(value) = value(returned) {
                    promise.set(Ok(value));
                }
            }
            Some(Err(outcome)) => promise.set(Err(FutureError::Ended(outcome))),
            None => {}
        }
    }

    fn fail(self: Box<Self>, why: FutureError) {
        self.promise.set(Err(why));
    }

    fn cancel(self: Box<Self>) {
        self.promise.cancel();
    }
}

/// Calls with these arguments; what each gave.
pub(super) struct Values {
    arguments: std::vec::IntoIter<Vec<Val>>,
    results: Vec<Result<Returned, Outcome>>,
}

impl Values {
    pub(super) fn new(arguments: Vec<Vec<Val>>) -> Values {
        Values {
            results: Vec::with_capacity(arguments.len()),
            arguments: arguments.into_iter(),
        }
    }
}

impl Batch for Values {
    type Output = Vec<Result<Returned, Outcome>>;

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        let next = self.arguments.next();
        next.map(|next| *arguments = next).is_some()
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        self.results.push(result);
    }

    fn finish(self) -> Self::Output {
        self.results
    }
}
