//! `run` and `up`, where their streams lead, what is reported.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use wasm_pool::FileCalls;

use super::{CopiesArgs, SeeingArgs};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The guest: a WebAssembly command, binary or text; `-` reads it from stdin.
    pub guest: PathBuf,

    /// Arguments for the guest; `{instance}` stands for the instance's number.
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,

    #[command(flatten)]
    pub copies: CopiesArgs,
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
