//! One interpreter: an instance of a program with its own store, its own lock and its own limits.
//!
//! Its life: the store is made on a worker, the program is instantiated, its entry runs, the store is dropped. A store
//! is never used again after its life; nothing of one tenant reaches the next.

pub(crate) mod desk;
pub(crate) mod fuel;
mod life;
pub mod script;
pub(crate) mod store;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use self::desk::{Answer, Desk, Reply, Request};
pub(crate) use self::life::{Life, Role};
pub use self::script::Script;
pub use self::store::Guest;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::outcome::{Cause, Ending};
use crate::queue::{FOREIGN, Item, block_until};
use crate::scheduler::Hub;
use crate::scheduler::control::Control;
use crate::stdio::Stdio;

/// Names an interpreter within its pool; never used again in the pool's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterpreterId(pub(crate) u64);

impl fmt::Display for InterpreterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an interpreter is given at its start.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// What it may use.
    pub limits: Limits,
    /// What it may touch.
    pub grants: Grants,
    /// Where its standard streams lead.
    pub stdio: Stdio,
    /// Where its file calls run.
    pub file_calls: FileCalls,
    /// Whatever [host functions](crate::engine::EngineBuilder::host_functions) shall know of who calls them:
    /// [`Guest::context`].
    pub context: Option<Arc<dyn std::any::Any + Send + Sync>>,
}

/// Where a guest's calls on files run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileCalls {
    /// On threads of their own: the guest waits on its fiber and its worker is free, whatever the disk does.
    #[default]
    Apart,
    /// On the guest's worker. Several times faster for many small calls on a local disk; a disk that hangs
    /// then holds the worker, and the guest's deadline waits for it.
    Inline,
}

/// An interpreter. One that was [spawned](crate::Pool::spawn) runs its command, and dropping the handle lets it run on. One that
/// was [created](crate::Pool::create) waits for calls; when its last handle is dropped it ends.
///
/// Many threads may hold it, and one call at a time runs in it: whoever calls meanwhile gets
/// [`CallError::AlreadyRunning`].
#[derive(Clone)]
pub struct Interpreter {
    id: InterpreterId,
    control: Arc<Control>,
    /// Where it is called, if it can be.
    desk: Option<Arc<Desk>>,
    /// Keeps it from ending; nobody but its creator has this.
    owner: Option<Arc<Owner>>,
}

/// Ends an interpreter that was created to be called when its creator has no handle on it any more.
struct Owner {
    control: Arc<Control>,
    desk: Arc<Desk>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.desk.close(&self.control).is_err() {
            self.control.end(Cause::Killed);
        }
    }
}

/// What a program did when it failed. CPython's `ExecutionFailed.excinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionFailed {
    /// What kind: a name in the program's own language, or an [outcome's label](crate::Outcome::label) when the interpreter
    /// is over.
    pub kind: String,
    /// What it says about it.
    pub message: String,
    /// Where it happened, innermost first; at most [`MAX_FRAMES`](crate::outcome::MAX_FRAMES).
    pub trace: Vec<String>,
    /// All of it as the program's language shows it to people, such as a traceback with its lines of source, when it has more
    /// to show than the above; at most [`MAX_DISPLAY`](crate::outcome::MAX_DISPLAY) bytes.
    pub display: Option<String>,
}

/// Why a call of an interpreter did not give a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// It has ended. CPython's `InterpreterNotFoundError`.
    NotFound,
    /// A call runs in it already. CPython's `InterpreterError`.
    AlreadyRunning,
    /// It runs its command from start to end and cannot be called; only what [`Pool::create`](crate::Pool::create) made can.
    NotCallable,
    /// The call has no meaning: why.
    Invalid(String),
    /// What it ran failed.
    Failed(ExecutionFailed),
}

impl Interpreter {
    pub(crate) fn spawned(id: InterpreterId, control: Arc<Control>) -> Interpreter {
        Interpreter {
            id,
            control,
            desk: None,
            owner: None,
        }
    }

    pub(crate) fn created(id: InterpreterId, control: Arc<Control>, desk: Arc<Desk>) -> Interpreter {
        let owner = Arc::new(Owner {
            control: Arc::clone(&control),
            desk: Arc::clone(&desk),
        });
        Interpreter {
            id,
            control,
            desk: Some(desk),
            owner: Some(owner),
        }
    }

    /// Its number in its pool.
    pub fn id(&self) -> InterpreterId {
        self.id
    }

    /// Whether something runs in it: its command, or a call.
    pub fn is_running(&self) -> bool {
        match &self.desk {
            Some(desk) => desk.is_running(),
            None => !self.has_ended(),
        }
    }

    /// Whether its life is over.
    pub fn has_ended(&self) -> bool {
        self.control.ending().is_set()
    }

    /// Whether it takes no more calls, if calls are what it is for.
    pub(crate) fn is_over(&self) -> bool {
        self.has_ended() || self.desk.as_ref().is_some_and(|desk| desk.is_closed())
    }

    /// Ends it now, whatever it does or waits for. Returns at once; [`join`](Interpreter::join) tells when it is over.
    pub fn kill(&self) {
        self.control.end(Cause::Killed);
    }

    /// Ends it, if it was created to be called and no call runs in it.
    ///
    /// # Errors
    /// [`CallError::NotFound`] when it has ended, [`CallError::AlreadyRunning`], [`CallError::NotCallable`].
    pub fn close(&self) -> Result<(), CallError> {
        self.desk()?.close(&self.control)
    }

    /// Binds names in it for the calls to come; all of them or, when one fails, none. Blocks this thread.
    ///
    /// # Errors
    /// [`CallError`]; [`Invalid`](CallError::Invalid) for no names at all.
    pub fn prepare_main(&self, bindings: Vec<(String, Item)>) -> Result<(), CallError> {
        block(self.prepare_main_async(bindings))
    }

    /// [`prepare_main`](Interpreter::prepare_main), without blocking.
    ///
    /// # Errors
    /// As [`prepare_main`](Interpreter::prepare_main).
    pub async fn prepare_main_async(&self, bindings: Vec<(String, Item)>) -> Result<(), CallError> {
        let reply = self.ask(Request::Prepare(bindings), Reply::default())?;
        result(reply.take().await).map(drop)
    }

    /// Runs source text in it, in a language that its program knows. Blocks this thread.
    ///
    /// # Errors
    /// [`CallError`]
    pub fn exec(&self, source: &str) -> Result<(), CallError> {
        block(self.exec_async(source))
    }

    /// [`exec`](Interpreter::exec), without blocking.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn exec_async(&self, source: &str) -> Result<(), CallError> {
        let reply = self.ask(Request::Exec(source.to_owned()), Reply::default())?;
        result(reply.take().await).map(drop)
    }

    /// Calls a function of its program by name. Blocks this thread.
    ///
    /// # Errors
    /// [`CallError`]
    pub fn call(&self, function: &str, arguments: Vec<Item>) -> Result<Item, CallError> {
        block(self.call_async(function, arguments))
    }

    /// [`call`](Interpreter::call), without blocking. Dropping the future lets the call run on.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn call_async(&self, function: &str, arguments: Vec<Item>) -> Result<Item, CallError> {
        let reply = self.ask(Request::Call(function.to_owned(), arguments), Reply::default())?;
        result(reply.take().await)
    }

    /// Hands in a call; what it gives comes later, as `reply`.
    pub(crate) fn ask(&self, request: Request, reply: Reply) -> Result<Arc<Reply>, CallError> {
        if let Request::Prepare(bindings) = &request
            && bindings.is_empty()
        {
            return Err(CallError::Invalid("no names to bind".to_owned()));
        }
        if !request.belongs_to(self.control.hub()) {
            return Err(CallError::Invalid(FOREIGN.to_owned()));
        }
        self.desk()?.hand_in(&self.control, request.inside(), reply)
    }

    fn desk(&self) -> Result<&Arc<Desk>, CallError> {
        self.desk.as_ref().ok_or(CallError::NotCallable)
    }

    /// Whether it is one of the pool of this hub.
    pub(crate) fn is_of(&self, hub: &Hub) -> bool {
        std::ptr::eq(self.control.hub(), hub)
    }

    /// A handle that does not keep it from ending.
    pub(crate) fn lent(&self) -> Interpreter {
        Interpreter {
            owner: None,
            ..self.clone()
        }
    }

    /// What is left when one has a name for it and no handle.
    pub(crate) fn unowned(&self) -> Unowned {
        Unowned {
            id: self.id,
            control: Arc::downgrade(&self.control),
            desk: self.desk.as_ref().map(Arc::downgrade),
            owner: self.owner.as_ref().map(Arc::downgrade),
        }
    }

    /// Blocks this thread until its life is over.
    ///
    /// Never call this on a thread of an async runtime, nor in a callback of the pool; use
    /// [`wait`](Interpreter::wait) there.
    pub fn join(&self) -> Ending {
        self.control.ending().join()
    }

    /// [`join`](Interpreter::join) for at most `time`; `None` when its life goes on.
    pub fn join_timeout(&self, time: Duration) -> Option<Ending> {
        let ending = match Instant::now().checked_add(time) {
            Some(until) => self.control.ending().join_until(until)?,
            None => self.control.ending().join(),
        };
        Some(ending)
    }

    /// Waits until its life is over.
    pub async fn wait(&self) -> Ending {
        self.control.ending().wait().await
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("id", &self.id.0)
            .finish_non_exhaustive()
    }
}

/// A name for an interpreter that keeps nothing of it.
#[derive(Debug, Clone)]
pub(crate) struct Unowned {
    pub(crate) id: InterpreterId,
    control: Weak<Control>,
    desk: Option<Weak<Desk>>,
    owner: Option<Weak<Owner>>,
}

impl Unowned {
    /// A handle like the one that this was made of, unless the interpreter has ended.
    pub(crate) fn get(&self) -> Option<Interpreter> {
        let interpreter = Interpreter {
            id: self.id,
            control: self.control.upgrade()?,
            desk: upgraded(self.desk.as_ref())?,
            owner: upgraded(self.owner.as_ref())?,
        };
        (!interpreter.is_over()).then_some(interpreter)
    }
}

/// Nothing for what is gone, and nothing within for what never was.
fn upgraded<T>(weak: Option<&Weak<T>>) -> Option<Option<Arc<T>>> {
    match weak {
        None => Some(None),
        Some(weak) => weak.upgrade().map(Some),
    }
}

impl Request {
    /// Whether what it carries means something in the pool of this hub.
    fn belongs_to(&self, hub: &Hub) -> bool {
        match self {
            Request::Exec(_) => true,
            Request::Call(_, arguments) => arguments.iter().all(|item| item.belongs_to(hub)),
            Request::Prepare(bindings) => bindings.iter().all(|(_, item)| item.belongs_to(hub)),
        }
    }

    /// What it carries is inside the pool from now on.
    fn inside(self) -> Request {
        match self {
            Request::Exec(source) => Request::Exec(source),
            Request::Call(function, arguments) => {
                Request::Call(function, arguments.into_iter().map(Item::inside).collect())
            }
            Request::Prepare(bindings) => {
                Request::Prepare(bindings.into_iter().map(|(name, item)| (name, item.inside())).collect())
            }
        }
    }
}

fn result(answer: Option<Answer>) -> Result<Item, CallError> {
    match answer {
        Some(Ok(item)) => Ok(item.outside()),
        Some(Err(failed)) => Err(CallError::Failed(failed)),
        // An answer that nobody else can take is there.
        None => Err(CallError::NotFound),
    }
}

fn block<T>(future: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    block_until(&mut std::pin::pin!(future), None).unwrap_or(Err(CallError::NotFound))
}

impl ExecutionFailed {
    /// One that the host tells.
    pub(crate) fn of_host(kind: &str, message: String) -> ExecutionFailed {
        ExecutionFailed {
            kind: kind.to_owned(),
            message,
            trace: Vec::new(),
            display: None,
        }
    }
}

impl fmt::Display for ExecutionFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::NotFound => f.write_str("the interpreter has ended"),
            CallError::AlreadyRunning => f.write_str("the interpreter is running already"),
            CallError::NotCallable => f.write_str("the interpreter runs a command and cannot be called"),
            CallError::Invalid(why) => f.write_str(why),
            CallError::Failed(failed) => failed.fmt(f),
        }
    }
}

impl std::error::Error for ExecutionFailed {}
impl std::error::Error for CallError {}
