//! Interpreters of one program that are handed calls: CPython's `InterpreterPoolExecutor`.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use wasmtime::Store;
use wasmtime::component::Val;

use super::batch::{Batch, Batched, Borrowing, Single, Step, Submission, Task, Values};
use super::caller::Caller;
use super::future::{Future, promise};
use super::map::Map;
use super::opened::Way;
use super::shared::{Shared, State};
use super::{Path, Returned, Reuse};
use crate::error::{Error, ErrorKind, Result};
use crate::interpreter::{Guest, Setup};
use crate::pool::Pool;
use crate::program::{Function, Kind, Program};
use crate::sync::{Condvar, Mutex, Rank, RwLock};
use crate::telemetry::Load;

/// Hands calls to interpreters of one program. Cloning gives another handle to the same executor.
///
/// When the last handle is dropped it takes nothing new; what was submitted runs on as long as its pool lives.
#[derive(Clone)]
pub struct Executor {
    handle: Arc<Handle>,
    /// For whom this handle calls.
    context: Option<Context>,
}

/// What host functions shall know of a call.
pub(super) type Context = Arc<dyn Any + Send + Sync>;

struct Handle {
    shared: Arc<Shared>,
    /// Keeps the pool alive.
    pool: Pool,
    program: RwLock<Program>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close(Pending::Run);
    }
}

/// What becomes of what was submitted and has not begun, when an executor shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// It still runs.
    Run,
    /// It is cancelled. CPython's `cancel_futures`.
    Cancel,
}

/// Makes an [`Executor`].
#[derive(Debug)]
pub struct ExecutorBuilder {
    pool: Pool,
    program: Program,
    setup: Arc<Setup>,
    reuse: Reuse,
    path: Path,
    interpreters: Option<usize>,
    waiting: usize,
    patience: Duration,
    initializer: Option<(String, Vec<Val>)>,
}

impl ExecutorBuilder {
    /// What each interpreter is given: grants, streams, and limits, of which deadline, processor time and fuel are each call's
    /// own. Default: nothing granted, default limits.
    pub fn setup(mut self, setup: impl Into<Arc<Setup>>) -> ExecutorBuilder {
        self.setup = setup.into();
        self
    }

    /// What becomes of an interpreter after a call. Default: [`Reuse::Fresh`].
    pub fn reuse(mut self, reuse: Reuse) -> ExecutorBuilder {
        self.reuse = reuse;
        self
    }

    /// How calls run. Default: [`Path::Auto`].
    pub fn path(mut self, path: Path) -> ExecutorBuilder {
        self.path = path;
        self
    }

    /// How many calls may run at once, each in an interpreter of its own: CPython's `max_workers`. Default: as many as the pool
    /// has workers, and four more where a call can wait; at most 32, or all workers.
    pub fn interpreters(mut self, interpreters: usize) -> ExecutorBuilder {
        self.interpreters = Some(interpreters);
        self
    }

    /// How many submissions may wait for an interpreter. Default: 65,536.
    pub fn waiting(mut self, waiting: usize) -> ExecutorBuilder {
        self.waiting = waiting;
        self
    }

    /// How long [`submit`](Executor::submit) and its kin wait for room among those that wait. Default: not at all.
    pub fn patience(mut self, patience: Duration) -> ExecutorBuilder {
        self.patience = patience;
        self
    }

    /// A function of the program that each interpreter runs before its first call. When it fails the executor is broken: what
    /// waits fails, and nothing more is taken.
    pub fn initializer(mut self, function: impl Into<String>, arguments: Vec<Val>) -> ExecutorBuilder {
        self.initializer = Some((function.into(), arguments));
        self
    }

    /// The executor. Interpreters are made when there is something to call.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for no interpreters, an initializer that the program does not have, a path that the program cannot
    /// take, or limits that its engine was not made with; [`ErrorKind::Unfit`] when the engine never has room for so many
    /// interpreters, [`ErrorKind::Saturated`] when it has none at present; [`ErrorKind::Refused`] for a program of another engine than the pool's; [`ErrorKind::Closed`].
    pub fn build(self) -> Result<Executor> {
        let commons = Arc::clone(self.pool.commons());
        commons.check_engine(&self.program)?;
        let way = check(&self.program, self.path, self.initializer.as_ref())?;
        commons.engine.admit(&self.setup.limits)?;
        commons.check_queues(&self.setup.grants)?;
        let workers = self.pool.workers();
        let seats = self.interpreters.unwrap_or(match way {
            Way::Direct => workers,
            Way::Fiber => (workers + 4).min(workers.max(32)),
        });
        if seats == 0 {
            return Err(Error::new(
                ErrorKind::Usage,
                "an executor needs an interpreter at least",
            ));
        }
        let room = commons.engine.instances() as usize;
        if !commons.hub.roster.reserve(seats, room) {
            return Err(commons.no_room(seats));
        }
        let handle = Handle {
            shared: Arc::new(Shared {
                commons,
                setup: self.setup,
                reuse: self.reuse,
                initializer: self.initializer,
                path: self.path,
                seats,
                waiting: self.waiting,
                patience: self.patience,
                state: Mutex::new(Rank::Seats, State::default()),
                in_hand: Arc::default(),
                room: Condvar::new(),
                rest: Condvar::new(),
                numbers: AtomicU64::new(0),
                load: Load::new(),
                functions: Mutex::new(Rank::Functions, None),
            }),
            pool: self.pool,
            program: RwLock::new(Rank::Program, self.program),
        };
        Ok(Executor {
            handle: Arc::new(handle),
            context: None,
        })
    }
}

/// Core modules have no typed calls.
pub(super) fn require_component(program: &Program) -> Result<()> {
    match program.kind() {
        Kind::Component => Ok(()),
        Kind::Module => Err(Error::new(
            ErrorKind::Usage,
            format!("{}: a core module has no typed calls", program.name()),
        )),
    }
}

/// Whether such a program can be called so; the way.
fn check(program: &Program, path: Path, initializer: Option<&(String, Vec<Val>)>) -> Result<Way> {
    if let Some((name, arguments)) = initializer {
        let function = program.function(name)?;
        let (needed, given) = (function.params().len(), arguments.len());
        if needed != given {
            let message = format!("the initializer {function} was given {given} arguments");
            return Err(Error::new(ErrorKind::Usage, message));
        }
    }
    Way::of(program, path).map_err(|why| Error::new(ErrorKind::Usage, why))
}

impl Executor {
    /// An executor of `program` on `pool`, with every default.
    ///
    /// # Errors
    /// As [`ExecutorBuilder::build`].
    pub fn new(pool: &Pool, program: &Program) -> Result<Executor> {
        Executor::builder(pool, program).build()
    }

    /// An executor to be configured.
    pub fn builder(pool: &Pool, program: &Program) -> ExecutorBuilder {
        ExecutorBuilder {
            pool: pool.clone(),
            program: program.clone(),
            setup: Arc::default(),
            reuse: Reuse::default(),
            path: Path::default(),
            interpreters: None,
            waiting: 65_536,
            patience: Duration::ZERO,
            initializer: None,
        }
    }

    /// A handle to the same executor whose calls are for somebody: host functions find this in the
    /// [`Guest`](Guest::context) during each of them. [`Setup::context`] is for all calls.
    #[must_use]
    pub fn with_context(&self, context: impl Any + Send + Sync) -> Executor {
        Executor {
            handle: Arc::clone(&self.handle),
            context: Some(Arc::new(context)),
        }
    }

    /// The pool that it runs on.
    pub fn pool(&self) -> &Pool {
        &self.handle.pool
    }

    /// The program that new calls go to.
    pub fn program(&self) -> Program {
        self.handle.program.get()
    }

    /// How many calls may run at once.
    pub fn interpreters(&self) -> usize {
        self.handle.shared.seats
    }

    /// Whether calls of the program run directly, and why: for people.
    pub fn path(&self) -> Path {
        match Way::of(&self.program(), self.handle.shared.path) {
            Ok(Way::Direct) => Path::Direct,
            _ => Path::Fiber,
        }
    }

    /// The function of this name of the program that new calls go to; looked up once.
    ///
    /// # Errors
    /// As [`Program::function`].
    pub fn function(&self, name: &str) -> Result<Function> {
        self.handle.shared.function(&self.program(), name)
    }

    /// Lets new calls go to another program; what was submitted before finishes on the one before it. Nothing changes when this
    /// fails. [`Program::from_file_async`] compiles beside running calls.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when a function that was called by name is not there or is of another type, or the program cannot be
    /// called in the way that the executor was told; [`ErrorKind::Refused`] when it is of another engine.
    pub fn replace(&self, program: &Program) -> Result<()> {
        let shared = &self.handle.shared;
        shared.commons.check_engine(program)?;
        check(program, shared.path, shared.initializer.as_ref())?;
        let mut functions = HashMap::new();
        if let Some((_, known)) = &*shared.functions.lock() {
            for (name, before) in known {
                let after = program.function(name)?;
                if !after.is_like(before) {
                    let message = format!("{}: it has {after}, where {before} was", program.name());
                    return Err(Error::new(ErrorKind::Usage, message));
                }
                functions.insert(name.clone(), after);
            }
        }
        self.handle.program.replace(program.clone());
        *shared.functions.lock() = Some((program.clone(), functions));
        Ok(())
    }

    /// Submits a call; its value comes with the future. Dropping the future lets the call run.
    ///
    /// # Errors
    /// [`ErrorKind::Saturated`] when there is no room, after waiting for the executor's patience;
    /// [`ErrorKind::Closed`], [`ErrorKind::Broken`]; [`ErrorKind::Usage`] for arguments that are too many, too few or of another type, or a function of a
    /// program that cannot be called so; [`ErrorKind::Refused`] for one of another engine.
    pub fn submit(&self, function: &Function, arguments: Vec<Val>) -> Result<Future<Returned>> {
        let (needed, given) = (function.params().len(), arguments.len());
        if needed != given {
            let message = format!("{function} was given {given} arguments");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        crate::value::check(function, &arguments)
            .map_err(|why| Error::new(ErrorKind::Usage, format!("{function}: {why}")))?;
        let (promise, future) = promise();
        let task = Single::new(Step::Call, arguments, promise, Some);
        self.put(Box::new(task), function.program().clone(), Some(function.clone()), None)?;
        Ok(future)
    }

    /// Submits calls that one interpreter makes one after the other.
    ///
    /// # Errors
    /// As [`submit`](Executor::submit).
    pub fn submit_batch<B: Batch>(&self, function: &Function, batch: B) -> Result<Future<B::Output>> {
        let (promise, future) = promise();
        let task = Box::new(Batched { batch, promise });
        self.put(task, function.program().clone(), Some(function.clone()), None)?;
        Ok(future)
    }

    /// Submits calls with these arguments, one after the other, and what each gave.
    ///
    /// # Errors
    /// As [`submit`](Executor::submit).
    pub fn submit_all(
        &self,
        function: &Function,
        arguments: Vec<Vec<Val>>,
    ) -> Result<Future<Vec<Result<Returned, crate::Outcome>>>> {
        self.submit_batch(function, Values::new(arguments))
    }

    /// Submits what calls with types of its own, such as those of Wasmtime's `bindgen!` (`exports: { default: async }`): it has a
    /// store and an instance of the program for as long as its future runs, on a fiber unless the executor was told
    /// [`Path::Direct`].
    ///
    /// # Errors
    /// As [`submit`](Executor::submit); [`ErrorKind::Usage`] for a core module, which has no types of its own.
    pub fn submit_typed<T, F>(&self, call: F) -> Result<Future<T>>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(
                &'a mut Store<Guest>,
                &'a wasmtime::component::Instance,
            ) -> Borrowing<'a, wasmtime::Result<T>>
            + Send
            + 'static,
    {
        let program = self.program();
        require_component(&program)?;
        let slot = Arc::new(Mutex::new(Rank::Typed, None));
        let value = Arc::clone(&slot);
        let step = Step::Typed(Box::new(move |store, instance| {
            Box::pin(async move {
                let value = call(store, instance).await?;
                *slot.lock() = Some(value);
                Ok(())
            })
        }));
        let (promise, future) = promise();
        let task = Single::new(step, Vec::new(), promise, move |_| value.lock().take());
        let way = match self.handle.shared.path {
            Path::Direct => Way::Direct,
            Path::Auto | Path::Fiber => Way::Fiber,
        };
        self.put(Box::new(task), program, None, Some(way))?;
        Ok(future)
    }

    /// Calls a function once for each of these arguments, lazily and in their order; see [`Map`].
    pub fn map<I>(&self, function: &Function, arguments: I) -> Map<I::IntoIter>
    where
        I: IntoIterator<Item = Vec<Val>>,
    {
        Map::new(self.clone(), function.clone(), arguments.into_iter())
    }

    /// An interpreter for calls on the caller's own thread, with types of its own; see [`Caller`].
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the program can wait for something or is a core module; [`ErrorKind::Saturated`];
    /// [`ErrorKind::Closed`], [`ErrorKind::Broken`].
    pub fn caller<B>(
        &self,
        bind: impl FnMut(&mut Store<Guest>, &wasmtime::component::Instance) -> wasmtime::Result<B> + Send + 'static,
    ) -> Result<Caller<B>> {
        Caller::new(self, bind)
    }

    /// Takes nothing new from now on. Returns at once.
    pub fn close(&self, pending: Pending) {
        self.handle.shared.close(pending);
    }

    /// Takes nothing new, and blocks this thread until everything has ended and all interpreters are gone. May be called again.
    pub fn shutdown(&self, pending: Pending) {
        self.close(pending);
        let mut state = self.handle.shared.state.lock();
        while state.working > 0 {
            self.handle.shared.rest.wait(&mut state);
        }
    }

    /// [`shutdown`](Executor::shutdown), without blocking.
    ///
    /// # Errors
    /// [`ErrorKind::Host`] when the system gives no thread to wait on.
    pub async fn shutdown_async(&self, pending: Pending) -> Result<()> {
        let executor = self.clone();
        crate::blocking::run("wasm-pool-shutdown", move || executor.shutdown(pending)).await
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    fn put(&self, task: Box<dyn Task>, program: Program, function: Option<Function>, way: Option<Way>) -> Result<()> {
        self.handle.shared.commons.check_engine(&program)?;
        let way = match way {
            Some(way) => way,
            None => Way::of(&program, self.handle.shared.path).map_err(|why| Error::new(ErrorKind::Usage, why))?,
        };
        Shared::put(
            &self.handle.shared,
            Submission {
                in_hand: None,
                task,
                program,
                function,
                way,
                context: self.context.clone(),
                submitted: Instant::now(),
                began: None,
            },
        )
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.handle.shared.state.lock();
        f.debug_struct("Executor")
            .field("working", &state.working)
            .field("waiting", &state.queue.len())
            .finish_non_exhaustive()
    }
}
