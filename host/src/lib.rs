//! Isolated interpreters for every language: WebAssembly instances that run in parallel, each behind a real wall.
//!
//! A [`Program`] is a compiled guest. A [`Pool`] runs many [`Interpreter`]s of it at once on its own threads, each
//! with its own store, within its own [`Limits`], touching only what its [`Grants`] name. However one ends, its
//! [`Ending`] says how, and the others do not notice.
//!
//! ```
//! use wasm_pool::stdio::{Output, OutputPipe, Stdio};
//! use wasm_pool::{Engine, Limits, Pool, Program, Setup};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::builder().instances(2).build()?;
//! let wat = r#"(module
//!     (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
//!     (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))"#;
//! let program = Program::from_bytes(&engine, "hello", wat.as_bytes(), &Limits::default())?;
//!
//! // Two guests, in parallel, each with an output of its own.
//! let pool = Pool::new(&engine)?;
//! let outputs = [OutputPipe::unbounded(), OutputPipe::unbounded()];
//! let guests = outputs.each_ref().map(|output| {
//!     let stdio = Stdio { stdout: Output::Pipe(output.clone()), ..Stdio::default() };
//!     pool.spawn(&program, Setup { stdio, ..Setup::default() })
//! });
//! for (guest, output) in guests.into_iter().zip(outputs) {
//!     let ending = guest?.join();
//!     assert!(ending.outcome.is_success());
//!     assert_eq!(output.take_all(), b"hello\n");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! | question | module |
//! |---|---|
//! | why was my guest stopped? | [`outcome`] |
//! | what may it touch? | [`grants`] |
//! | what may it call of mine? | [`offers`] |
//! | how much may it use? | [`limits`], [`budget`] |
//! | what is a guest before it runs? | [`program`] |
//! | what is it while it runs? | [`interpreter`] |
//! | how are its functions called? | [`calls`], [`value`] |
//! | who runs in parallel? | [`pool`], and inside it the scheduler |
//! | how do two guests talk? | `wit/`, then [`queue`] |
//! | how are several programs put together? | [`manifest`] |
//! | where does its output go? | [`stdio`] |
//! | how is it compiled, and kept? | [`engine`], [`cache`] |
//! | what is measured? | [`telemetry`] |
//! | who does what at the moment, and who did what when? | [`status`], [`timeline`] |
//! | what can this machine hold? | [`machine`] |
//! | what if a guest gets out all the same? | [`lockdown`] |
//!
//! # What holds
//!
//! - Guest code runs on the pool's own threads only; an async runtime of the caller is never blocked by it.
//! - A guest that waits (for input, for room in its output, for time) holds no thread.
//! - Everything that starts can be ended, whatever it does or waits for: by a deadline, a limit, a
//!   [`kill`](Interpreter::kill), a [shutdown](Pool::shutdown). The one exception is chosen: a guest with
//!   [`FileCalls::Inline`] is ended after the file call that it is in.
//! - A store is never used again after its guest has ended.

mod blocking;
pub mod budget;
pub mod cache;
pub mod calls;
pub mod engine;
pub mod error;
mod folders;
pub mod grants;
mod hostcalls;
pub mod interpreter;
mod ledger;
mod limiter;
pub mod limits;
pub mod lockdown;
pub mod machine;
pub mod manifest;
pub mod offers;
pub mod outcome;
pub mod pool;
mod pooling;
mod precompiled;
pub mod program;
pub mod queue;
mod scheduler;
mod stack;
pub mod status;
pub mod stdio;
pub mod svg;
mod sync;
pub mod telemetry;
pub mod text;
pub mod timeline;
pub mod units;
pub mod value;
mod wasi;

pub use budget::Budget;
pub use bytesize::ByteSize;
pub use cache::Cache;
pub use calls::{Caller, Executor, Future, FutureError, Path, Reuse};
pub use engine::{Allocation, Engine};
pub use error::{Error, ErrorKind, Result};
pub use grants::Grants;
pub use interpreter::{CallError, ExecutionFailed, FileCalls, Guest, Interpreter, InterpreterId, Script, Setup};
pub use limits::{LimitHit, LimitKind, Limits};
pub use offers::HostCalls;
pub use outcome::{Ending, Outcome};
pub use pool::{Pool, Shutdown};
pub use program::{Function, Kind, Precompiled, Program};
pub use queue::{Item, Queue, QueueId, QueueOptions, Queues, Received, Unbound, Wait};

/// The version of Wasmtime that this crate was built with.
pub const WASMTIME_VERSION: &str = wasmtime_environ::VERSION;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
