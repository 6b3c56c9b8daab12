//! Workers, the interpreters that run on them, and the memory that they share.
//!
//! What bounds a life: its own limits, and the pool's memory. What ends it: its entry returns, it traps, it reaches a
//! limit or its deadline, somebody kills it, or the pool shuts down. Whatever ends one, the others do not notice.
//!
//! Dropping a pool ends what still runs and waits for it; it cannot hang, since ending never depends on a guest. It depends on the
//! disk where a guest was set up with [`FileCalls::Inline`](crate::FileCalls::Inline).

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytesize::ByteSize;

use crate::budget::Budget;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::grants::Grants;
use crate::hostcalls::{Family, Place, Talk, failure_of};
use crate::interpreter::desk::Desk;
use crate::interpreter::{Interpreter, InterpreterId, Life, Role, Script, Setup};
use crate::limiter::Vitals;
use crate::machine;
use crate::outcome::{Cause, Ending, Outcome};
use crate::program::Program;
use crate::queue::{Account, Queues};
use crate::scheduler::control::{Control, Span};
use crate::scheduler::roster::NotListed;
use crate::scheduler::threads::Threads;
use crate::scheduler::{self, End, Hub, Scheduler, Settle};
use crate::stdio::Output;
use crate::timeline::{Recorder, Timeline};

/// Worker threads and the interpreters that they run. Cloning gives another handle to the same pool.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    commons: Arc<Commons>,
    /// Dropping it ends every life and the workers.
    scheduler: Scheduler,
    workers: usize,
}

/// What the lives of a pool share; they hold it, and it holds none of them.
pub(crate) struct Commons {
    pub(crate) engine: Engine,
    pub(crate) hub: Arc<Hub>,
    pub(crate) budget: Budget,
    pub(crate) queues: Queues,
    /// For calls of programs that never wait.
    pub(crate) threads: Threads,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.scheduler.roster().end_all();
        self.commons.queues.shut();
        // A callback of a direct call may drop the pool: its thread cannot wait for itself.
        if self.commons.threads.is_here() {
            self.scheduler.wait_for_nobody();
        }
    }
}

/// How a pool shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Takes nothing new and lets what runs come to its end.
    Wait,
    /// Takes nothing new, gives what runs this long, then ends it.
    Grace(Duration),
    /// Ends everything now.
    Now,
}

/// Makes a [`Pool`].
#[derive(Debug)]
pub struct PoolBuilder {
    engine: Engine,
    workers: usize,
    memory: ByteSize,
    queues: u32,
    switch_interval: Duration,
    timeline: bool,
}

impl PoolBuilder {
    /// How many threads run guests. Default: [`machine::cores`].
    pub fn workers(mut self, workers: usize) -> PoolBuilder {
        self.workers = workers;
        self
    }

    /// Linear memory of all interpreters together. Default:
    /// [`Limits::pool_memory`](crate::Limits::pool_memory)'s.
    pub fn memory(mut self, memory: ByteSize) -> PoolBuilder {
        self.memory = memory;
        self
    }

    /// How many queues there may be. Default: [`Limits::pool_queues`](crate::Limits::pool_queues)'s.
    pub fn queues(mut self, queues: u32) -> PoolBuilder {
        self.queues = queues;
        self
    }

    /// How long a guest runs before another one gets its turn. Default: 5 ms, as in CPython.
    pub fn switch_interval(mut self, interval: Duration) -> PoolBuilder {
        self.switch_interval = interval;
        self
    }

    /// Records what every interpreter does when, for [`Pool::timeline`] and [`Pool::status`]; what that costs and what bounds it
    /// stands at [`timeline`](crate::timeline). Default: off.
    pub fn timeline(mut self, on: bool) -> PoolBuilder {
        self.timeline = on;
        self
    }

    /// Starts the pool.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for no workers or more than 1,024; [`ErrorKind::Host`] when the system gives no thread.
    pub fn build(self) -> Result<Pool> {
        if !(1..=MAX_WORKERS).contains(&self.workers) {
            let message = format!("{} workers are outside 1 to {MAX_WORKERS}", self.workers);
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let recorder = self.timeline.then(|| Recorder::new(self.workers));
        let scheduler = Scheduler::start(self.engine.wasmtime(), self.workers, self.switch_interval, recorder)?;
        let budget = Budget::new(self.memory.as_u64());
        let timer = scheduler.reactor().clone();
        let stack = self.engine.stack_room() + OWN_STACK;
        let threads = Threads::new(self.workers, self.switch_interval, stack);
        let commons = Arc::new(Commons {
            engine: self.engine,
            hub: Arc::clone(scheduler.hub()),
            queues: Queues::new(self.queues, &budget, timer, Arc::clone(scheduler.hub())),
            budget,
            threads,
        });
        if let Some(recorder) = &commons.hub.recorder {
            recorder.looks_at(&commons.queues);
        }
        Ok(Pool(Arc::new(Inner {
            commons,
            scheduler,
            workers: self.workers,
        })))
    }
}

/// What a thread for calls takes of its stack before a guest is on it.
const OWN_STACK: usize = 256 << 10;

/// More threads than any machine has cores; a typing error, not a wish.
const MAX_WORKERS: usize = 1_024;

/// As in CPython.
const SWITCH_INTERVAL: Duration = Duration::from_millis(5);

impl Pool {
    /// A pool for programs of `engine` with every default.
    ///
    /// # Errors
    /// As [`PoolBuilder::build`].
    pub fn new(engine: &Engine) -> Result<Pool> {
        Pool::builder(engine).build()
    }

    /// A pool to be configured.
    pub fn builder(engine: &Engine) -> PoolBuilder {
        PoolBuilder {
            engine: engine.clone(),
            workers: machine::cores(),
            memory: crate::Limits::default().pool_memory,
            queues: crate::Limits::default().pool_queues,
            switch_interval: SWITCH_INTERVAL,
            timeline: false,
        }
    }

    /// How many threads run guests.
    pub fn workers(&self) -> usize {
        self.0.workers
    }

    /// The memory that the interpreters share.
    pub fn budget(&self) -> &Budget {
        &self.0.commons.budget
    }

    /// The queues of the pool.
    pub fn queues(&self) -> &Queues {
        &self.0.commons.queues
    }

    pub(crate) fn commons(&self) -> &Arc<Commons> {
        &self.0.commons
    }

    /// What the interpreters have done so far; `None` unless the pool was built to [record](PoolBuilder::timeline) it.
    pub fn timeline(&self) -> Option<Timeline> {
        Some(self.0.commons.hub.recorder.as_ref()?.timeline())
    }

    /// How many lives are not over.
    pub fn alive(&self) -> usize {
        self.0.scheduler.roster().len()
    }

    /// The most lives that there were at once.
    pub fn peak(&self) -> usize {
        self.0.scheduler.roster().peak()
    }

    /// Starts an interpreter of `program`. Returns at once. A setup in an `Arc` can be used again without copying it.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] when the pool shuts down, [`ErrorKind::Refused`] when the program is no command,
    /// [`ErrorKind::Saturated`] when the engine has no room for one more at present, [`ErrorKind::Usage`] for limits that its engine
    /// was not made with.
    pub fn spawn(&self, program: &Program, setup: impl Into<Arc<Setup>>) -> Result<Interpreter> {
        self.spawn_then(program, setup, |_, _| ())
    }

    /// [`spawn`](Pool::spawn), and calls `then` with the ending, on a worker, before anybody who waits hears of it. It
    /// must return at once; a panic in it ends nothing else.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn).
    pub fn spawn_then(
        &self,
        program: &Program,
        setup: impl Into<Arc<Setup>>,
        then: impl FnOnce(InterpreterId, &Ending) + Send + 'static,
    ) -> Result<Interpreter> {
        program.require_command()?;
        self.begin(program, setup.into(), Role::Command, then)
    }

    fn begin(
        &self,
        program: &Program,
        setup: Arc<Setup>,
        role: Role,
        then: impl FnOnce(InterpreterId, &Ending) + Send + 'static,
    ) -> Result<Interpreter> {
        let family = Family::new(&setup.grants);
        let (id, control) = self.0.commons.start(program, setup, role, family, None, then)?;
        Ok(Interpreter::spawned(id, control))
    }

    /// Starts an interpreter of `program`, a language, which runs `script` from start to end. Returns at once.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn); [`ErrorKind::Refused`] when the program exports no `task`.
    pub fn spawn_script(
        &self,
        program: &Program,
        setup: impl Into<Arc<Setup>>,
        script: impl Into<Arc<Script>>,
    ) -> Result<Interpreter> {
        self.spawn_script_then(program, setup, script, |_, _| ())
    }

    /// [`spawn_script`](Pool::spawn_script), and calls `then` as [`spawn_then`](Pool::spawn_then) does.
    ///
    /// # Errors
    /// As [`spawn_script`](Pool::spawn_script).
    pub fn spawn_script_then(
        &self,
        program: &Program,
        setup: impl Into<Arc<Setup>>,
        script: impl Into<Arc<Script>>,
        then: impl FnOnce(InterpreterId, &Ending) + Send + 'static,
    ) -> Result<Interpreter> {
        program.require_task()?;
        self.begin(program, setup.into(), Role::Script(script.into()), then)
    }

    /// Creates an interpreter of `program` that does nothing yet and can be [called](Interpreter::call). It ends when its last
    /// handle is dropped, or is closed or killed; its deadline counts from now.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn); [`ErrorKind::Refused`] when the program exports no `task`.
    pub fn create(&self, program: &Program, setup: impl Into<Arc<Setup>>) -> Result<Interpreter> {
        let setup = setup.into();
        let family = Family::new(&setup.grants);
        self.0.commons.create(program, setup, family, None)
    }

    /// Runs an interpreter of `program` from start to end; blocks this thread.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn).
    pub fn run(&self, program: &Program, setup: impl Into<Arc<Setup>>) -> Result<Ending> {
        Ok(self.spawn(program, setup)?.join())
    }

    /// Runs an interpreter of `program` from start to end.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn).
    pub async fn run_async(&self, program: &Program, setup: impl Into<Arc<Setup>>) -> Result<Ending> {
        Ok(self.spawn(program, setup)?.wait().await)
    }

    /// Blocks this thread until no life is left; lives that start meanwhile are waited for too.
    pub fn join_all(&self) {
        self.0.scheduler.roster().wait_until_none(None);
    }

    /// Takes nothing new from now on.
    pub fn close(&self) {
        self.0.scheduler.roster().close();
        self.0.scheduler.hub().hope_went();
    }

    /// Announces that the host is about to start a life or to close a queue: until the announcement is dropped, lives that wait at
    /// named queues are not taken for deadlocked. What a host does because a life has ended it announces in the callback of
    /// [`spawn_then`](Pool::spawn_then).
    pub fn expect(&self) -> Expectation {
        let hub = Arc::clone(self.0.scheduler.hub());
        hub.expect();
        Expectation(hub)
    }

    /// Promises that the host will start no life while all others wait for each other: from now on lives that wait at named
    /// queues for somebody who does not exist are [deadlocked](crate::Outcome::Deadlock). Without this, or
    /// [`close`](Pool::close), a life to come could help them.
    pub fn all_started(&self) {
        self.0.scheduler.hub().all_started();
    }

    /// Ends every life now, and takes nothing new. Returns at once.
    pub fn kill_all(&self) {
        self.0.scheduler.roster().end_all();
    }

    /// Shuts down and blocks this thread until every life is over.
    pub fn shutdown(&self, how: Shutdown) {
        self.close();
        let patience = match how {
            Shutdown::Wait => None,
            Shutdown::Grace(grace) => Some(grace),
            Shutdown::Now => Some(Duration::ZERO),
        };
        if let Some(patience) = patience {
            let until = Instant::now().checked_add(patience);
            if !self.0.scheduler.roster().wait_until_none(until) {
                self.0.scheduler.roster().end_all();
            }
        }
        self.0.scheduler.roster().wait_until_none(None);
    }

    /// [`shutdown`](Pool::shutdown), without blocking.
    ///
    /// # Errors
    /// [`ErrorKind::Host`] when the system gives no thread to wait on.
    pub async fn shutdown_async(&self, how: Shutdown) -> Result<()> {
        let pool = self.clone();
        crate::blocking::run("wasm-pool-shutdown", move || pool.shutdown(how)).await
    }
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

    fn start(
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

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.0.workers)
            .field("alive", &self.alive())
            .finish_non_exhaustive()
    }
}

/// Something that the host is about to do; see [`Pool::expect`].
pub struct Expectation(Arc<Hub>);

impl Drop for Expectation {
    fn drop(&mut self) {
        self.0.expect_no_more();
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").finish_non_exhaustive()
    }
}

/// What happens at the end of a life.
struct Settlement<F> {
    id: InterpreterId,
    setup: Arc<Setup>,
    control: Arc<Control>,
    vitals: Arc<Vitals>,
    account: Option<Arc<Account>>,
    desk: Option<Arc<Desk>>,
    /// Its output ends with it; a child writes into its parent's.
    owns_output: bool,
    place: Option<Place>,
    then: F,
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
