//! `wasm-pool`: isolated copies of WebAssembly guests, in parallel, from the command line.
//!
//! `main` is the outline; each verb is a file of its own and a thin user of the library.
#![allow(clippy::disallowed_types)] // ranks are for the locks of the library

mod args;
mod bench;
mod cache;
mod call;
mod calling;
mod compile;
mod completions;
mod exec;
mod info;
mod inspect;
mod lang;
mod map;
mod names;
mod output;
mod progress;
mod report;
mod run;
mod script;
mod session;
mod signals;
mod snapshot;
mod timeline;
mod up;
mod wall;
mod watch;
mod whole;

use std::process::ExitCode;

use args::{Cli, Verb};
use clap::Parser;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return args::explain(&error),
    };
    let done = match cli.verb {
        Verb::Run(args) => run::run(&args),
        Verb::Exec(args) => exec::exec(&args),
        Verb::Python(args) => exec::python(&args),
        Verb::Js(args) => exec::js(&args),
        Verb::Lang(args) => lang::lang(&args),
        Verb::Call(args) => call::call(&args),
        Verb::Map(args) => map::map(&args),
        Verb::Up(args) => up::up(&args),
        Verb::Snapshot(args) => snapshot::snapshot(&args),
        Verb::Compile(args) => compile::compile(&args),
        Verb::Inspect(args) => inspect::inspect(&args),
        Verb::Cache(args) => cache::cache(&args),
        Verb::Info(args) => info::info(&args),
        Verb::Bench(args) => bench::bench(&args),
        Verb::Completions(args) => completions::completions(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => report::failed(&error),
    }
}
