//! How an interpreter's life ended, and why a guest was stopped.
//!
//! One closed enum; every end is one of these, and each has one exit code. What the guest used on the way stands
//! beside it in [`Ending`].

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;

use crate::interpreter::ExecutionFailed;
use crate::limits::{LimitHit, LimitKind};
use crate::text;
use crate::units::show_duration;

/// How a life ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The guest ended by itself with this code; 0 is success.
    Exited(i32),
    /// The source text that it ran failed: an error of its language that nothing caught.
    Failed(ExecutionFailed),
    /// The guest did what no guest may: the sandbox stopped it.
    Trapped(Trapped),
    /// The guest reached a limit.
    Limit(LimitHit),
    /// The guest's time was up; the deadline it had.
    Deadline(Duration),
    /// It waited for others who waited for it: what it waited for, and since when.
    Deadlock(String),
    /// Somebody ended it: a `kill`, a shutdown, a signal.
    Killed,
    /// The reader of its output went away, as `head` does; a quiet end and no failure.
    OutputClosed,
    /// Its output could not be written.
    OutputFailed(String),
    /// The host failed it; a bug of ours or of the machine, never the guest's.
    HostError(String),
}

/// What the sandbox caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trapped {
    /// What happened, in Wasmtime's words: `out of bounds memory access`.
    pub reason: String,
    /// The guest's functions, innermost first, at most [`MAX_FRAMES`]; names are escaped.
    pub backtrace: Vec<String>,
}

/// How many frames of a guest's stack a trap records: enough to find the place, too few to cost anything.
pub const MAX_FRAMES: usize = 20;

/// The most bytes that an [`ExecutionFailed`](crate::ExecutionFailed) keeps of what its program shows to people: some 600 lines
/// of traceback.
pub const MAX_DISPLAY: usize = 64 << 10;

impl Outcome {
    /// Whether this counts as success for the exit code of a run.
    pub fn is_success(&self) -> bool {
        self.exit_code() == 0
    }

    /// The exit code of a process that ran this one guest.
    ///
    /// A guest's own codes are kept from 1 to 125; what lies outside becomes 125, since the codes above are the
    /// host's: 124 for a deadline comes from the outcome, never from a guest that says so.
    pub fn exit_code(&self) -> u8 {
        match self {
            Outcome::Exited(0) | Outcome::OutputClosed => 0,
            Outcome::Exited(code) => u8::try_from(*code).ok().filter(|code| *code <= 125).unwrap_or(125),
            Outcome::Failed(_) => 1,
            Outcome::HostError(_) => 70,
            Outcome::OutputFailed(_) => 74,
            Outcome::Deadlock(_) => 123,
            Outcome::Deadline(_) => 124,
            Outcome::Trapped(_) | Outcome::Limit(_) => 134,
            Outcome::Killed => 137,
        }
    }

    /// One word, or a word and its argument: `exited(3)`, `trapped`, `limit(memory)`, `deadline`.
    pub fn label(&self) -> String {
        match self {
            Outcome::Exited(code) => format!("exited({code})"),
            Outcome::Failed(_) => "failed".to_owned(),
            Outcome::Trapped(_) => "trapped".to_owned(),
            Outcome::Limit(hit) => format!("limit({})", hit.kind.name()),
            Outcome::Deadline(_) => "deadline".to_owned(),
            Outcome::Deadlock(_) => "deadlock".to_owned(),
            Outcome::Killed => "killed".to_owned(),
            Outcome::OutputClosed => "output-closed".to_owned(),
            Outcome::OutputFailed(_) => "output-failed".to_owned(),
            Outcome::HostError(_) => "host-error".to_owned(),
        }
    }

    /// More about it, where there is more: the trap, the limit and its flag, the error.
    pub fn detail(&self) -> Option<String> {
        match self {
            Outcome::Exited(_) | Outcome::Killed | Outcome::OutputClosed => None,
            Outcome::Failed(failed) => Some(text::one_line(&failed.to_string())),
            Outcome::Trapped(trapped) => Some(trapped.to_string()),
            Outcome::Limit(hit) => Some(hit.to_string()),
            Outcome::Deadline(after) => Some(format!(
                "not done after {} (--deadline raises it)",
                show_duration(*after)
            )),
            Outcome::Deadlock(waits) => Some(format!("{waits}, and nobody is left who could help")),
            Outcome::OutputFailed(error) | Outcome::HostError(error) => Some(error.clone()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())?;
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Trapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.backtrace.first() {
            Some(frame) => write!(f, " in {frame}"),
            None => Ok(()),
        }
    }
}

/// How a life ended, and what it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// From its start until its end, waiting included.
    pub wall: Duration,
    /// On a processor; work that the host's file threads did for it is not counted.
    pub cpu: Duration,
    /// The most linear memory that it had at once, as declared (pages never touched cost nothing real).
    pub peak_memory: ByteSize,
    /// Bytes that it wrote to stdout and stderr.
    pub output: ByteSize,
    /// A request that was refused while it ran and that may explain its end: memory that could not grow, a file that
    /// could not be opened.
    pub refused: Option<LimitHit>,
}

/// Why the host ends a life that would go on; the first cause wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cause {
    Deadline = 1,
    CpuTime = 2,
    Killed = 3,
    Deadlock = 4,
}

impl Cause {
    pub(crate) fn from_u8(byte: u8) -> Option<Cause> {
        match byte {
            1 => Some(Cause::Deadline),
            2 => Some(Cause::CpuTime),
            3 => Some(Cause::Killed),
            4 => Some(Cause::Deadlock),
            _ => None,
        }
    }
}

/// What ends a guest from inside a host call, as an error that passes through Wasmtime.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    Limit(LimitHit),
    OutputClosed,
    OutputFailed(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Limit(hit) => hit.fmt(f),
            Stop::OutputClosed => f.write_str("the reader of the output went away"),
            Stop::OutputFailed(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for Stop {}

/// The limits that an error from Wasmtime may stand for, by value.
pub(crate) struct Bounds {
    pub stack: u64,
    pub fuel: u64,
    pub handles: u64,
    pub refused: Option<LimitHit>,
}

/// The outcome that an error stands for which came out of a guest's call; `None` when the host interrupted it, since
/// only the host knows why.
pub(crate) fn from_error(error: &wasmtime::Error, bounds: &Bounds) -> Option<Outcome> {
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return Some(Outcome::Exited(exit.0));
    }
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return Some(match stop.clone() {
            Stop::Limit(hit) => Outcome::Limit(hit),
            Stop::OutputClosed => Outcome::OutputClosed,
            Stop::OutputFailed(error) => Outcome::OutputFailed(error),
        });
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        return from_trap(*trap, error, bounds);
    }
    if let Some(full) = error.downcast_ref::<wasmtime_wasi::ResourceTableError>() {
        let full = matches!(full, wasmtime_wasi::ResourceTableError::Full);
        return Some(if full {
            Outcome::Limit(LimitHit::new(LimitKind::Handles, bounds.handles, None))
        } else {
            trapped("a handle that is not open was used", error)
        });
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        // No guest can take more than its own part of what was prepared, so this is none's fault.
        return Some(Outcome::HostError(format!("the engine has no room left: {error}")));
    }
    // These errors have no type that one could ask for.
    if error.root_cause().to_string().contains("store handle limit exceeded") {
        return Some(Outcome::Limit(LimitHit::new(LimitKind::Handles, bounds.handles, None)));
    }
    if error.root_cause().to_string().contains("fuel allocated for hostcalls") {
        return Some(trapped(
            "what it passes to the host at once is more than one call may",
            error,
        ));
    }
    // What is left is a guest that broke a rule of an interface, or an instance that could not be made.
    Some(match bounds.refused {
        Some(hit) => Outcome::Limit(hit),
        None => trapped(&text::one_line(&error.root_cause().to_string()), error),
    })
}

fn from_trap(trap: wasmtime::Trap, error: &wasmtime::Error, bounds: &Bounds) -> Option<Outcome> {
    use wasmtime::Trap;
    Some(match (trap, bounds.refused) {
        (Trap::Interrupt, _) => return None,
        (Trap::StackOverflow, _) => Outcome::Limit(LimitHit::new(LimitKind::Stack, bounds.stack, None)),
        (Trap::OutOfFuel, _) => Outcome::Limit(LimitHit::new(LimitKind::Fuel, bounds.fuel, None)),
        // A program whose allocation fails aborts with `unreachable`: the limit is the reason.
        (Trap::UnreachableCodeReached, Some(hit)) if hit.kind != LimitKind::OpenFiles => Outcome::Limit(hit),
        (trap, _) => trapped(trap.to_string().trim_start_matches("wasm trap: "), error),
    })
}

fn trapped(reason: &str, error: &wasmtime::Error) -> Outcome {
    let frames = error
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .map(|trace| trace.frames());
    let backtrace = frames
        .unwrap_or_default()
        .iter()
        .take(MAX_FRAMES)
        .map(|frame| match frame.func_name() {
            Some(name) => text::one_line(wasm_name(name)),
            None => format!("function {}", frame.func_index()),
        })
        .collect();
    Outcome::Trapped(Trapped {
        reason: reason.to_owned(),
        backtrace,
    })
}

/// A function's name without the hash that Rust's compiler adds.
fn wasm_name(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((front, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => front,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_the_exit_code_of_the_manual() {
        let hit = LimitHit::new(LimitKind::Memory, 1, 2);
        let trapped = Trapped {
            reason: "integer divide by zero".to_owned(),
            backtrace: vec!["f".to_owned()],
        };
        for (outcome, code) in [
            (Outcome::Exited(0), 0),
            (Outcome::Exited(7), 7),
            (Outcome::Exited(200), 125),
            (Outcome::Exited(-1), 125),
            (Outcome::Failed(ExecutionFailed::of_host("error", String::new())), 1),
            (Outcome::Trapped(trapped), 134),
            (Outcome::Limit(hit), 134),
            (Outcome::Deadline(Duration::from_secs(1)), 124),
            (Outcome::Deadlock(String::new()), 123),
            (Outcome::Killed, 137),
            (Outcome::OutputClosed, 0),
            (Outcome::OutputFailed(String::new()), 74),
            (Outcome::HostError(String::new()), 70),
        ] {
            assert_eq!(outcome.exit_code(), code, "{outcome}");
        }
    }
}
