//! Workers, the interpreters that run on them, and the memory that they share.
//!
//! What bounds a life: its own limits, and the pool's memory. What ends it: its entry returns, it traps, it reaches a
//! limit or its deadline, somebody kills it, or the pool shuts down. Whatever ends one, the others do not notice.
//!
//! Dropping a pool ends what still runs and waits for it; it cannot hang, since ending never depends on a guest.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use parking_lot::{Condvar, Mutex};

use crate::budget::Budget;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::executor::clock::{Appointment, Clock};
use crate::executor::control::Control;
use crate::executor::{End, Executor, Settle};
use crate::interpreter::{Interpreter, InterpreterId, Life, Setup};
use crate::limiter::Vitals;
use crate::machine;
use crate::outcome::{Cause, Ending, Outcome};
use crate::program::Program;
use crate::stdio::{Output, Stdio};

/// Worker threads and the interpreters that they run. Cloning gives another handle to the same pool.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    engine: Engine,
    executor: Executor,
    workers: usize,
    budget: Budget,
    switch_interval: Duration,
    next_id: AtomicU64,
    closed: AtomicBool,
    alive: Arc<Alive>,
}

/// The lives that are not over.
#[derive(Default)]
struct Alive {
    /// Held only to add, remove and list; nothing is called under it.
    lives: Mutex<HashMap<InterpreterId, Weak<Control>>>,
    fewer: Condvar,
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
    switch_interval: Duration,
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

    /// How long a guest runs before another one gets its turn. Default: 5 ms, as in CPython.
    pub fn switch_interval(mut self, interval: Duration) -> PoolBuilder {
        self.switch_interval = interval;
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
        Ok(Pool(Arc::new(Inner {
            executor: Executor::start(self.engine.wasmtime(), self.workers)?,
            engine: self.engine,
            workers: self.workers,
            budget: Budget::new(self.memory.as_u64()),
            switch_interval: self.switch_interval,
            next_id: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            alive: Arc::default(),
        })))
    }
}

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
            switch_interval: SWITCH_INTERVAL,
        }
    }

    /// How many threads run guests.
    pub fn workers(&self) -> usize {
        self.0.workers
    }

    /// The memory that the interpreters share.
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// How many lives are not over.
    pub fn alive(&self) -> usize {
        self.0.alive.lives.lock().len()
    }

    /// Starts an interpreter of `program`. Returns at once.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] when the pool shuts down, [`ErrorKind::Refused`] when the program is no command,
    /// [`ErrorKind::Unfit`] when the engine has no room for one more, [`ErrorKind::Usage`] for limits that its engine
    /// was not made with.
    pub fn spawn(&self, program: &Program, setup: Setup) -> Result<Interpreter> {
        self.spawn_then(program, setup, |_, _| ())
    }

    /// [`spawn`](Pool::spawn), and calls `then` with the ending, on a worker, before anybody who waits hears of it. It
    /// must return at once.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn).
    pub fn spawn_then(
        &self,
        program: &Program,
        setup: Setup,
        then: impl FnOnce(InterpreterId, &Ending) + Send + 'static,
    ) -> Result<Interpreter> {
        let inner = &*self.0;
        program.require_command()?;
        inner.engine.admit(&setup.limits)?;
        let id = InterpreterId(inner.next_id.fetch_add(1, Ordering::Relaxed));
        let control = inner.executor.control(setup.limits.cpu_time);
        self.enlist(id, &control)?;
        let vitals = Arc::new(Vitals::new(&setup.limits));
        let deadline = setup.limits.deadline;
        let settlement = Settlement {
            id,
            alive: Arc::clone(&inner.alive),
            control: Arc::clone(&control),
            vitals: Arc::clone(&vitals),
            stdio: setup.stdio.clone(),
            deadline,
            appointment: deadline
                .and_then(|deadline| control.born().checked_add(deadline))
                .map(|at| {
                    (
                        Arc::clone(inner.executor.clock()),
                        inner.executor.clock().remember(at, &control),
                    )
                }),
            then,
        };
        let life = Box::new(Life {
            name: program.name_shared(),
            program: program.clone(),
            setup,
            control: Arc::clone(&control),
            vitals,
            budget: inner.budget.clone(),
            switch_interval: inner.switch_interval,
        });
        inner.executor.spawn(&control, Box::pin(life.run()), settlement);
        Ok(Interpreter::new(id, control))
    }

    /// Runs an interpreter of `program` from start to end; blocks this thread.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn).
    pub fn run(&self, program: &Program, setup: Setup) -> Result<Ending> {
        Ok(self.spawn(program, setup)?.join())
    }

    /// Runs an interpreter of `program` from start to end.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn).
    pub async fn run_async(&self, program: &Program, setup: Setup) -> Result<Ending> {
        Ok(self.spawn(program, setup)?.wait().await)
    }

    /// Blocks this thread until no life is left; lives that start meanwhile are waited for too.
    pub fn join_all(&self) {
        self.0.alive.wait_until_none(None);
    }

    /// Takes nothing new from now on.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
    }

    /// Ends every life now, and takes nothing new. Returns at once.
    pub fn kill_all(&self) {
        self.0.kill_all();
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
            if !self.0.alive.wait_until_none(until) {
                self.0.kill_all();
            }
        }
        self.0.alive.wait_until_none(None);
    }

    /// [`shutdown`](Pool::shutdown), without blocking.
    ///
    /// # Errors
    /// [`ErrorKind::Host`] when the system gives no thread to wait on.
    pub async fn shutdown_async(&self, how: Shutdown) -> Result<()> {
        let pool = self.clone();
        crate::blocking::run("wasm-pool-shutdown", move || pool.shutdown(how)).await
    }

    fn enlist(&self, id: InterpreterId, control: &Arc<Control>) -> Result<()> {
        let mut lives = self.0.alive.lives.lock();
        // Looked at under the lock, so that a shutdown sees every life that got in.
        if self.0.closed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Closed, "the pool is shutting down"));
        }
        let room = self.0.engine.instances() as usize;
        if lives.len() >= room {
            let message = format!("the engine was made for {room} interpreters at once, and so many are alive");
            return Err(Error::new(ErrorKind::Unfit, message));
        }
        lives.insert(id, Arc::downgrade(control));
        Ok(())
    }
}

impl Inner {
    fn kill_all(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let lives: Vec<_> = self.alive.lives.lock().values().filter_map(Weak::upgrade).collect();
        for life in lives {
            life.end(Cause::Killed);
        }
    }
}

impl Alive {
    /// Waits until no life is left; `false` when the time came first.
    fn wait_until_none(&self, until: Option<Instant>) -> bool {
        let mut lives = self.lives.lock();
        while !lives.is_empty() {
            match until {
                Some(until) => {
                    if self.fewer.wait_until(&mut lives, until).timed_out() {
                        return lives.is_empty();
                    }
                }
                None => self.fewer.wait(&mut lives),
            }
        }
        true
    }

    fn remove(&self, id: InterpreterId) {
        let mut lives = self.lives.lock();
        lives.remove(&id);
        if lives.is_empty() {
            self.fewer.notify_all();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.kill_all();
        self.executor.stop();
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

/// What happens at the end of a life.
struct Settlement<F> {
    id: InterpreterId,
    alive: Arc<Alive>,
    control: Arc<Control>,
    vitals: Arc<Vitals>,
    stdio: Stdio,
    deadline: Option<Duration>,
    appointment: Option<(Arc<Clock>, Appointment)>,
    then: F,
}

impl<F: FnOnce(InterpreterId, &Ending) + Send + 'static> Settle for Settlement<F> {
    fn settle(self, end: End) {
        if let Some((clock, appointment)) = self.appointment {
            clock.forget(appointment);
        }
        let outcome = match end {
            End::Done(outcome) => outcome,
            End::Ended(Cause::Deadline) => Outcome::Deadline(self.deadline.unwrap_or_default()),
            End::Ended(Cause::CpuTime) => Outcome::Limit(self.control.cpu_limit_hit()),
            End::Ended(Cause::Killed) => Outcome::Killed,
        };
        let ending = Ending {
            outcome,
            wall: self.control.born().elapsed(),
            cpu: self.control.cpu(),
            peak_memory: ByteSize::b(self.vitals.peak_memory.load(Ordering::Relaxed)),
            output: ByteSize::b(self.vitals.written.bytes()),
            refused: self.vitals.refused(),
        };
        for output in [&self.stdio.stdout, &self.stdio.stderr] {
            if let Output::Pipe(pipe) = output {
                pipe.end();
            }
        }
        (self.then)(self.id, &ending);
        // Whoever hears of the end finds its place free.
        self.alive.remove(self.id);
        self.control.ending().set(ending);
    }
}
