//! Installing a language: built in a folder beside, looked at, compiled, and put in its place by one rename.
//!
//! - Nothing half-written counts as installed: a version is a folder that appears whole.
//! - Two installs at once: the second waits for the first, and finds it done.
//! - After a break the next install goes on: downloads that are whole, and tools that are in place, are kept.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};
use wasm_pool::program::Compiled;
use wasm_pool::{ByteSize, Limits, Program, units};

use super::language::{Language, Recipe};
use super::tool::{Bench, remove_folder};
use super::{js, python};
use crate::report;
use crate::run::engine_for;

/// Where tools work, in a language's folder.
const WORK: &str = ".work";

/// The lock of a language's folder. It stays when the language goes: whoever waits has it open.
const LOCK: &str = ".lock";

/// How long the compiler may take: whoever installs waits gladly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) fn install(language: &Language) -> anyhow::Result<u8> {
    let home = language.folder()?;
    std::fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
    let _lock = lock(language, &home)?;
    let place = home.join(language.version());
    let file = language.file(&place);
    if file.is_file() {
        let how = compiled(language, &file)?;
        return told(language, &file, &format!("is installed already, {how}"));
    }
    let bench = Bench::set_up(language.name, home.join(WORK))?;
    bench.clear("out")?;
    let built = bench.write("out", &[])?;
    std::fs::create_dir_all(&built).with_context(|| built.display().to_string())?;
    let draft = language.file(&built);
    match language.recipe {
        Recipe::Python => python::build(language, &bench, &draft)?,
        Recipe::Js => js::build(language, &bench, &draft)?,
    }
    report::say(format!("{}: compiling it into the code cache", language.name));
    let how = compiled(language, &draft)?;
    put(&draft, &built, &place)?;
    remove_folder(&bench.folder)?;
    told(language, &file, &format!("is installed, {how}"))
}

/// Removes all versions of a language, and what was left of building it.
pub(super) fn remove(language: &Language) -> anyhow::Result<u8> {
    let home = language.folder()?;
    if !home.exists() {
        return report::to_stdout(|out| writeln!(out, "{} is not installed", language.name));
    }
    let _lock = lock(language, &home)?;
    let versions = language.versions()?;
    for (_, folder) in &versions {
        // Under another name first: nobody finds half of it.
        let gone = home.join(".gone");
        remove_folder(&gone)?;
        std::fs::rename(folder, &gone).with_context(|| folder.display().to_string())?;
        remove_folder(&gone)?;
    }
    remove_folder(&home.join(WORK))?;
    let name = language.name;
    report::to_stdout(|out| match versions.len() {
        0 => writeln!(out, "{name} is not installed"),
        _ => writeln!(out, "{name} is removed"),
    })
}

/// Keeps others away from a language's folder until it is dropped.
fn lock(language: &Language, home: &Path) -> anyhow::Result<File> {
    let path = home.join(LOCK);
    let shown = || path.display().to_string();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(shown)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        report::say(format!(
            "{}: another install or removal runs, waiting for it",
            language.name
        ));
        flock(&file, FlockOperation::LockExclusive)
            .map_err(std::io::Error::from)
            .with_context(shown)?;
    }
    Ok(file)
}

/// Checks that it is an interpreter, and compiles it into the code cache; how that went.
pub(super) fn compiled(language: &Language, file: &Path) -> anyhow::Result<String> {
    let limits = Limits {
        compile_time: PATIENCE,
        ..Limits::default()
    };
    let engine = engine_for(&limits, 1, false)?;
    let program =
        Program::from_file(&engine, file, &limits).with_context(|| format!("{}: what was built", language.name))?;
    program.require_task()?;
    Ok(match program.compiled() {
        Compiled::Now(took) => format!("compiled in {}", units::show_duration(took)),
        Compiled::Cached | Compiled::Before => "and compiled before".to_owned(),
    })
}

/// Puts a folder in its place: its file is on the disk before the folder has its name.
fn put(draft: &Path, built: &Path, place: &PathBuf) -> anyhow::Result<()> {
    let synced = File::open(draft).and_then(|file| file.sync_all());
    synced.with_context(|| draft.display().to_string())?;
    // Left by somebody who removed the file by hand.
    remove_folder(place)?;
    std::fs::rename(built, place).with_context(|| place.display().to_string())
}

fn told(language: &Language, file: &Path, how: &str) -> anyhow::Result<u8> {
    let size = std::fs::metadata(file).map_or(0, |meta| meta.len());
    let size = units::show_size(ByteSize::b(size));
    let shown = wasm_pool::text::one_line(&file.display().to_string());
    report::to_stdout(|out| writeln!(out, "{} ({}) {how}: {size} in {shown}", language.name, language.what))
}
