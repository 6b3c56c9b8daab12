//! Workers, the interpreters that run on them, and the memory that they share.
//!
//! What bounds a life: its own limits, and the pool's memory. What ends it: its entry returns, it traps, it reaches a
//! limit or its deadline, somebody kills it, or the pool shuts down. Whatever ends one, the others do not notice.
//!
//! Dropping a pool ends what still runs and waits for it; it cannot hang, since ending never depends on a guest. It depends on the
//! disk where a guest was set up with [`FileCalls::Inline`](crate::FileCalls::Inline).

mod builder;
mod commons;
mod settlement;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::builder::PoolBuilder;
pub(crate) use self::commons::Commons;
use crate::budget::Budget;
use crate::engine::Engine;
use crate::error::Result;
use crate::hostcalls::Family;
use crate::interpreter::{Interpreter, InterpreterId, Role, Script, Setup};
use crate::outcome::Ending;
use crate::program::Program;
use crate::queue::Queues;
use crate::scheduler::{Hub, Scheduler};
use crate::timeline::Timeline;

/// Worker threads and the interpreters that they run. Cloning gives another handle to the same pool.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    commons: Arc<Commons>,
    /// Dropping it ends every life and the workers.
    scheduler: Scheduler,
    workers: usize,
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
        PoolBuilder::new(engine)
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
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) when the pool shuts down, [`ErrorKind::Refused`](crate::ErrorKind::Refused) when the program is no command,
    /// [`ErrorKind::Saturated`](crate::ErrorKind::Saturated) when the engine has no room for one more at present, [`ErrorKind::Usage`](crate::ErrorKind::Usage) for limits that its engine
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
    /// As [`spawn`](Pool::spawn); [`ErrorKind::Refused`](crate::ErrorKind::Refused) when the program exports no `task`.
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
    /// As [`spawn`](Pool::spawn); [`ErrorKind::Refused`](crate::ErrorKind::Refused) when the program exports no `task`.
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
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) when the system gives no thread to wait on.
    pub async fn shutdown_async(&self, how: Shutdown) -> Result<()> {
        let pool = self.clone();
        crate::blocking::run("wasm-pool-shutdown", move || pool.shutdown(how)).await
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
