//! How much guests may use, and how they are loaded.

use std::time::Duration;

use clap::Args;
use wasm_pool::{ByteSize, Limits, units};

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits (sizes as 64MiB, times as 1.5s)")]
pub(crate) struct LimitArgs {
    /// Linear memory of one instance, all its memories together.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = units::parse_size)]
    pub memory: ByteSize,

    /// Table elements of one instance, all its tables together.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub tables: u64,

    /// Depth of one instance's call stack.
    #[arg(long, value_name = "SIZE", default_value = "512KiB", value_parser = units::parse_size)]
    pub stack: ByteSize,

    /// Wall-clock time of one instance, waiting included; `none` for no bound.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_bound)]
    pub deadline: Bound,

    /// Processor time of one instance and all its children; `none` for no bound.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_bound)]
    pub cpu_time: Bound,

    /// Instructions of one instance and all its children, about one unit each [default: not counted].
    #[arg(long, value_name = "UNITS")]
    pub fuel: Option<u64>,

    /// Bytes that one instance and all its children may write to stdout and stderr together.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = units::parse_size)]
    pub output_limit: ByteSize,

    /// Files and folders that one instance may have open, the granted ones included.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub open_files: u32,

    /// Handles of every kind that one instance may have open: files, streams, timers.
    #[arg(long, value_name = "COUNT", default_value_t = 1024)]
    pub handles: u32,

    /// Bytes of items that one instance and all its children have put into queues and nobody has got yet.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::parse_size)]
    pub messages: ByteSize,

    /// Queues that one instance and all its children may create.
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub max_queues: u32,

    /// Queues of all instances together.
    #[arg(long, value_name = "COUNT", default_value_t = 65_536)]
    pub pool_queues: u32,

    /// Linear memory and queued items of all instances together [default: three quarters of the machine's].
    #[arg(long, value_name = "SIZE", value_parser = units::parse_size)]
    pub pool_memory: Option<ByteSize>,

    /// How long running instances get after the first Ctrl-C or SIGTERM.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::parse_duration)]
    pub grace: Duration,
}

impl LimitArgs {
    /// The limits, with those of loading.
    pub(crate) fn limits(&self, loading: &LoadArgs) -> Limits {
        let defaults = Limits::default();
        Limits {
            memory: self.memory,
            tables: self.tables,
            stack: self.stack,
            deadline: self.deadline.0,
            cpu_time: self.cpu_time.0,
            fuel: self.fuel,
            output: self.output_limit,
            open_files: self.open_files,
            handles: self.handles,
            messages: self.messages,
            queues: self.max_queues,
            pool_queues: self.pool_queues,
            module_size: loading.module_size,
            compile_time: loading.compile_time,
            pool_memory: self.pool_memory.unwrap_or(defaults.pool_memory),
            grace: self.grace,
        }
    }
}

/// How a guest is loaded; every verb that loads one takes these.
#[derive(Debug, Args)]
#[command(next_help_heading = "Loading")]
pub(crate) struct LoadArgs {
    /// The largest guest file that is read.
    #[arg(long, value_name = "SIZE", default_value = "100MiB", value_parser = units::parse_size)]
    pub module_size: ByteSize,

    /// How long the compiler may take.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::parse_duration)]
    pub compile_time: Duration,

    /// Neither look for compiled code in the cache nor keep it there.
    #[arg(long)]
    pub no_cache: bool,

    /// Keep this process's rights. Without this flag it gives up, where the kernel lets it (Landlock, seccomp), all files that
    /// it does not need, new sockets and other programs, so that a guest that got out would be in another cell.
    #[arg(long)]
    pub no_lockdown: bool,

    /// Run compiled native code (a .cwasm file). Nothing can check it: it can do whatever you can.
    #[arg(long)]
    pub allow_precompiled: bool,
}

impl LoadArgs {
    /// The default limits with those of loading.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            module_size: self.module_size,
            compile_time: self.compile_time,
            ..Limits::default()
        }
    }
}

/// A time or `none`; a type of its own, since clap takes an `Option` for an optional flag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound(pub Option<Duration>);

fn parse_bound(text: &str) -> Result<Bound, String> {
    units::parse_bound(text).map(Bound)
}
