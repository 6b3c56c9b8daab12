//! The command line: what may be written, and what it means.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use wasm_pool::grants::{Access, DirGrant};
use wasm_pool::{ByteSize, FileCalls, Limits, QueueOptions, Unbound, text, units};

/// Runs many isolated copies of an untrusted WebAssembly guest in parallel, each within limits, with nothing granted
/// unless you say so.
#[derive(Debug, Parser)]
#[command(name = "wasm-pool", version, max_term_width = 110, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run copies of a command in parallel.
    Run(Box<RunArgs>),
    /// Call one function of a guest.
    Call(Box<CallArgs>),
    /// Call a function of a guest for each item of the input, in parallel.
    Map(Box<MapArgs>),
    /// Run the programs of a manifest, with the queues between them.
    Up(UpArgs),
    /// Write a guest that begins where this one is after a call.
    Snapshot(Box<SnapshotArgs>),
    /// Compile a guest ahead of time, into the code cache or a file.
    Compile(CompileArgs),
    /// Say what a guest is, what it imports and exports and what it needs.
    Inspect(InspectArgs),
    /// Look at the cache of compiled code, or empty it.
    Cache(CacheArgs),
    /// Say what this machine can hold and how wasm-pool uses it.
    Info(InfoArgs),
    /// Print a shell's completion script.
    Completions(CompletionsArgs),
}

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

    /// No progress bar and no summary.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// When a guest fails for good, end the others.
    #[arg(long, help_heading = "Output")]
    pub fail_fast: bool,

    /// Neither look for compiled code in the cache nor keep it there.
    #[arg(long)]
    pub no_cache: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Grants (nothing is granted by default)")]
pub(crate) struct GrantArgs {
    /// A folder the guests may use, under a name of theirs; read-only unless it ends in `:rw`.
    #[arg(long = "dir", value_name = "HOST::GUEST[:ro|:rw]")]
    pub dirs: Vec<DirSpec>,

    /// An environment variable, with a value or the host's; for `run`, `{instance}` in the value is the instance's number.
    #[arg(long = "env", value_name = "KEY[=VALUE]")]
    pub env: Vec<String>,
}

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

    /// Where calls run: `direct`, on threads that run one call to its end before the next; `fiber`, where one that waits holds
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
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    pub arguments: Vec<String>,

    /// How the result is printed; as the arguments were written, unless said otherwise.
    #[arg(short, long, value_name = "FORM", value_enum)]
    pub format: Option<Notation>,

    #[command(flatten)]
    pub calling: CallingArgs,

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

#[derive(Debug, Args)]
#[command(next_help_heading = "Queues and interpreters")]
pub(crate) struct QueueArgs {
    /// A queue that the guests may open by this name; it holds MAXSIZE items (1,024; 0: bounded by bytes only) and MAXBYTES
    /// (16MiB).
    #[arg(long = "queue", value_name = "NAME[:MAXSIZE[:MAXBYTES]]")]
    pub queues: Vec<QueueSpec>,

    /// Put each line of our stdin into this queue, and close it at the end of the input.
    #[arg(long, value_name = "NAME")]
    pub feed: Option<String>,

    /// Print what comes out of this queue, a line for each item.
    #[arg(long, value_name = "NAME")]
    pub drain: Option<String>,

    /// Let each guest create so many interpreters at once, and these others, DEPTH levels deep (1).
    #[arg(long, value_name = "COUNT[:DEPTH]")]
    pub interpreters: Option<InterpreterSpec>,
}

/// `--queue`
#[derive(Debug, Clone)]
pub(crate) struct QueueSpec {
    pub name: String,
    pub options: QueueOptions,
}

impl QueueSpec {
    /// A queue with every default.
    pub(crate) fn named(name: &str) -> QueueSpec {
        QueueSpec {
            name: name.to_owned(),
            // Guests of a pipeline end when they have put their last item; nobody must lose it.
            options: QueueOptions {
                unbound: Unbound::Keep,
                ..QueueOptions::default()
            },
        }
    }
}

impl FromStr for QueueSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<QueueSpec, String> {
        let mut parts = text.split(':');
        let mut spec = QueueSpec::named(parts.next().unwrap_or_default());
        if let Some(size) = parts.next() {
            spec.options.max_size = size.parse().map_err(|_| format!("{size:?} is no number of items"))?;
        }
        if let Some(bytes) = parts.next() {
            spec.options.max_bytes = units::parse_size(bytes)?;
        }
        match parts.next() {
            None if !spec.name.is_empty() => Ok(spec),
            _ => Err("expected NAME, NAME:MAXSIZE or NAME:MAXSIZE:MAXBYTES, such as work:64:1MiB".to_owned()),
        }
    }
}

/// `--interpreters`
#[derive(Debug, Clone, Copy)]
pub(crate) struct InterpreterSpec {
    pub count: u32,
    pub depth: u32,
}

impl FromStr for InterpreterSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<InterpreterSpec, String> {
        let (count, depth) = text.split_once(':').unwrap_or((text, "1"));
        match (count.parse(), depth.parse()) {
            (Ok(count), Ok(depth)) if count > 0 && depth > 0 => Ok(InterpreterSpec { count, depth }),
            _ => Err("expected COUNT or COUNT:DEPTH, such as 8 or 8:2".to_owned()),
        }
    }
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

    /// Processor time of one instance; `none` for no bound.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_bound)]
    pub cpu_time: Bound,

    /// Instructions of one instance, about one unit each [default: not counted].
    #[arg(long, value_name = "UNITS")]
    pub fuel: Option<u64>,

    /// Bytes that one instance may write to stdout and stderr together.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = units::parse_size)]
    pub output_limit: ByteSize,

    /// Files and folders that one instance may have open, the granted ones included.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub open_files: u32,

    /// Handles of every kind that one instance may have open: files, streams, timers.
    #[arg(long, value_name = "COUNT", default_value_t = 1024)]
    pub handles: u32,

    /// Bytes of items that one instance has put into queues and nobody has got yet.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::parse_size)]
    pub messages: ByteSize,

    /// Queues that one instance may create.
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

/// `--dir`
#[derive(Debug, Clone)]
pub(crate) struct DirSpec(pub DirGrant);

impl FromStr for DirSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<DirSpec, String> {
        let (text, access) = match (text.strip_suffix(":rw"), text.strip_suffix(":ro")) {
            (Some(text), _) => (text, Access::ReadWrite),
            (_, Some(text)) => (text, Access::ReadOnly),
            _ => (text, Access::ReadOnly),
        };
        let (host, guest) = text.split_once("::").unwrap_or_default();
        if host.is_empty() || guest.is_empty() || guest.contains([':', '\0']) {
            return Err("expected HOST::GUEST, such as ./data::/data or ./out::/out:rw".to_owned());
        }
        Ok(DirSpec(DirGrant {
            host: host.into(),
            guest: guest.to_owned(),
            access,
        }))
    }
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

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// The guest; `-` reads it from stdin.
    pub guest: PathBuf,

    /// Write the compiled code to this file, for `run --allow-precompiled`, in place of the cache.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub loading: LoadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The guest; `-` reads it from stdin.
    pub guest: PathBuf,

    /// One JSON object in place of text.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub loading: LoadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub verb: CacheVerb,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum CacheVerb {
    /// Say where it is and what it holds.
    Info,
    /// Remove everything in it.
    Clean,
}

#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// One JSON object in place of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// Prints what is wrong with a command line in one line, or the help or the version that was asked for.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            // A closed pipe is the reader's choice.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(74),
        };
    }
    let rendered = error.render().to_string();
    let reason: Vec<_> = rendered
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.starts_with("tip: to pass"))
        .map(|line| line.trim_start_matches("error: "))
        .collect();
    let reason = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "a command is missing: run, call, map, up, snapshot, compile, inspect, cache, info or completions"
                .to_owned()
        }
        _ => text::one_line(&reason.join("\n")).replace(":; ", ": "),
    };
    let verb = std::env::args()
        .nth(1)
        .filter(|verb| Cli::command().find_subcommand(verb).is_some());
    let help = verb.map_or("wasm-pool --help".to_owned(), |verb| format!("wasm-pool {verb} --help"));
    eprintln!("wasm-pool: {reason}; see `{help}`");
    ExitCode::from(2)
}
