//! What happens at the end of a life: its ending is told, and what it held is given back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytesize::ByteSize;

use crate::hostcalls::{Place, failure_of};
use crate::interpreter::desk::Desk;
use crate::interpreter::{InterpreterId, Setup};
use crate::limiter::Vitals;
use crate::outcome::{Cause, Ending, Outcome};
use crate::queue::Account;
use crate::scheduler::control::Control;
use crate::scheduler::{End, Settle};
use crate::stdio::Output;

/// What happens at the end of a life.
pub(super) struct Settlement<F> {
    pub(super) id: InterpreterId,
    pub(super) setup: Arc<Setup>,
    pub(super) control: Arc<Control>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) account: Option<Arc<Account>>,
    pub(super) desk: Option<Arc<Desk>>,
    /// Its output ends with it; a child writes into its parent's.
    pub(super) owns_output: bool,
    pub(super) place: Option<Place>,
    pub(super) then: F,
}

impl<F: FnOnce(InterpreterId, &Ending) + Send + 'static> Settle for Settlement<F> {
    fn settle(self, end: End) {
        let outcome = match end {
            End::Done(outcome) => outcome,
            End::Ended(Cause::Deadline) => Outcome::Deadline(self.setup.limits.deadline.unwrap_or_default()),
            End::Ended(Cause::CpuTime) => Outcome::Limit(self.control.cpu_limit_hit()),
            End::Ended(Cause::Killed) => Outcome::Killed,
            End::Ended(Cause::Deadlock) => Outcome::Deadlock(self.control.waited_for()),
        };
        let ending = Ending {
            outcome,
            wall: self.control.born().elapsed(),
            cpu: self.control.cpu(),
            peak_memory: ByteSize::b(self.vitals.peak_memory.load(Ordering::Relaxed)),
            output: ByteSize::b(self.vitals.written.bytes()),
            refused: self.vitals.refused(),
        };
        if let Some(recorder) = &self.control.hub().recorder {
            recorder.ended(self.control.track(), &ending);
        }
        if let Some(account) = &self.account {
            account.end();
        }
        // What others gave us to call may panic, which must not keep the life on the list.
        for output in [&self.setup.stdio.stdout, &self.setup.stdio.stderr] {
            if let Output::Pipe(pipe) = output
                && self.owns_output
            {
                let _ = catch_unwind(AssertUnwindSafe(|| pipe.end()));
            }
        }
        drop(self.place);
        let _ = catch_unwind(AssertUnwindSafe(|| (self.then)(self.id, &ending)));
        // Whoever hears of the end finds its place free.
        self.control.hub().roster.strike(&self.control);
        let outcome = self.desk.as_ref().map(|_| ending.outcome.clone());
        self.control.ending().set(ending);
        if let (Some(desk), Some(outcome)) = (&self.desk, outcome) {
            desk.end(|| failure_of(&outcome));
        }
        // Whoever waited for this one goes on before it counts no more.
        self.control.set_down();
    }
}
