//! `wasm-pool compile --lang python FOLDER -o FILE`: a component of a user's program, with its imports done.
//!
//! The user's own componentize-py makes it, from the sources of our interpreter and the folder. What the folder's modules do when they
//! are imported happens inside of it: in an interpreter of WebAssembly, which sees the sources and nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use wasm_pool::{ByteSize, Error, ErrorKind, units};

use super::install::compiled;
use super::language::{Language, PYTHON, contract};
use super::python::{REQUIREMENTS, SETTLE, clean};
use super::tool::{Bench, Step};
use crate::report;
use crate::run::usage;
use crate::whole::Whole;

/// What a folder runs as.
const MAIN: &str = "__main__.py";

/// Names another componentize-py than the one in PATH.
const NAMED: &str = "COMPONENTIZE_PY";

/// Makes a component of the program in `folder`.
pub(crate) fn compile(name: &str, folder: &Path, output: &Path, no_cache: bool) -> anyhow::Result<u8> {
    if Language::named(name) != Some(&PYTHON) {
        return Err(usage(format!(
            "--lang: {name:?} has no programs to compile, only python has"
        )));
    }
    let folder = program(folder)?;
    let tool = tool()?;
    let file = Whole::begin(output).with_context(|| format!("{}: cannot be written", output.display()))?;
    let work = tempfile::tempdir().context("a folder to work in")?;
    let built = make(&tool, &folder, work.path(), no_cache);
    if built.is_err() {
        // The message names the log.
        let _ = work.keep();
    }
    let (bytes, how) = built?;
    file.write(&bytes)
        .with_context(|| format!("{}: cannot be written", output.display()))?;
    let size = units::show_size(ByteSize::b(bytes.len() as u64));
    report::to_stdout(|out| {
        writeln!(
            out,
            "{} is built{how}: {size} in {}",
            folder.display(),
            output.display()
        )
    })
}

/// The folder, by its full name.
fn program(folder: &Path) -> anyhow::Result<PathBuf> {
    let unreadable = |why: &str| Error::new(ErrorKind::Unreadable, format!("{}: {why}", folder.display()));
    if !folder.exists() {
        return Err(unreadable("there is no such folder; expected the folder of a program with a __main__.py").into());
    }
    if !folder.is_dir() {
        return Err(unreadable("expected the folder of a program").into());
    }
    if !folder.join(MAIN).is_file() {
        return Err(unreadable("there is no __main__.py in it, which is what runs").into());
    }
    Ok(folder.canonicalize()?)
}

/// The componentize-py that is here, if it is the right one.
fn tool() -> anyhow::Result<Command> {
    let sources = PYTHON.sources.iter().find(|(path, _)| *path == REQUIREMENTS);
    let wanted = sources.and_then(|(_, text)| text.split_once("==")?.1.split_whitespace().next());
    let wanted = wanted.unwrap_or_default();
    let needs = format!("a Python program is compiled with componentize-py {wanted}");
    let get = format!("`pip install componentize-py=={wanted}`; {NAMED} names one that is not in PATH");
    let name = std::env::var_os(NAMED).unwrap_or_else(|| "componentize-py".into());
    let Ok(said) = clean(&mut Command::new(&name)).arg("--version").output() else {
        anyhow::bail!("{needs}, and there is none here ({get})");
    };
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    if said.split_whitespace().last() != Some(wanted) {
        let said = wasm_pool::text::one_line(&said).to_string();
        anyhow::bail!("{needs}, and here is {said:?} ({get})");
    }
    let mut tool = Command::new(name);
    clean(&mut tool);
    Ok(tool)
}

/// Builds it in the folder `work`; its bytes, and how it was compiled into the code cache.
fn make(tool: &Command, folder: &Path, work: &Path, no_cache: bool) -> anyhow::Result<(Vec<u8>, String)> {
    let bench = Bench::set_up(PYTHON.name, work.to_owned())?;
    let source = bench.write("source", PYTHON.sources)?;
    let (deps, own): (Vec<_>, Vec<_>) = contract().iter().partition(|(path, _)| path.starts_with("deps"));
    bench.write("source/wit", &deps)?;
    bench.write("source/wit/deps/interpreters", &own)?;
    let built = work.join("program.wasm");
    report::say("python: building the program, some 20 seconds".to_owned());
    let mut componentize = Command::new(tool.get_program());
    clean(&mut componentize);
    componentize.arg("-d").arg(source.join("wit"));
    componentize.args(["-w", "program", "componentize", "app", "-p"]);
    componentize.arg(source.join("app")).arg("-p").arg(folder);
    bench.run(Step::Here("building"), componentize.arg("-o").arg(&built))?;
    let mut settle = Command::new("python3");
    bench.run(
        Step::Here("settling"),
        clean(&mut settle).arg(source.join(SETTLE)).arg(&built),
    )?;
    let how = if no_cache {
        String::new()
    } else {
        report::say("python: compiling it into the code cache".to_owned());
        format!(", {}", compiled(&PYTHON, &built)?)
    };
    let bytes = std::fs::read(&built).with_context(|| built.display().to_string())?;
    Ok((bytes, how))
}
