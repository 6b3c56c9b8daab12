//! The kit for guests of `wasm-pool` in Rust.
//!
//! A guest needs nothing of this to run; any WASI command is one. This is for guests that know their number
//! ([`Instance`]), that talk to others ([`Queue`]), that create others ([`Interpreter`]) or are called by them ([`tasks!`]).
//!
//! The semantics are those of Python's isolated interpreters (PEP 734); `wit/` has them in full, with the costs.
//!
//! ```no_run
#![cfg_attr(feature = "queues", doc = include_str!("../../examples/03-queue/src/main.rs"))]
//! ```

mod instance;
pub use instance::Instance;

#[cfg(feature = "queues")]
#[doc(hidden)]
pub mod bindings;
#[cfg(feature = "queues")]
mod error;
#[cfg(feature = "queues")]
mod interpreter;
#[cfg(feature = "queues")]
mod item;
#[cfg(feature = "queues")]
mod plain;
#[cfg(feature = "queues")]
mod queue;
#[cfg(feature = "queues")]
mod select;
#[cfg(feature = "queues")]
#[doc(hidden)]
pub mod task;

#[cfg(feature = "queues")]
pub use self::{
    error::{ExecutionFailed, InterpreterError, MessageError, QueueError},
    interpreter::{Arguments, Child, Interpreter, InterpreterId, Thread},
    item::{CBOR, Encoded, Item, Message},
    queue::{Builder, Queue, Unbound},
    select::{Pollable, Ready, after, select, wait},
    task::binding,
};
