//! `wasm-pool compile`

use std::io::Write;

use anyhow::Context;
use wasm_pool::program::Compiled;
use wasm_pool::{ByteSize, Program, units};

use crate::args::CompileArgs;
use crate::report;
use crate::run::engine_for;

pub(crate) fn compile(args: &CompileArgs) -> anyhow::Result<u8> {
    let limits = args.loading.limits();
    let engine = engine_for(&limits, 1, args.loading.no_cache || args.output.is_some())?;
    if args.output.is_none() && engine.cache().is_none() {
        anyhow::bail!("nothing to compile into: there is no code cache, and no --output was given");
    }
    let program = Program::from_file(&engine, &args.guest, &limits)?;
    let how = match program.compiled() {
        Compiled::Now(took) => format!("compiled in {}", units::show_duration(took)),
        Compiled::Cached | Compiled::Before => "was compiled already".to_owned(),
    };
    let Some(output) = &args.output else {
        return report::to_stdout(|out| writeln!(out, "{} {how}, in the code cache", program.name()));
    };
    let code = program.to_precompiled()?;
    write_whole(output, &code).with_context(|| format!("{}: cannot be written", output.display()))?;
    let size = units::show_size(ByteSize::b(code.len() as u64));
    report::to_stdout(|out| writeln!(out, "{} {how}, {size} in {}", program.name(), output.display()))
}

/// Writes a file beside its place and renames it: nobody sees half of it.
fn write_whole(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(std::path::Path::new(".")))?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
