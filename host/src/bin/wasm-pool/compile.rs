//! `wasm-pool compile`

use std::path::Path;

use anyhow::Context;
use wasm_pool::program::Compiled;
use wasm_pool::{ByteSize, Error, ErrorKind, Program, units};

use crate::args::CompileArgs;
use crate::run::engine_for;
use crate::whole::Whole;
use crate::{lang, report, wall};

pub(crate) fn compile(args: &CompileArgs) -> anyhow::Result<u8> {
    if let (Some(name), Some(output)) = (&args.lang, &args.output) {
        check_output(output, &args.guest)?;
        return lang::compile(name, &args.guest, output, args.loading.no_cache);
    }
    let limits = args.loading.limits();
    if let Some(output) = &args.output {
        check_output(output, &args.guest)?;
    }
    let engine = engine_for(&limits, 1, args.loading.no_cache || args.output.is_some())?;
    if args.output.is_none() && engine.cache().is_none() {
        anyhow::bail!("nothing to compile into: there is no code cache, and no --output was given");
    }
    let file = args
        .output
        .as_ref()
        .map(|output| Whole::begin(output).with_context(|| format!("{}: cannot be written", output.display())))
        .transpose()?;
    let lockdown = wall::around(&engine, &args.guest);
    let lockdown = match &file {
        Some(file) => file.allow(lockdown),
        None => lockdown,
    };
    wall::raise(lockdown, args.loading.no_lockdown);
    let program = Program::from_file(&engine, &args.guest, &limits)?;
    let how = match program.compiled() {
        Compiled::Now(took) => format!("compiled in {}", units::show_duration(took)),
        Compiled::Cached | Compiled::Before => "was compiled already".to_owned(),
    };
    let Some((output, file)) = args.output.as_ref().zip(file) else {
        return report::to_stdout(|out| writeln!(out, "{} {how}, in the code cache", program.name()));
    };
    let code = program.to_precompiled()?;
    file.write(&code)
        .with_context(|| format!("{}: cannot be written", output.display()))?;
    let size = units::show_size(ByteSize::b(code.len() as u64));
    report::to_stdout(|out| writeln!(out, "{} {how}, {size} in {}", program.name(), output.display()))
}

/// Refuses a place where the code must not go.
pub(crate) fn check_output(output: &Path, guest: &Path) -> anyhow::Result<()> {
    let usage = |message: &str| Err(Error::new(ErrorKind::Usage, format!("--output: {message}")).into());
    if output == Path::new("-") {
        return usage("compiled code goes to a file, not to stdout");
    }
    match (output.canonicalize(), guest.canonicalize()) {
        (Ok(output), Ok(guest)) if output == guest => usage("the guest itself would be overwritten"),
        _ => Ok(()),
    }
}
