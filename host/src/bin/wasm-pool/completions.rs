//! `wasm-pool completions`

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::report;

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wasm-pool", &mut script);
    report::to_stdout(|out| out.write_all(&script))
}
