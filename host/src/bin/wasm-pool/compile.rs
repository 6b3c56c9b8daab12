//! `wasm-pool compile`

use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context;
use wasm_pool::program::Compiled;
use wasm_pool::{ByteSize, Error, ErrorKind, Program, units};

use crate::args::CompileArgs;
use crate::report;
use crate::run::engine_for;

pub(crate) fn compile(args: &CompileArgs) -> anyhow::Result<u8> {
    let limits = args.loading.limits();
    if let Some(output) = &args.output {
        check_output(output, &args.guest)?;
    }
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

/// Writes a file beside its place and renames it: nobody sees half of it. What is there and no regular file, a device or a
/// pipe, is written to and never replaced.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // Looked at first, so that the message is not about a temporary name.
    std::fs::read_dir(folder)?;
    // Like any file that one makes, within the umask; not for its owner alone, as temporary files are.
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
