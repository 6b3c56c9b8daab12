//! One of an executor's places where calls are made, one after the other.
//!
//! A seat works in *turns*: while there is something to do it takes one task after the other; when there is nothing, its turn
//! is over and it waits in the executor with its interpreter, if that may be used again. What ends a call from outside (a
//! deadline, a kill) ends the turn, and the next one goes on where it stopped. On the direct path a turn holds one of the pool's
//! [threads for calls](crate::scheduler::threads), on the fiber path it is a life on its workers; the work is the same code.
//!
//! Invariant: a seat has one turn at a time, and a task is either in the queue, in a turn, or in `unfinished`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::batch::{Step, Submission};
use super::future::FutureError;
use super::opened::{Opened, Opening, Way, in_vain};
use super::shared::{Next, Shared};
use crate::interpreter::InterpreterId;
use crate::outcome::{Cause, Outcome};
use crate::program::{Function, Program};
use crate::scheduler::control::{Control, Span};
use crate::scheduler::{End, Flag, Life, Scheduler, Settle, threads};
use crate::sync::{Mutex, Rank};
use crate::telemetry;
use crate::timeline::{WaitsFor, waits_for};

/// A place where calls are made.
pub(crate) struct Seat {
    pub(super) shared: Arc<Shared>,
    /// For the clock, when it calls directly.
    flag: Arc<Flag>,
    /// What runs, and its switch; so that nobody ends another task than he means. Only [`Control::end`] is called under this
    /// lock.
    current: Mutex<Option<(u64, Arc<Control>)>>,
    /// Between two turns. Nothing is called under this lock.
    between: Mutex<Between>,
    /// Its place in the pool's record, if there is one.
    recorded: OnceLock<u32>,
}

#[derive(Default)]
struct Between {
    /// What the last turn did not come to the end of, and what it was doing.
    unfinished: Option<(Submission, Doing)>,
    kept: Option<Opened>,
}

/// What a turn is doing for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Nothing that could be lost.
    Nothing,
    /// It gets an interpreter ready.
    Initializing,
    /// It calls.
    Calling,
}

/// A task in the hands of a turn; goes back to the seat when the turn is ended.
struct Held<'a> {
    seat: &'a Seat,
    submission: Option<Submission>,
    doing: Doing,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(submission) = self.submission.take() {
            self.seat.between.lock().unfinished = Some((submission, self.doing));
        }
    }
}

/// Why a turn does not go on.
enum Over {
    /// Somebody ended it: the control knows why.
    Interrupted,
    /// Another way of calling is wanted, or nothing.
    Done,
}

impl Seat {
    pub(super) fn new(shared: Arc<Shared>) -> Arc<Seat> {
        Arc::new(Seat {
            flag: shared.commons.hub.flag(),
            shared,
            current: Mutex::new(Rank::SeatCurrent, None),
            between: Mutex::new(Rank::SeatBetween, Between::default()),
            recorded: OnceLock::new(),
        })
    }

    /// Ends the task with this number if it runs here.
    pub(super) fn kill(&self, number: u64) {
        let current = self.current.lock();
        if let Some((running, control)) = &*current
            && *running == number
        {
            control.end(Cause::Killed);
        }
    }

    /// Begins a turn, which calls this way.
    pub(super) fn begin_turn(self: Arc<Seat>, way: Way) {
        let hub = Arc::clone(&self.shared.commons.hub);
        // The executor keeps a place for each of its seats.
        let Ok((number, control)) = hub.list(&self.shared.setup.limits, Span::Call, usize::MAX) else {
            self.close("the pool is shutting down");
            return;
        };
        let id = InterpreterId(number);
        if let Some(recorder) = &hub.recorder {
            recorder.takes_a_turn(&self.recorded, &control, id);
        }
        let turn = Turn {
            seat: Arc::clone(&self),
            control: Arc::clone(&control),
        };
        match way {
            Way::Fiber => {
                let switch = Arc::clone(&control);
                Scheduler::spawn(&switch, move || {
                    let same = Arc::clone(&control);
                    Life::new(same, async move { self.work(id, &control, way).await }, turn)
                });
            }
            Way::Direct => {
                let (commons, seat) = (Arc::clone(&self.shared.commons), Arc::clone(&self));
                let switch = Arc::clone(&control);
                let run = move || {
                    hub.runs_directly(&self.flag);
                    let work = || self.work(id, &control, way).now_or_never();
                    let end = match catch_unwind(AssertUnwindSafe(work)) {
                        Ok(Some(Some(outcome))) => End::Done(outcome),
                        Ok(Some(None)) => End::Ended(control.cause().unwrap_or(Cause::Killed)),
                        Ok(None) => End::Done(Outcome::HostError("a direct call waited".to_owned())),
                        Err(panic) => End::Done(Outcome::HostError(crate::scheduler::panic_message(&*panic))),
                    };
                    self.flag.rest();
                    turn.settle(end);
                };
                if let Err(error) = commons.threads.run(&switch, run) {
                    is_over(&switch);
                    seat.close(&error.to_string());
                }
            }
        }
    }

    /// A whole turn. `None` when it was ended from outside.
    async fn work(self: &Arc<Seat>, id: InterpreterId, control: &Arc<Control>, way: Way) -> Option<Outcome> {
        let mut opened = {
            let mut between = self.between.lock();
            between.kept.take()
        };
        if let Some(opened) = &mut opened {
            opened.controlled_by(control);
        }
        loop {
            if control.cause().is_some() {
                return None;
            }
            let unfinished = self.between.lock().unfinished.take();
            let submission = match unfinished {
                Some((submission, _)) => submission,
                None => match self.shared.next(way) {
                    Next::Task(submission) => submission,
                    Next::Other | Next::Nothing => {
                        waits_for(WaitsFor::ToBeCalled);
                        let kept = opened.filter(Opened::can_be_kept);
                        self.between.lock().kept = kept;
                        return Some(Outcome::Exited(0));
                    }
                },
            };
            let number = self.shared.number();
            let program = submission.program.clone();
            let program = program.name();
            let held = Held {
                seat: self,
                submission: Some(submission),
                doing: Doing::Nothing,
            };
            let span = tracing::debug_span!("task", program, interpreter = %id, call = number);
            let performed = self.perform(held, number, id, control, way, &mut opened);
            match performed.instrument(span).await {
                Ok(()) => {}
                Err(Over::Interrupted) => return None,
                Err(Over::Done) => return Some(Outcome::Exited(0)),
            }
        }
    }

    /// Makes the calls of one task.
    async fn perform(
        self: &Arc<Seat>,
        mut held: Held<'_>,
        number: u64,
        id: InterpreterId,
        control: &Arc<Control>,
        way: Way,
        opened: &mut Option<Opened>,
    ) -> Result<(), Over> {
        let Some(submission) = &mut held.submission else {
            return Ok(());
        };
        let (program, function) = (submission.program.clone(), submission.function.clone());
        let context = submission.context.clone();
        if !submission.task.begin(self, number) {
            held.submission = None;
            return Ok(());
        }
        *self.current.lock() = Some((number, Arc::clone(control)));
        let _seen = control.seen_on_this_thread(way == Way::Direct);
        let meters = program.meters();
        let began = *submission.began.get_or_insert_with(|| {
            let now = Instant::now();
            meters.wait.record(now - submission.submitted);
            now
        });
        let mut well = 0;
        // What a call is given and gives, written in place: a small call is as short as moving them a few times.
        let (mut arguments, mut returned) = (Vec::new(), None);
        loop {
            let Some(submission) = &mut held.submission else {
                return Ok(());
            };
            if way == Way::Direct && self.shared.commons.threads.anybody_waits() {
                threads::give_way(control, None);
            }
            // Seen here when it came between two calls; it may also be for the call before.
            if submission.task.is_killed() || control.cause().is_some() {
                return Err(Over::Interrupted);
            }
            arguments.clear();
            let Some(step) = submission.task.next(&mut arguments) else {
                break;
            };
            if !opened.as_ref().is_some_and(|opened| opened.serves(&program, way)) {
                *opened = None;
                held.doing = Doing::Initializing;
                match self.open(&program, id, control, way).await {
                    Ok(new) => *opened = Some(new),
                    Err(NotOpened::Interrupted) => return Err(Over::Interrupted),
                    Err(NotOpened::Failed(outcome)) => {
                        held.doing = Doing::Nothing;
                        if let Some(submission) = &mut held.submission {
                            telemetry::failed(&program, &outcome);
                            submission.task.done(Err(outcome));
                        }
                        continue;
                    }
                    Err(NotOpened::Broken(why)) => {
                        self.forget_current();
                        self.shared.break_down(&why);
                        if let Some(submission) = held.submission.take() {
                            submission.fail(FutureError::Broken(why));
                        }
                        return Err(Over::Done);
                    }
                }
            }
            let Some(interpreter) = opened.as_mut() else {
                return Ok(());
            };
            held.doing = Doing::Calling;
            if let Some(context) = &context {
                interpreter.is_for(context);
            }
            let called = match (step, &function) {
                (Step::Call, Some(function)) => interpreter.call(function, &arguments, &mut returned, control).await,
                (Step::Typed(call), _) => typed(interpreter, call, control).await,
                (Step::Call, None) => Err(Some(Outcome::HostError("there is nothing to call".to_owned()))),
            };
            let goes_on = called.is_ok() && self.shared.reuse.goes_on(interpreter.calls(), interpreter.memory());
            if !goes_on {
                *opened = None;
            }
            if let Err(None) = called {
                return Err(Over::Interrupted);
            }
            held.doing = Doing::Nothing;
            let Some(submission) = &mut held.submission else {
                return Ok(());
            };
            match called {
                Ok(()) => {
                    well += 1;
                    submission.task.done(Ok(returned.take()));
                }
                Err(outcome) => {
                    let outcome = outcome.unwrap_or(Outcome::Killed);
                    telemetry::failed(&program, &outcome);
                    submission.task.done(Err(outcome));
                }
            }
        }
        self.forget_current();
        meters.well.increment(well);
        meters.call.record(began.elapsed());
        if let Some(submission) = held.submission.take() {
            submission.finish();
        }
        Ok(())
    }

    /// An interpreter that is ready for calls.
    async fn open(
        &self,
        program: &Program,
        id: InterpreterId,
        control: &Arc<Control>,
        way: Way,
    ) -> Result<Opened, NotOpened> {
        let opening = Opening {
            id,
            program,
            setup: &self.shared.setup,
            control,
            commons: &self.shared.commons,
            way,
        };
        // Its start has the time of a call.
        if way == Way::Fiber {
            control.begin_call();
        }
        let opened = opening.open().await;
        control.end_call();
        let mut opened = opened.map_err(NotOpened::from)?;
        if let Some((name, arguments)) = &self.shared.initializer {
            let initializer = self.initializer(program, name)?;
            let mut returned = None;
            match opened.call(&initializer, arguments, &mut returned, control).await {
                Ok(()) => match in_vain(&returned) {
                    None => opened.forget_calls(),
                    Some(why) => return Err(NotOpened::Broken(format!("its initializer failed: {why}"))),
                },
                Err(Some(outcome)) => return Err(NotOpened::Broken(format!("its initializer failed: {outcome}"))),
                Err(None) => return Err(NotOpened::Interrupted),
            }
        }
        Ok(opened)
    }

    fn initializer(&self, program: &Program, name: &str) -> Result<Function, NotOpened> {
        self.shared
            .function(program, name)
            .map_err(|error| NotOpened::Broken(error.to_string()))
    }

    fn forget_current(&self) {
        *self.current.lock() = None;
    }

    /// It can have no turn any more.
    fn close(&self, why: &str) {
        self.clear();
        self.shared.stop(why);
        let unfinished = self.between.lock().unfinished.take();
        if let Some((mut submission, _)) = unfinished {
            // One that panics is dropped, and whoever waits hears of that.
            let _ = catch_unwind(AssertUnwindSafe(|| match submission.task.next(&mut Vec::new()) {
                Some(_) => submission.fail(FutureError::Closed(why.to_owned())),
                // Its last call has ended.
                None => submission.finish(),
            }));
        }
        self.shared.leave();
    }

    /// A turn has ended; the next one begins, or the seat waits.
    fn turned(self: Arc<Seat>, end: End, control: &Control) {
        self.forget_current();
        let unfinished = self.between.lock().unfinished.take();
        let Some((mut submission, doing)) = unfinished else {
            return Shared::sit_down(self);
        };
        let killed = submission.task.is_killed();
        let outcome = self.outcome(end, control);
        match doing {
            Doing::Initializing if !killed && outcome != Outcome::Killed && self.shared.initializer.is_some() => {
                let why = format!("its initializer failed: {outcome}");
                self.shared.break_down(&why);
                submission.fail(FutureError::Broken(why));
            }
            _ if killed => {
                telemetry::failed(&submission.program, &Outcome::Killed);
                if let Some(began) = submission.began {
                    submission.program.meters().call.record(began.elapsed());
                }
                submission.fail(FutureError::Ended(Outcome::Killed));
            }
            Doing::Initializing | Doing::Calling => {
                telemetry::failed(&submission.program, &outcome);
                let told = catch_unwind(AssertUnwindSafe(|| {
                    submission.task.done(Err(outcome));
                    submission
                }));
                // One that panics is dropped, and whoever waits hears of that.
                self.between.lock().unfinished = told.ok().map(|submission| (submission, Doing::Nothing));
            }
            Doing::Nothing => match outcome {
                // It panicked.
                Outcome::HostError(_) => submission.fail(FutureError::Ended(outcome)),
                // The end came just after the call that it was for.
                _ => self.between.lock().unfinished = Some((submission, doing)),
            },
        }
        Shared::sit_down(self);
    }

    fn outcome(&self, end: End, control: &Control) -> Outcome {
        match end {
            End::Done(outcome) => outcome,
            End::Ended(Cause::Deadline) => Outcome::Deadline(self.shared.setup.limits.deadline.unwrap_or_default()),
            End::Ended(Cause::CpuTime) => Outcome::Limit(control.cpu_limit_hit()),
            End::Ended(Cause::Killed) => Outcome::Killed,
            End::Ended(Cause::Deadlock) => Outcome::Deadlock(control.waited_for()),
        }
    }

    /// The way that it must go on; `None` when it has nothing unfinished.
    pub(super) fn unfinished_way(&self) -> Option<Way> {
        let between = self.between.lock();
        between.unfinished.as_ref().map(|(submission, _)| submission.way)
    }

    /// Gives up its interpreter.
    pub(super) fn clear(&self) {
        let kept = self.between.lock().kept.take();
        drop(kept);
    }
}

/// A typed call: what it gives is its own affair.
async fn typed(opened: &mut Opened, call: super::batch::TypedCall, control: &Control) -> Result<(), Option<Outcome>> {
    let called = async {
        opened.begin(control)?;
        match opened.parts() {
            (store, Some(instance)) => {
                let instance = *instance;
                call(store, &instance).await
            }
            (_, None) => wasmtime::bail!("a core module has no typed calls"),
        }
    }
    .await;
    opened.end(control);
    called.map_err(|error| opened.outcome(&error))
}

/// Why there is no interpreter.
enum NotOpened {
    Interrupted,
    /// This one did not start; the next one may.
    Failed(Outcome),
    /// None will start.
    Broken(String),
}

impl From<Option<Outcome>> for NotOpened {
    fn from(outcome: Option<Outcome>) -> NotOpened {
        outcome.map_or(NotOpened::Interrupted, NotOpened::Failed)
    }
}

/// One turn: what happens at its end.
struct Turn {
    seat: Arc<Seat>,
    control: Arc<Control>,
}

/// A turn counts no more.
fn is_over(control: &Control) {
    control.hub().roster.strike(control);
    control.set_down();
}

impl Settle for Turn {
    fn settle(self, end: End) {
        let Turn { seat, control } = self;
        is_over(&control);
        seat.turned(end, &control);
    }
}
