//! `run` and `up`: how many, where their streams lead, what is reported.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use wasm_pool::FileCalls;

use super::{GrantArgs, LimitArgs, LoadArgs, QueueArgs, SeeingArgs};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The guest: a WebAssembly command, binary or text; `-` reads it from stdin.
    pub guest: PathBuf,

    /// How many copies; each sees its number in WASM_POOL_INSTANCE and how many there are in WASM_POOL_INSTANCES.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub instances: u32,

    /// Threads that run guests; as many as this process may use cores, unless said otherwise.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,

    /// Arguments for the guest; `{instance}` stands for the instance's number.
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,

    /// Where the guests' calls on files run: apart, so that a disk that hangs holds up nobody, or inline, several times
    /// faster for many small files on a local disk.
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = FileCallsArg::Apart)]
    pub file_calls: FileCallsArg,

    #[command(flatten)]
    pub grants: GrantArgs,

    /// What the guests read: nothing, our stdin (one instance only), each line to one of them, or all of it to each.
    #[arg(long, value_name = "MODE", value_enum, default_value_t = StdinMode::Null)]
    pub stdin: StdinMode,

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

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The manifest, such as pool.toml.
    pub manifest: PathBuf,

    /// Check it, load its guests, and print who puts what where; run nothing.
    #[arg(long)]
    pub check: bool,

    /// What the guests' stdout becomes; as for `run`.
    #[arg(short, long, value_name = "MODE", default_value = "lines", help_heading = "Output")]
    pub output: OutputMode,

    /// A report for programs; as for `run`.
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub report: Option<ReportTo>,

    #[command(flatten)]
    pub seeing: SeeingArgs,

    /// No progress bar and no summary.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// When a guest fails for good, end the others.
    #[arg(long, help_heading = "Output")]
    pub fail_fast: bool,

    /// Neither look for compiled code in the cache nor keep it there.
    #[arg(long)]
    pub no_cache: bool,

    /// Keep this process's rights; as for `run`.
    #[arg(long)]
    pub no_lockdown: bool,
}

/// `--file-calls`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileCallsArg {
    Apart,
    Inline,
}

impl From<FileCallsArg> for FileCalls {
    fn from(arg: FileCallsArg) -> FileCalls {
        match arg {
            FileCallsArg::Apart => FileCalls::Apart,
            FileCallsArg::Inline => FileCalls::Inline,
        }
    }
}

/// `--stdin`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StdinMode {
    Null,
    Inherit,
    Split,
    Copy,
}

/// `--output`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputMode {
    Lines,
    Prefix,
    Group,
    Files(PathBuf),
    None,
}

impl OutputMode {
    /// The folder that files go to, and what to call it.
    pub(crate) fn folder(&self) -> Option<(&str, &Path)> {
        match self {
            OutputMode::Files(folder) => Some(("the folder for output", folder)),
            OutputMode::Lines | OutputMode::Prefix | OutputMode::Group | OutputMode::None => None,
        }
    }
}

impl FromStr for OutputMode {
    type Err = String;

    fn from_str(text: &str) -> Result<OutputMode, String> {
        match text {
            "lines" => Ok(OutputMode::Lines),
            "prefix" => Ok(OutputMode::Prefix),
            "group" => Ok(OutputMode::Group),
            "none" => Ok(OutputMode::None),
            _ => match text.strip_prefix("files:") {
                Some(dir) if !dir.is_empty() => Ok(OutputMode::Files(dir.into())),
                _ => Err("expected lines, prefix, group, files:DIR or none".to_owned()),
            },
        }
    }
}

/// `--report`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReportTo {
    Stderr,
    File(PathBuf),
}

impl FromStr for ReportTo {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportTo, String> {
        match text.split_once(':') {
            None if text == "json" => Ok(ReportTo::Stderr),
            Some(("json", file)) if !file.is_empty() => Ok(ReportTo::File(file.into())),
            _ => Err("expected json or json:FILE".to_owned()),
        }
    }
}
