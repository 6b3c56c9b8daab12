//! The verbs that look and prepare.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::LoadArgs;

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
