//! Copies of one program: how many, within what, where their streams lead. `run` and the verbs of languages take these.

use clap::Args;

use super::run::{FileCallsArg, OutputMode, ReportTo, StdinMode};
use super::{GrantArgs, LimitArgs, LoadArgs, QueueArgs, SeeingArgs};

#[derive(Debug, Args)]
pub(crate) struct CopiesArgs {
    /// How many copies; each sees its number in WASM_POOL_INSTANCE and how many there are in WASM_POOL_INSTANCES.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub instances: u32,

    /// Threads that run guests; as many as this process may use cores, unless said otherwise.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,

    /// Where the guests' calls on files run: apart, so that a disk that hangs holds up nobody, or inline, several times
    /// faster for many small files on a local disk.
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = FileCallsArg::Apart)]
    pub file_calls: FileCallsArg,

    #[command(flatten)]
    pub grants: GrantArgs,

    /// What the guests read: nothing (the default), our stdin (one instance only; the default of `python` and `js`), each line
    /// to one of them, or all of it to each.
    #[arg(long, value_name = "MODE", value_enum)]
    pub stdin: Option<StdinMode>,

    #[command(flatten)]
    pub queues: QueueArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub loading: LoadArgs,

    /// What the guests' stdout becomes: `lines` (whole lines as they come), `prefix` (each with the instance's
    /// number), `group` (all of a guest's output when it ends), `files:DIR` (a file each) or `none`.
    #[arg(short, long, value_name = "MODE", default_value = "lines", help_heading = "Output")]
    pub output: OutputMode,

    /// A report for programs, one JSON object a line: `json` writes it to stderr in place of the summary, `json:FILE`
    /// to a file.
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub report: Option<ReportTo>,

    #[command(flatten)]
    pub seeing: SeeingArgs,

    /// No progress bar and no summary.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// When a guest fails, let the others go on (the default).
    #[arg(long, overrides_with = "fail_fast", help_heading = "Output")]
    pub keep_going: bool,

    /// When a guest fails, end the others.
    #[arg(long, help_heading = "Output")]
    pub fail_fast: bool,
}
