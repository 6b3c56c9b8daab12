//! Interpreters of one program that are handed calls: CPython's `InterpreterPoolExecutor`.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};
use wasmtime::Store;
use wasmtime::component::Val;

use super::batch::{Batch, Batched, Borrowing, InHand, Single, Step, Submission, Task, Values};
use super::caller::Caller;
use super::future::{BROKEN, Future, FutureError, promise};
use super::map::Map;
use super::opened::Way;
use super::seat::Seat;
use super::{Path, Returned, Reuse};
use crate::error::{Error, ErrorKind, Result};
use crate::interpreter::{Guest, Setup};
use crate::pool::{Commons, Pool};
use crate::program::{Function, Kind, Program};
use crate::telemetry::Load;

/// Hands calls to interpreters of one program. Cloning gives another handle to the same executor.
///
/// When the last handle is dropped it takes nothing new; what was submitted runs on as long as its pool lives.
#[derive(Clone)]
pub struct Executor(Arc<Handle>);

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

/// What the seats share.
pub(super) struct Shared {
    pub commons: Arc<Commons>,
    pub setup: Arc<Setup>,
    pub reuse: Reuse,
    pub initializer: Option<(String, Vec<Val>)>,
    path: Path,
    seats: usize,
    waiting: usize,
    patience: Duration,
    state: Mutex<State>,
    /// How many submissions seats have taken from the queue and not finished.
    in_hand: Arc<AtomicUsize>,
    /// Told when the queue has room.
    room: Condvar,
    /// Told when nobody works any more.
    rest: Condvar,
    numbers: AtomicU64,
    load: Load,
    /// Functions of the program that was asked last, by name.
    functions: Mutex<Option<(Program, HashMap<String, Function>)>>,
}

/// Invariants: when something waits in the queue, all seats work; the roster keeps a place for each seat, and from the end on for
/// each that works.
#[derive(Default)]
struct State {
    queue: VecDeque<Submission>,
    /// The one that was there last comes first: its interpreter is the warmest.
    idle: Vec<Arc<Seat>>,
    made: usize,
    working: usize,
    end: Option<Ended>,
}

impl State {
    /// Nothing is taken any more, unless that is so already; how many of the `seats` places are needed no more.
    fn end(&mut self, seats: usize, why: Ended) -> usize {
        match self.end {
            Some(_) => 0,
            None => {
                self.end = Some(why);
                seats - self.working
            }
        }
    }
}

/// Why nothing is taken any more.
#[derive(Clone)]
enum Ended {
    Closed(String),
    Broken(String),
}

impl Ended {
    fn error(&self) -> Error {
        match self {
            Ended::Closed(why) => Error::new(ErrorKind::Closed, why),
            Ended::Broken(why) => Error::new(ErrorKind::Broken, format!("{BROKEN}{why}")),
        }
    }
}

/// What a seat does next.
pub(super) enum Next {
    Task(Submission),
    /// Something that is called in another way.
    Other,
    Nothing,
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
    /// take, or limits that its engine was not made with; [`ErrorKind::Unfit`] when the engine has no room for so many
    /// interpreters; [`ErrorKind::Refused`] for a program of another engine than the pool's; [`ErrorKind::Closed`].
    pub fn build(self) -> Result<Executor> {
        let commons = Arc::clone(self.pool.commons());
        check_engine(&commons, &self.program)?;
        let way = check(&self.program, self.path, self.initializer.as_ref())?;
        commons.engine.admit(&self.setup.limits)?;
        commons.check_queues(&self.setup.grants.queues)?;
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
            return Err(Error::new(
                ErrorKind::Unfit,
                format!("the engine was made for {room} interpreters at once, and {seats} more do not fit"),
            ));
        }
        Ok(Executor(Arc::new(Handle {
            shared: Arc::new(Shared {
                commons,
                setup: self.setup,
                reuse: self.reuse,
                initializer: self.initializer,
                path: self.path,
                seats,
                waiting: self.waiting,
                patience: self.patience,
                state: Mutex::default(),
                in_hand: Arc::default(),
                room: Condvar::new(),
                rest: Condvar::new(),
                numbers: AtomicU64::new(0),
                load: Load::new(),
                functions: Mutex::new(None),
            }),
            pool: self.pool,
            program: RwLock::new(self.program),
        })))
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

/// Nobody would stop a program of another engine: its clock does not tick.
fn check_engine(commons: &Commons, program: &Program) -> Result<()> {
    if wasmtime::Engine::same(program.engine().wasmtime(), commons.engine.wasmtime()) {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{}: it is of another engine than the pool",
        program.name()
    )))
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

    /// The pool that it runs on.
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// The program that new calls go to.
    pub fn program(&self) -> Program {
        self.0.program.read().clone()
    }

    /// How many calls may run at once.
    pub fn interpreters(&self) -> usize {
        self.0.shared.seats
    }

    /// Whether calls of the program run directly, and why: for people.
    pub fn path(&self) -> Path {
        match Way::of(&self.program(), self.0.shared.path) {
            Ok(Way::Direct) => Path::Direct,
            _ => Path::Fiber,
        }
    }

    /// The function of this name of the program that new calls go to; looked up once.
    ///
    /// # Errors
    /// As [`Program::function`].
    pub fn function(&self, name: &str) -> Result<Function> {
        self.0.shared.function(&self.program(), name)
    }

    /// Lets new calls go to another program; what was submitted before finishes on the one before it. Nothing changes when this
    /// fails. [`Program::from_file_async`] compiles beside running calls.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when a function that was called by name is not there or is of another type, or the program cannot be
    /// called in the way that the executor was told; [`ErrorKind::Refused`] when it is of another engine.
    pub fn replace(&self, program: &Program) -> Result<()> {
        let shared = &self.0.shared;
        check_engine(&shared.commons, program)?;
        check(program, shared.path, shared.initializer.as_ref())?;
        let mut functions = HashMap::new();
        if let Some((_, known)) = &*shared.functions.lock() {
            for (name, before) in known {
                let after = program.function(name)?;
                if after.ty() != before.ty() {
                    let message = format!("{}: it has {after}, where {before} was", program.name());
                    return Err(Error::new(ErrorKind::Usage, message));
                }
                functions.insert(name.clone(), after);
            }
        }
        *self.0.program.write() = program.clone();
        *shared.functions.lock() = Some((program.clone(), functions));
        Ok(())
    }

    /// Submits a call; its value comes with the future. Dropping the future lets the call run.
    ///
    /// # Errors
    /// [`ErrorKind::Saturated`] when there is no room, after waiting for the executor's patience;
    /// [`ErrorKind::Closed`], [`ErrorKind::Broken`]; [`ErrorKind::Usage`] for the wrong number of arguments or a function of a
    /// program that cannot be called so; [`ErrorKind::Refused`] for one of another engine.
    pub fn submit(&self, function: &Function, arguments: Vec<Val>) -> Result<Future<Returned>> {
        let (needed, given) = (function.params().len(), arguments.len());
        if needed != given {
            let message = format!("{function} was given {given} arguments");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let (promise, future) = promise();
        let task = Single::new(Step::Call(arguments), promise, Some);
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
        let slot = Arc::new(Mutex::new(None));
        let value = Arc::clone(&slot);
        let step = Step::Typed(Box::new(move |store, instance| {
            Box::pin(async move {
                let value = call(store, instance).await?;
                *slot.lock() = Some(value);
                Ok(())
            })
        }));
        let (promise, future) = promise();
        let task = Single::new(step, promise, move |_| value.lock().take());
        let way = match self.0.shared.path {
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
    /// [`ErrorKind::Usage`] when the program can wait for something or is a core module; [`ErrorKind::Unfit`];
    /// [`ErrorKind::Closed`], [`ErrorKind::Broken`].
    pub fn caller<B>(
        &self,
        bind: impl FnMut(&mut Store<Guest>, &wasmtime::component::Instance) -> wasmtime::Result<B> + Send + 'static,
    ) -> Result<Caller<B>> {
        Caller::new(self, bind)
    }

    /// Takes nothing new from now on. Returns at once.
    pub fn close(&self, pending: Pending) {
        self.0.shared.close(pending);
    }

    /// Takes nothing new, and blocks this thread until everything has ended and all interpreters are gone. May be called again.
    pub fn shutdown(&self, pending: Pending) {
        self.close(pending);
        let mut state = self.0.shared.state.lock();
        while state.working > 0 {
            self.0.shared.rest.wait(&mut state);
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
        &self.0.shared
    }

    fn put(&self, task: Box<dyn Task>, program: Program, function: Option<Function>, way: Option<Way>) -> Result<()> {
        check_engine(&self.0.shared.commons, &program)?;
        let way = match way {
            Some(way) => way,
            None => Way::of(&program, self.0.shared.path).map_err(|why| Error::new(ErrorKind::Usage, why))?,
        };
        Shared::put(
            &self.0.shared,
            Submission {
                in_hand: None,
                task,
                program,
                function,
                way,
                submitted: Instant::now(),
            },
        )
    }
}

impl Shared {
    /// Queues a submission and sees to it that somebody takes it.
    fn put(shared: &Arc<Shared>, submission: Submission) -> Result<()> {
        let way = submission.way;
        let mut state = shared.state.lock();
        shared.wait_for_room(&mut state, submission.submitted)?;
        state.queue.push_back(submission);
        let seat = state.idle.pop().or_else(|| {
            (state.made < shared.seats).then(|| {
                state.made += 1;
                Seat::new(Arc::clone(shared))
            })
        });
        if seat.is_some() {
            state.working += 1;
        }
        shared.load.working.set(state.working as f64);
        shared.load.waiting.set(state.queue.len() as f64);
        drop(state);
        if let Some(seat) = seat {
            seat.begin_turn(way);
        }
        Ok(())
    }

    fn wait_for_room(&self, state: &mut parking_lot::MutexGuard<'_, State>, since: Instant) -> Result<()> {
        let until = since.checked_add(self.patience);
        loop {
            if let Some(end) = &state.end {
                return Err(end.error());
            }
            if self.has_room_in(state) {
                return Ok(());
            }
            let late = match until {
                Some(until) => self.room.wait_until(state, until).timed_out(),
                None => {
                    self.room.wait(state);
                    false
                }
            };
            if late && state.end.is_none() && !self.has_room_in(state) {
                self.load.rejected.increment(1);
                let message = format!(
                    "no room for one more call after {}: {} run and {} wait",
                    crate::units::show_duration(since.elapsed()),
                    self.in_hand.load(Relaxed),
                    state.queue.len()
                );
                return Err(Error::new(ErrorKind::Saturated, message));
            }
        }
    }

    fn has_room_in(&self, state: &State) -> bool {
        let taken = state.queue.len() + self.in_hand.load(Relaxed);
        taken < self.waiting.saturating_add(self.seats)
    }

    /// Whether something could be submitted at this moment, for all that is known of room.
    pub(super) fn has_room(&self) -> bool {
        self.has_room_in(&self.state.lock())
    }

    /// The next task for a seat that calls this way.
    pub(super) fn next(&self, way: Way) -> Next {
        let mut state = self.state.lock();
        match state.queue.front() {
            None => Next::Nothing,
            Some(first) if first.way != way => Next::Other,
            Some(_) => {
                let mut first = state.queue.pop_front();
                if let Some(first) = &mut first {
                    first.in_hand = Some(InHand::new(&self.in_hand));
                }
                self.load.waiting.set(state.queue.len() as f64);
                self.room.notify_one();
                first.map_or(Next::Nothing, Next::Task)
            }
        }
    }

    /// The turn of a seat is over: it begins the next one, or rests.
    pub(super) fn sit_down(seat: Arc<Seat>) {
        let shared = Arc::clone(&seat.shared);
        let mut state = shared.state.lock();
        let next = seat
            .unfinished_way()
            .or_else(|| state.queue.front().map(|first| first.way));
        if let Some(way) = next {
            drop(state);
            return seat.begin_turn(way);
        }
        if state.end.is_some() {
            // Whoever waits for the end waits until its interpreter is gone. Nothing is queued meanwhile.
            drop(state);
            seat.clear();
            state = shared.state.lock();
            shared.commons.hub.roster.release(1);
        }
        state.working -= 1;
        shared.load.working.set(state.working as f64);
        if state.working == 0 {
            shared.rest.notify_all();
        }
        shared.room.notify_one();
        if state.end.is_none() {
            state.idle.push(seat);
        }
    }

    /// No seat can go on: nothing more is taken, and nothing that waits will run.
    pub(super) fn stop(&self, why: &str) {
        let waiting = {
            let mut state = self.state.lock();
            let places = state.end(self.seats, Ended::Closed(why.to_owned()));
            self.commons.hub.roster.release(places);
            self.room.notify_all();
            std::mem::take(&mut state.queue)
        };
        for submission in waiting {
            submission.fail(FutureError::Closed(why.to_owned()));
        }
    }

    /// A seat works no more, after the end.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        self.commons.hub.roster.release(1);
        state.working -= 1;
        if state.working == 0 {
            self.rest.notify_all();
        }
    }

    /// The initializer failed: nothing that waits will run.
    pub(super) fn break_down(&self, why: &str) {
        tracing::error!(why, "the executor is broken");
        let waiting = {
            let mut state = self.state.lock();
            let broken = Ended::Broken(why.to_owned());
            let places = state.end(self.seats, broken.clone());
            self.commons.hub.roster.release(places);
            state.end = Some(broken);
            self.room.notify_all();
            std::mem::take(&mut state.queue)
        };
        for submission in waiting {
            submission.fail(FutureError::Broken(why.to_owned()));
        }
    }

    fn close(&self, pending: Pending) {
        let (idle, cancelled) = {
            let mut state = self.state.lock();
            let closed = Ended::Closed("the executor is shutting down".to_owned());
            let places = state.end(self.seats, closed);
            self.commons.hub.roster.release(places);
            self.room.notify_all();
            let cancelled = match pending {
                Pending::Run => VecDeque::new(),
                Pending::Cancel => std::mem::take(&mut state.queue),
            };
            (std::mem::take(&mut state.idle), cancelled)
        };
        drop(idle);
        for submission in cancelled {
            submission.cancel();
        }
    }

    /// Whether something is still taken.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn takes_more(&self) -> Result<()> {
        match &self.state.lock().end {
            Some(end) => Err(end.error()),
            None => Ok(()),
        }
    }

    pub(super) fn function(&self, program: &Program, name: &str) -> Result<Function> {
        if let Some((known, functions)) = &*self.functions.lock()
            && known == program
            && let Some(function) = functions.get(name)
        {
            return Ok(function.clone());
        }
        let function = program.function(name)?;
        let mut known = self.functions.lock();
        match &mut *known {
            Some((of, functions)) if of == program => {
                functions.insert(name.to_owned(), function.clone());
            }
            // Functions of a program that was replaced are looked up each time.
            Some((of, _)) if of != program => {}
            _ => *known = Some((program.clone(), HashMap::from([(name.to_owned(), function.clone())]))),
        }
        Ok(function)
    }

    /// A number that no other task has.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed)
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.shared.state.lock();
        f.debug_struct("Executor")
            .field("working", &state.working)
            .field("waiting", &state.queue.len())
            .finish_non_exhaustive()
    }
}
