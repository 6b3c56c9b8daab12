//! What a guest may use: every number with its unit, its default and the flag that changes it.
//!
//! A limit that is reached ends one interpreter, with an outcome that names the limit, its value, what was asked for
//! and the flag that raises it; nobody else notices.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;

use crate::units::{show_duration, show_size};

/// What one interpreter, one program and one pool may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one interpreter: the sum over all its memories, in bytes. `--memory`, 256 MiB.
    ///
    /// A `memory.grow` beyond it answers -1, as the standard has it; a program that needs more to start does not start.
    pub memory: ByteSize,
    /// Elements in all tables of one interpreter together. `--tables`, 100,000.
    pub tables: u64,
    /// Depth of a guest's call stack, in bytes. `--stack`, 512 KiB. A property of the [`Engine`](crate::Engine).
    pub stack: ByteSize,
    /// Wall-clock time of one interpreter's life, waiting included. `--deadline`, 10 minutes.
    pub deadline: Option<Duration>,
    /// Time on a processor of one interpreter's life and of those that descend from it. `--cpu-time`, 5 minutes.
    pub cpu_time: Option<Duration>,
    /// Instructions, as Wasmtime counts fuel: about one unit each. Those of all that descend from it count too, at each tick of a
    /// millisecond. `--fuel`, off: counting costs about as much again
    /// as the interruption checks do. A property of the [`Engine`](crate::Engine).
    pub fuel: Option<u64>,
    /// Bytes written to stdout and stderr together, by one interpreter and those that descend from it. `--output-limit`, 1 GiB.
    pub output: ByteSize,
    /// Files and folders open at once, the granted ones included. `--open-files`, 64.
    pub open_files: u32,
    /// Handles of every kind open at once: files, streams, timers. `--handles`, 1,024.
    pub handles: u32,
    /// Bytes of items that one interpreter and those that descend from it have put into queues and nobody has got yet.
    /// `--messages`, 64 MiB.
    pub messages: ByteSize,
    /// Queues that one interpreter and those that descend from it have created and that are still there. `--max-queues`, 256.
    pub queues: u32,
    /// Size of a program's file, in bytes. `--module-size`, 100 MiB.
    pub module_size: ByteSize,
    /// Time to compile a program. `--compile-time`, 60 seconds.
    pub compile_time: Duration,
    /// Linear memory of all interpreters of a pool together, and the items in its queues. `--pool-memory`, three quarters of the machine's (or of
    /// the control group's).
    pub pool_memory: ByteSize,
    /// Queues of a pool. `--pool-queues`, 65,536.
    pub pool_queues: u32,
    /// How long running guests get when a pool is asked to shut down. `--grace`, 5 seconds.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: ByteSize::mib(256),
            tables: 100_000,
            stack: ByteSize::kib(512),
            deadline: Some(Duration::from_secs(600)),
            cpu_time: Some(Duration::from_secs(300)),
            fuel: None,
            output: ByteSize::gib(1),
            open_files: 64,
            handles: 1_024,
            messages: ByteSize::mib(64),
            queues: 256,
            module_size: ByteSize::mib(100),
            compile_time: Duration::from_secs(60),
            pool_memory: ByteSize::b(crate::machine::memory() / 4 * 3),
            pool_queues: 65_536,
            grace: Duration::from_secs(5),
        }
    }
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// [`Limits::memory`]
    Memory,
    /// [`Limits::tables`]
    Tables,
    /// [`Limits::stack`]
    Stack,
    /// [`Limits::cpu_time`]
    CpuTime,
    /// [`Limits::fuel`]
    Fuel,
    /// [`Limits::output`]
    Output,
    /// [`Limits::open_files`]
    OpenFiles,
    /// [`Limits::handles`]
    Handles,
    /// [`Limits::messages`]
    Messages,
    /// [`Limits::queues`]
    Queues,
    /// [`Limits::pool_memory`]
    PoolMemory,
    /// [`Limits::pool_queues`]
    PoolQueues,
    /// [`Grants::interpreters`](crate::Grants::interpreters): how many
    Interpreters,
    /// [`Grants::interpreters`](crate::Grants::interpreters): how deep
    Depth,
}

impl LimitKind {
    /// The limit's name in reports; `--` before it gives the flag, but for `output`, whose flag is `--output-limit`.
    pub fn name(self) -> &'static str {
        match self {
            LimitKind::Memory => "memory",
            LimitKind::Tables => "tables",
            LimitKind::Stack => "stack",
            LimitKind::CpuTime => "cpu-time",
            LimitKind::Fuel => "fuel",
            LimitKind::Output => "output",
            LimitKind::OpenFiles => "open-files",
            LimitKind::Handles => "handles",
            LimitKind::Messages => "messages",
            LimitKind::Queues => "queues",
            LimitKind::PoolMemory => "pool-memory",
            LimitKind::PoolQueues => "pool-queues",
            LimitKind::Interpreters => "interpreters",
            LimitKind::Depth => "interpreters' depth",
        }
    }

    /// The command line's flag that raises it.
    pub fn flag(self) -> &'static str {
        match self {
            LimitKind::Memory => "--memory",
            LimitKind::Tables => "--tables",
            LimitKind::Stack => "--stack",
            LimitKind::CpuTime => "--cpu-time",
            LimitKind::Fuel => "--fuel",
            LimitKind::Output => "--output-limit",
            LimitKind::OpenFiles => "--open-files",
            LimitKind::Handles => "--handles",
            LimitKind::Messages => "--messages",
            LimitKind::Queues => "--max-queues",
            LimitKind::PoolMemory => "--pool-memory",
            LimitKind::PoolQueues => "--pool-queues",
            LimitKind::Interpreters | LimitKind::Depth => "--interpreters",
        }
    }

    /// `amount` in this limit's unit.
    fn show(self, amount: u64) -> String {
        match self {
            LimitKind::Memory | LimitKind::Stack | LimitKind::Output | LimitKind::Messages | LimitKind::PoolMemory => {
                show_size(ByteSize::b(amount))
            }
            LimitKind::CpuTime => show_duration(Duration::from_nanos(amount)),
            LimitKind::Tables => format!("{amount} elements"),
            LimitKind::Fuel => format!("{amount} units"),
            LimitKind::OpenFiles => format!("{amount} files"),
            LimitKind::Handles => format!("{amount} handles"),
            LimitKind::Queues | LimitKind::PoolQueues => format!("{amount} queues"),
            LimitKind::Interpreters => format!("{amount} interpreters"),
            LimitKind::Depth => format!("{amount} levels"),
        }
    }
}

/// A limit that a guest reached. Amounts are bytes, nanoseconds or a count, by the limit's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitHit {
    /// Which limit.
    pub kind: LimitKind,
    /// Its value.
    pub limit: u64,
    /// What the guest asked for, where that is known.
    pub asked: Option<u64>,
}

impl LimitHit {
    pub(crate) fn new(kind: LimitKind, limit: u64, asked: impl Into<Option<u64>>) -> LimitHit {
        LimitHit {
            kind,
            limit,
            asked: asked.into(),
        }
    }
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LimitHit { kind, limit, asked } = *self;
        write!(f, "{} limit of {} reached", kind.name(), kind.show(limit))?;
        if let Some(asked) = asked {
            write!(f, ", {} asked for", kind.show(asked))?;
        }
        write!(f, " ({} raises it)", kind.flag())
    }
}

impl std::error::Error for LimitHit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_names_itself_its_value_what_was_asked_and_its_flag() {
        let hit = LimitHit::new(LimitKind::Memory, 64 << 20, 80 << 20);
        assert_eq!(
            hit.to_string(),
            "memory limit of 64MiB reached, 80MiB asked for (--memory raises it)"
        );
    }
}
