//! The verbs that look and prepare.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::LoadArgs;

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// The guest; `-` reads it from stdin. With `--lang python`, the folder of a program, with a `__main__.py` in it.
    pub guest: PathBuf,

    /// Write the compiled code to this file, for `run --allow-precompiled`, in place of the cache. With `--lang`, write a component.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Make a component of a program in a language, for `run FILE -- ARGS`: of its folder's modules those that `__main__.py` imports,
    /// imported already, so that a copy starts behind the imports. What modules do when they are imported is done here and now,
    /// behind a wall, and not in the copies. Only for `python`, with componentize-py (`pip install componentize-py==0.25.1`).
    #[arg(long, value_name = "LANG", requires = "output")]
    pub lang: Option<String>,

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
