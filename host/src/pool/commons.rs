//! What the lives of a pool share, and how one begins.

use std::sync::Arc;

use super::settlement::Settlement;
use crate::budget::Budget;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::grants::Grants;
use crate::hostcalls::{Family, Place, Talk};
use crate::interpreter::desk::Desk;
use crate::interpreter::{Interpreter, InterpreterId, Life, Role, Setup};
use crate::limiter::Vitals;
use crate::outcome::Ending;
use crate::program::Program;
use crate::queue::{Account, Queues};
use crate::scheduler::control::{Control, Span};
use crate::scheduler::roster::NotListed;
use crate::scheduler::threads::Threads;
use crate::scheduler::{self, Hub, Scheduler};

/// What the lives of a pool share; they hold it, and it holds none of them.
pub(crate) struct Commons {
    pub(crate) engine: Engine,
    pub(crate) hub: Arc<Hub>,
    pub(crate) budget: Budget,
    pub(crate) queues: Queues,
    /// For calls of programs that never wait.
    pub(crate) threads: Threads,
}

impl Commons {
    /// An interpreter that waits for calls; `place` is its place in the family of its creator, if a guest is that.
    pub(crate) fn create(
        self: &Arc<Commons>,
        program: &Program,
        setup: Arc<Setup>,
        family: Family,
        place: Option<Place>,
    ) -> Result<Interpreter> {
        program.require_task()?;
        let desk = Arc::new(Desk::new(family.is_main()));
        let role = Role::Callee(Arc::clone(&desk));
        let (id, control) = self.start(program, setup, role, family, place, |_, _| ())?;
        Ok(Interpreter::created(id, control, desk))
    }

    pub(super) fn start(
        self: &Arc<Commons>,
        program: &Program,
        setup: Arc<Setup>,
        role: Role,
        family: Family,
        place: Option<Place>,
        then: impl FnOnce(InterpreterId, &Ending) + Send + 'static,
    ) -> Result<(InterpreterId, Arc<Control>)> {
        self.check_engine(program)?;
        self.engine.admit(&setup.limits)?;
        self.check_queues(&setup.grants)?;
        let room = self.engine.instances() as usize;
        let (number, control) = self
            .hub
            .list(&setup.limits, Span::Life, room)
            .map_err(|why| match why {
                NotListed::Closed => Error::new(ErrorKind::Closed, "the pool is shutting down"),
                NotListed::Full => self.no_room(1),
                NotListed::Broken => Error::host("the pool's clock failed: nothing would end at its deadline"),
            })?;
        let id = InterpreterId(number);
        if let Some(recorder) = &self.hub.recorder {
            recorder.made(&control, id, program.name().into());
        }
        let (commons, program, switch) = (Arc::clone(self), program.clone(), Arc::clone(&control));
        Scheduler::spawn(&switch, {
            let control = Arc::clone(&control);
            move || {
                let account = program.talks().then(|| Account::new(id, &family.ledger(&setup.limits)));
                let account = account.map(Arc::new);
                let shared = account.as_ref().filter(|_| family.is_shared());
                let shared = shared.map(|account| Arc::clone(account.ledger()));
                control.counts_for(shared.as_ref());
                let vitals = Arc::new(Vitals::new(&setup.limits, shared));
                if let Some(recorder) = &commons.hub.recorder {
                    recorder.counts_in(control.track(), &vitals);
                }
                let settlement = Settlement {
                    id,
                    setup: Arc::clone(&setup),
                    control: Arc::clone(&control),
                    vitals: Arc::clone(&vitals),
                    account: account.clone(),
                    desk: match &role {
                        Role::Command | Role::Script(_) => None,
                        Role::Callee(desk) => Some(Arc::clone(desk)),
                    },
                    owns_output: family.is_main(),
                    place,
                    then,
                };
                let talk =
                    account.map(|account| Box::new(Talk::new(&commons, &account, &control, &program, &setup, family)));
                let life = Life {
                    id,
                    program,
                    setup,
                    control,
                    vitals,
                    commons,
                    role,
                    talk,
                };
                scheduler::Life::new(Arc::clone(&life.control), life.run(), settlement)
            }
        });
        Ok((id, control))
    }

    /// Why there is no room for so many more interpreters: at present, or ever.
    pub(crate) fn no_room(&self, more: usize) -> Error {
        let room = self.engine.instances();
        if more > room as usize {
            let message = format!("the engine was made for {room} interpreters at once, and {more} do not fit");
            return Error::new(ErrorKind::Unfit, message);
        }
        let message =
            format!("the engine was made for {room} interpreters at once, and {more} more do not fit at present");
        Error::new(ErrorKind::Saturated, message)
    }

    /// Nobody would stop a program of another engine: its clock does not tick.
    pub(crate) fn check_engine(&self, program: &Program) -> Result<()> {
        if wasmtime::Engine::same(program.engine().wasmtime(), self.engine.wasmtime()) {
            return Ok(());
        }
        Err(Error::refused(format!(
            "{}: it is of another engine than the pool",
            program.name()
        )))
    }

    pub(crate) fn check_queues(&self, grants: &Grants) -> Result<()> {
        match grants.rights().find(|(name, _)| self.queues.open(name).is_none()) {
            Some((name, _)) => Err(Error::new(
                ErrorKind::Usage,
                format!("there is no queue {name:?} to grant"),
            )),
            None => Ok(()),
        }
    }
}
