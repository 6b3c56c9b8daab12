//! Calls of a program's functions, many at once: PEP 734's `InterpreterPoolExecutor`, for any component.
//!
//! An [`Executor`] has interpreters of one program, as many as may run at once, and hands them what is
//! [submitted](Executor::submit) or [mapped](Executor::map), in order. What becomes of an interpreter between two calls is a
//! policy, [`Reuse`]: by default each call has a fresh one, so nothing leaks from one call to the next.
//!
//! - **What bounds a call**: the [limits](crate::Limits) of the setup; deadline, processor time and fuel are each call's own.
//! - **What a trap does**: the call fails with its [`Outcome`](crate::Outcome); the interpreter that trapped, or was out of time, is
//!   never used again, whatever the policy; the executor goes on.
//! - **Where it runs**: a program that can wait for something runs on fibers of the pool's workers; one that never waits is called
//!   directly on threads of the pool, which costs a third. [`Path`] forces either.
//!
//! ```
//! use wasm_pool::value::Val;
//! use wasm_pool::{Engine, Executor, HostCalls, Limits, Pool, Program, Wait};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // What the plugin may ask of us, and who asks.
//! let engine = Engine::builder()
//!     .host_functions("demo:shop/prices", HostCalls::Prompt, |linker| {
//!         let mut prices = linker.instance("demo:shop/prices")?;
//!         prices.func_wrap("price", |guest, (item,): (u32,)| {
//!             let discount = guest.data().context::<u32>().copied().unwrap_or(0);
//!             Ok((item * 10 - discount,))
//!         })
//!     })
//!     .build()?;
//! let plugin = br#"(component
//!     (import "demo:shop/prices" (instance $prices (export "price" (func (param "item" u32) (result u32)))))
//!     (core func $price (canon lower (func $prices "price")))
//!     (core module $m
//!         (import "prices" "price" (func $price (param i32) (result i32)))
//!         (func (export "total") (param i32 i32) (result i32)
//!             (i32.add (call $price (local.get 0)) (call $price (local.get 1)))))
//!     (core instance $i (instantiate $m (with "prices" (instance (export "price" (func $price))))))
//!     (func (export "total") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "total"))))"#;
//! let program = Program::from_bytes(&engine, "shop", plugin, &Limits::default())?;
//! let executor = Executor::new(&Pool::new(&engine)?, &program)?;
//! let total = executor.function("total")?;
//!
//! // One call, for somebody; and many, in order.
//! let call = executor.with_context(1u32).submit(&total, vec![Val::U32(1), Val::U32(2)])?;
//! assert_eq!(call.into_result(Wait::Forever)?, Some(Val::U32(28)));
//! let many = executor.map(&total, (0..100).map(|item| vec![Val::U32(item), Val::U32(item)]));
//! for (item, result) in (0..).zip(many) {
//!     assert_eq!(result?, Some(Val::U32(item * 20)));
//! }
//!
//! // A new plugin, while calls run: those from now on go to it.
//! executor.replace(&Program::from_bytes(&engine, "shop", plugin, &Limits::default())?)?;
//! # Ok(())
//! # }
//! ```
//!
//! With types of your own, by `wasmtime::component::bindgen!`: [`Executor::submit_typed`], and [`Executor::caller`] on your own
//! thread; `examples/07-embed` has all of it.
//!
//! Two consequences: a direct call holds its thread, so one that computes for long stands still on it while others of the pool have
//! their turns, where on fibers it gives way at less cost; and queued calls survive the interpreter that was to run them.

mod batch;
mod caller;
mod executor;
mod future;
mod map;
mod opened;
mod seat;
mod shared;
mod snapshot;
mod waiting;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use bytesize::ByteSize;

pub use self::batch::Batch;
pub use self::caller::Caller;
pub use self::executor::{Executor, ExecutorBuilder, Pending};
pub use self::future::{Future, FutureError};
pub use self::map::Map;
pub use self::snapshot::snapshot;
pub use self::waiting::{AsCompleted, ReturnWhen, Waited, as_completed, wait};
use crate::units;

/// What a call gives: nothing, a value, or a tuple of the several results that a core function may have.
pub type Returned = Option<wasmtime::component::Val>;

/// What becomes of an interpreter after a call that went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// It is dropped; the next call has a new one, whose memory is the program's image again by copy-on-write.
    #[default]
    Fresh,
    /// It takes the next call, and sees what the last one left in its memory.
    Always {
        /// It is dropped after so many calls.
        calls: Option<NonZeroU32>,
        /// It is dropped when its memory has grown beyond this.
        memory: Option<ByteSize>,
    },
}

impl Reuse {
    /// Used again without bounds.
    pub const ALWAYS: Reuse = Reuse::Always {
        calls: None,
        memory: None,
    };

    /// Whether an interpreter may take another call after so many, with so much memory.
    fn goes_on(self, calls: u32, memory: u64) -> bool {
        match self {
            Reuse::Fresh => false,
            Reuse::Always {
                calls: most,
                memory: largest,
            } => most.is_none_or(|most| calls < most.get()) && largest.is_none_or(|largest| memory <= largest.as_u64()),
        }
    }
}

/// `fresh`, `always`, `always:1000`, `always:1000:64MiB`, `always:64MiB`
impl FromStr for Reuse {
    type Err = String;

    fn from_str(text: &str) -> Result<Reuse, String> {
        let expected = || "expected fresh, always, always:CALLS, always:MEMORY or always:CALLS:MEMORY".to_owned();
        let mut parts = text.split(':');
        match parts.next() {
            // An interpreter's memory is made clean by taking a new one: slots are reset by copy-on-write.
            Some("fresh" | "clean") if parts.next().is_none() => return Ok(Reuse::Fresh),
            Some("always") => {}
            _ => return Err(expected()),
        }
        let parts: Vec<_> = parts.collect();
        let count = |text: &str| text.parse::<NonZeroU32>().ok();
        let (calls, memory) = match parts.as_slice() {
            [] => (None, None),
            [one] => match (count(one), one.parse::<u64>()) {
                (Some(calls), _) => (Some(calls), None),
                // A number of calls that is none, and no size.
                (None, Ok(_)) => return Err(expected()),
                (None, Err(_)) => (None, Some(units::parse_size(one)?)),
            },
            [calls, memory] => (
                Some(count(calls).ok_or_else(expected)?),
                Some(units::parse_size(memory)?),
            ),
            _ => return Err(expected()),
        };
        Ok(Reuse::Always { calls, memory })
    }
}

impl fmt::Display for Reuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reuse::Fresh => f.write_str("fresh"),
            Reuse::Always { calls, memory } => {
                f.write_str("always")?;
                if let Some(calls) = calls {
                    write!(f, ":{calls}")?;
                }
                match memory {
                    Some(memory) => write!(f, ":{}", units::show_size(*memory)),
                    None => Ok(()),
                }
            }
        }
    }
}

/// How calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Path {
    /// Directly if the program never waits and no limit needs a fiber, else on fibers.
    #[default]
    Auto,
    /// On threads that a call holds to its end. When others wait, who has used up his switch interval stands still for theirs.
    Direct,
    /// On fibers of the pool's workers: a call that waits holds no thread, and one that computes for long gives way.
    Fiber,
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Path, String> {
        match text {
            "auto" => Ok(Path::Auto),
            "direct" => Ok(Path::Direct),
            "fiber" => Ok(Path::Fiber),
            _ => Err("expected auto, direct or fiber".to_owned()),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Path::Auto => "auto",
            Path::Direct => "direct",
            Path::Fiber => "fiber",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reuse_is_written_as_it_is_read() {
        for text in ["fresh", "always", "always:1000", "always:64MiB", "always:7:1GiB"] {
            assert_eq!(
                text.parse::<Reuse>().map(|reuse| reuse.to_string()).as_deref(),
                Ok(text)
            );
        }
        for text in [
            "",
            "cleaner",
            "fresh:1",
            "always:0",
            "always:0:1MiB",
            "always:1:2:3",
            "always:many",
        ] {
            assert!(text.parse::<Reuse>().is_err(), "{text}");
        }
    }
}
