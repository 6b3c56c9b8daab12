//! Why something did not work, one type for each thing that can be asked.

use std::fmt;

use crate::bindings::wasm_pool::interpreters::{interpreters as wit_interpreters, queues as wit};

/// Why a queue did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueError {
    /// No such queue, or none that this guest may use.
    NotFound,
    /// Nothing to get, now or within the time.
    Empty,
    /// No room, now or within the time.
    Full,
    /// The queue is closed, and what was in it has been got.
    Closed,
    /// The item is larger than the queue can ever hold, which is this many bytes.
    TooLarge(u64),
    /// What was put here is lost: its sender ended before anybody got it. Python's `UNBOUND`.
    Unbound,
    /// The same, of an item that was put with [`Unbound::Error`](crate::Unbound::Error).
    InterpreterDestroyed,
    /// A limit: which, and the flag that raises it.
    Limit(String),
    /// An argument that no call can have.
    Invalid(String),
    /// The value cannot travel, or what came is no such value.
    Message(MessageError),
}

/// A value that cannot travel, or an item that is not the value that was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageError(pub String);

/// What a program did when it failed. Python's `ExecutionFailed.excinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionFailed {
    /// What kind: a name of the program's, or `trapped`, `deadline`, `limit(memory)`, `exited(3)` and so on when it is over.
    pub kind: String,
    /// What it says about it.
    pub message: String,
    /// Where it happened, innermost first.
    pub trace: Vec<String>,
    /// All of it as the program's language shows it to people, when it has more to show than the above.
    pub display: Option<String>,
}

impl ExecutionFailed {
    /// For a task to fail with.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> ExecutionFailed {
        ExecutionFailed {
            kind: kind.into(),
            message: message.into(),
            trace: Vec::new(),
            display: None,
        }
    }
}

/// Why an interpreter did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterpreterError {
    /// No such interpreter, or none that this guest may use, or one that has ended.
    NotFound,
    /// It is running already.
    AlreadyRunning,
    /// This cannot be done to this interpreter, or was not granted.
    NotAllowed(String),
    /// No room for one more: which limit, and the flag that raises it.
    Limit(String),
    /// An argument that has no meaning.
    Invalid(String),
    /// What it ran failed.
    ExecutionFailed(ExecutionFailed),
    /// It has not come to its end within the time.
    Timeout,
    /// The value cannot travel, or what came is no such value.
    Message(MessageError),
}

impl From<wit::QueueError> for QueueError {
    fn from(error: wit::QueueError) -> QueueError {
        match error {
            wit::QueueError::NotFound => QueueError::NotFound,
            wit::QueueError::Empty => QueueError::Empty,
            wit::QueueError::Full => QueueError::Full,
            wit::QueueError::Closed => QueueError::Closed,
            wit::QueueError::TooLarge(max) => QueueError::TooLarge(max),
            wit::QueueError::InterpreterDestroyed => QueueError::InterpreterDestroyed,
            wit::QueueError::Limit(limit) => QueueError::Limit(limit),
            wit::QueueError::Invalid(why) => QueueError::Invalid(why),
        }
    }
}

impl From<wit_interpreters::InterpreterError> for InterpreterError {
    fn from(error: wit_interpreters::InterpreterError) -> InterpreterError {
        use wit_interpreters::InterpreterError as Wit;
        match error {
            Wit::NotFound => InterpreterError::NotFound,
            Wit::AlreadyRunning => InterpreterError::AlreadyRunning,
            Wit::NotAllowed(why) => InterpreterError::NotAllowed(why),
            Wit::Limit(limit) => InterpreterError::Limit(limit),
            Wit::Invalid(why) => InterpreterError::Invalid(why),
            Wit::ExecutionFailed(failed) => InterpreterError::ExecutionFailed(ExecutionFailed {
                kind: failed.kind,
                message: failed.message,
                trace: failed.trace,
                display: failed.display,
            }),
            Wit::Timeout => InterpreterError::Timeout,
        }
    }
}

impl From<MessageError> for QueueError {
    fn from(error: MessageError) -> QueueError {
        QueueError::Message(error)
    }
}

impl From<MessageError> for InterpreterError {
    fn from(error: MessageError) -> InterpreterError {
        InterpreterError::Message(error)
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueueError::NotFound => f.write_str("no such queue"),
            QueueError::Empty => f.write_str("the queue is empty"),
            QueueError::Full => f.write_str("the queue is full"),
            QueueError::Closed => f.write_str("the queue is closed"),
            QueueError::TooLarge(max) => write!(f, "an item larger than the queue's {max} bytes"),
            QueueError::Unbound => f.write_str("an item that was lost with its sender"),
            QueueError::InterpreterDestroyed => f.write_str("the interpreter that put this item has ended"),
            QueueError::Limit(text) | QueueError::Invalid(text) => f.write_str(text),
            QueueError::Message(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for InterpreterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InterpreterError::NotFound => f.write_str("no such interpreter"),
            InterpreterError::AlreadyRunning => f.write_str("the interpreter is running already"),
            InterpreterError::NotAllowed(text) | InterpreterError::Limit(text) | InterpreterError::Invalid(text) => {
                f.write_str(text)
            }
            InterpreterError::ExecutionFailed(failed) => failed.fmt(f),
            InterpreterError::Timeout => f.write_str("the call has not come to its end in time"),
            InterpreterError::Message(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for ExecutionFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueueError {}
impl std::error::Error for InterpreterError {}
impl std::error::Error for ExecutionFailed {}
impl std::error::Error for MessageError {}
