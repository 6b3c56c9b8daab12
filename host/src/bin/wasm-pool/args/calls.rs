//! `call`, `map` and `snapshot`: what is called, with what, and how values are written.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_pool::{ByteSize, units};

use super::{GrantArgs, LimitArgs, LoadArgs, TimelineArgs};

/// How calls are made.
#[derive(Debug, Args)]
#[command(next_help_heading = "Calls")]
pub(crate) struct CallingArgs {
    /// Call this first in each new interpreter, such as `setup(3)` (WAVE); when it fails, so does everything.
    #[arg(long, value_name = "CALL")]
    pub initializer: Option<String>,

    /// Make this call, such as `setup(3)` (WAVE), once, and start every interpreter from a snapshot of what is in memory after
    /// it; as `wasm-pool snapshot` does.
    #[arg(long, value_name = "CALL")]
    pub snapshot: Option<String>,

    /// Where calls run: `direct`, on threads that a call holds to its end; `fiber`, where one that waits holds
    /// no thread; `auto`, directly for a guest that imports nothing that can wait.
    #[arg(long, value_name = "PATH", default_value = "auto")]
    pub executor: wasm_pool::Path,

    /// How JSON has bytes (list<u8>).
    #[arg(long, value_name = "FORM", value_enum, default_value_t = BytesArg::Array)]
    pub bytes: BytesArg,
}

/// `--bytes`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BytesArg {
    Array,
    Base64,
}

impl From<BytesArg> for wasm_pool::value::Bytes {
    fn from(arg: BytesArg) -> wasm_pool::value::Bytes {
        match arg {
            BytesArg::Array => wasm_pool::value::Bytes::Array,
            BytesArg::Base64 => wasm_pool::value::Bytes::Base64,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The guest: a component or a core module, binary or text; `-` reads it from stdin.
    pub guest: PathBuf,

    /// What to call, such as `distance({x: 1, y: 2}, {x: 4, y: 6})` (WAVE); or the function's name, and its arguments behind
    /// it. A function of an interface is `interface#function` where its name alone is not enough.
    pub call: String,

    /// The arguments as JSON, one each.
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    pub arguments: Vec<String>,

    /// How the result is printed; as the arguments were written, unless said otherwise.
    #[arg(short, long, value_name = "FORM", value_enum)]
    pub format: Option<Notation>,

    #[command(flatten)]
    pub calling: CallingArgs,

    #[command(flatten)]
    pub timeline: TimelineArgs,

    #[command(flatten)]
    pub grants: GrantArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub loading: LoadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// The guest, a component; `-` reads it from stdin.
    pub guest: PathBuf,

    /// The call, such as `setup(3)` (WAVE). Nothing is granted to it.
    pub call: String,

    /// Where the new guest is written.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub loading: LoadArgs,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Notation {
    Wave,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    /// The guest: a component or a core module, binary or text.
    pub guest: PathBuf,

    /// The function; of an interface `interface#function` where its name alone is not enough.
    pub function: String,

    /// The items; stdin, unless said otherwise.
    #[arg(default_value = "-")]
    pub input: PathBuf,

    /// What the items are: `json` (a value a line: the argument; an array or an object for several), `csv` (with the parameters'
    /// names in its first line) or `lines` (each a string).
    #[arg(short = 'i', long = "input-format", value_name = "FORMAT", value_enum, default_value_t = Format::Json, help_heading = "Input and output")]
    pub from: Format,

    /// What the results are: `json` (a value a line), `csv` or `lines` [default: csv for csv, else json].
    #[arg(
        short = 'f',
        long = "output-format",
        value_name = "FORMAT",
        value_enum,
        help_heading = "Input and output"
    )]
    pub to: Option<Format>,

    /// Where the results go; stdout, unless said otherwise.
    #[arg(short, long, value_name = "FILE", help_heading = "Input and output")]
    pub output: Option<PathBuf>,

    /// Go on where a run that wrote its results to this file was ended: results that are there are kept, their items passed
    /// over, the others' results appended. The input must be the same.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "unordered"], help_heading = "Input and output")]
    pub resume: Option<PathBuf>,

    /// Results as they come, not in the order of the items.
    #[arg(long, help_heading = "Input and output")]
    pub unordered: bool,

    /// The longest item that is read.
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = units::parse_size, help_heading = "Input and output")]
    pub item_size: ByteSize,

    /// Calls that run at once; as many as this process may use cores, and more where they can wait, unless said otherwise.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Calls")]
    pub workers: Option<u32>,

    /// What becomes of an interpreter after a call: `fresh` (the next call has a new one; `clean` is another word for it),
    /// `always`, `always:CALLS`, `always:MEMORY` or `always:CALLS:MEMORY` (it is used again, until so many calls or so much
    /// memory).
    #[arg(long, value_name = "POLICY", default_value = "fresh", help_heading = "Calls")]
    pub reuse: wasm_pool::Reuse,

    /// Items that are handed to an interpreter at once [default: by what they take, up to 512].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Calls")]
    pub chunk: Option<u32>,

    /// End at the first item that fails.
    #[arg(long, help_heading = "Calls")]
    pub fail_fast: bool,

    /// No progress bar and no summary.
    #[arg(short, long, help_heading = "Input and output")]
    pub quiet: bool,

    #[command(flatten)]
    pub calling: CallingArgs,

    #[command(flatten)]
    pub timeline: TimelineArgs,

    #[command(flatten)]
    pub grants: GrantArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub loading: LoadArgs,
}

/// What items and results are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Json,
    Csv,
    Lines,
}
