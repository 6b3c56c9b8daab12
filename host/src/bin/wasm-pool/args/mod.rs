//! The command line: what may be written, and what it means. A file for what belongs together; most verbs take several.

mod bench;
mod calls;
mod copies;
mod lang;
mod limits;
mod run;
mod seeing;
mod talk;
mod touch;
mod verbs;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use wasm_pool::text;

pub(crate) use self::bench::{BenchArgs, Part};
pub(crate) use self::calls::{CallArgs, CallingArgs, Format, MapArgs, Notation, SnapshotArgs};
pub(crate) use self::copies::CopiesArgs;
pub(crate) use self::lang::{ExecArgs, JsArgs, LangArgs, LangVerb, ModuleArgs, PythonArgs, ScriptArgs};
pub(crate) use self::limits::{LimitArgs, LoadArgs};
pub(crate) use self::run::{OutputMode, ReportTo, RunArgs, StdinMode, UpArgs};
pub(crate) use self::seeing::{Form, SeeingArgs, TimelineArgs};
pub(crate) use self::talk::QueueArgs;
pub(crate) use self::touch::GrantArgs;
pub(crate) use self::verbs::{CacheArgs, CacheVerb, CompileArgs, CompletionsArgs, InfoArgs, InspectArgs};

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
    /// Run source text in interpreters of a language, in parallel.
    Exec(Box<ExecArgs>),
    /// Run a Python script.
    Python(Box<PythonArgs>),
    /// Run a JavaScript script.
    Js(Box<JsArgs>),
    /// Install languages, list them, remove them.
    Lang(LangArgs),
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
    /// Measure on this machine what instances, calls and messages cost, what cores gain, and how many instances fit.
    Bench(BenchArgs),
    /// Print a shell's completion script.
    Completions(CompletionsArgs),
}

/// Prints what is wrong with a command line in one line, or the help or the version that was asked for.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
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
    let whole = Cli::command();
    let verb = std::env::args()
        .nth(1)
        .filter(|verb| whole.find_subcommand(verb).is_some());
    let reason = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let command = verb.as_ref().and_then(|verb| whole.find_subcommand(verb));
            let names = command.unwrap_or(&whole).get_subcommands().map(clap::Command::get_name);
            format!("a command is missing: {}", one_of(&names.collect::<Vec<_>>()))
        }
        _ => text::one_line(&reason.join("\n")).replace(":; ", ": "),
    };
    let reason = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(word)))
            if verb.as_deref() == Some("run") && !word.starts_with('-') =>
        {
            format!("{reason}; the guest's arguments stand behind `--`")
        }
        _ => reason,
    };
    let help = verb.map_or("wasm-pool --help".to_owned(), |verb| format!("wasm-pool {verb} --help"));
    eprintln!("wasm-pool: {reason}; see `{help}`");
    ExitCode::from(2)
}

/// `a, b or c`
fn one_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
