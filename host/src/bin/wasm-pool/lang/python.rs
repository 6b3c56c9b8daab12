//! How Python is built: componentize-py from PyPI, in an environment of its own, makes one component of CPython and our modules.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::language::{Language, contract};
use super::tool::{Bench, Step};
use crate::report;

/// What the tools are, each with the hashes of all its files.
pub(super) const REQUIREMENTS: &str = "requirements.txt";

/// What comes behind the build.
pub(super) const SETTLE: &str = "settle.py";

/// The oldest Python that they run on.
const OLDEST: (u32, u32) = (3, 10);

/// A file that says that the environment is whole.
const WHOLE: &str = "whole";

/// Builds the interpreter into `out`.
pub(super) fn build(language: &Language, bench: &Bench, out: &Path) -> anyhow::Result<()> {
    let python = find()?;
    bench.clear("source")?;
    let source = bench.write("source", language.sources)?;
    let wit = bench.write("contract", contract())?;
    let environment = bench.folder.join("environment");
    let whole = environment.join(WHOLE);
    let requirements = std::fs::read_to_string(source.join(REQUIREMENTS)).context(REQUIREMENTS)?;
    if std::fs::read_to_string(&whole).ok().as_ref() != Some(&requirements) {
        tools(bench, &python, &environment, &source)?;
        std::fs::write(&whole, &requirements).with_context(|| whole.display().to_string())?;
    }
    report::say(format!("{}: building the interpreter, some 20 seconds", language.name));
    let mut componentize = own(&environment, "componentize-py");
    componentize
        .arg("-d")
        .arg(wit)
        .args(["-w", "interpreter", "componentize", "app", "-p"]);
    bench.run(
        Step::Here("building"),
        componentize.arg(source.join("app")).arg("-o").arg(out),
    )?;
    let mut settle = own(&environment, "python");
    bench.run(Step::Here("settling"), settle.arg(source.join(SETTLE)).arg(out))
}

/// Makes the environment and puts the tools into it; downloads that are whole stay for the next try.
fn tools(bench: &Bench, python: &str, environment: &Path, source: &Path) -> anyhow::Result<()> {
    bench.clear("environment")?;
    let step = Step::Here("making an environment");
    bench.run(
        step,
        clean(&mut Command::new(python)).args(["-m", "venv"]).arg(environment),
    )?;
    let requirements = source.join(REQUIREMENTS);
    let pip = |verb: &str| {
        let mut pip = own(environment, "python");
        pip.args([
            "-m",
            "pip",
            verb,
            "--disable-pip-version-check",
            "--no-input",
            "--require-hashes",
        ]);
        pip.args(["--only-binary", ":all:", "-r"]).arg(&requirements);
        pip
    };
    report::say(format!(
        "{}: downloading componentize-py from PyPI, some 40MiB",
        bench.name
    ));
    let wheels = bench.folder.join("downloads");
    bench.run(Step::Network("downloading"), pip("download").arg("--dest").arg(&wheels))?;
    let step = Step::Here("unpacking");
    bench.run(step, pip("install").arg("--no-index").arg("--find-links").arg(&wheels))
}

/// A program of the environment.
fn own(environment: &Path, program: &str) -> Command {
    let mut command = Command::new(environment.join("bin").join(program));
    clean(&mut command);
    command
}

/// What the user's own Python is told is not for this one.
pub(super) fn clean(command: &mut Command) -> &mut Command {
    command
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .env_remove("VIRTUAL_ENV")
        .env_remove("PIP_TARGET")
        // componentize-py would say where it failed in place of why.
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
}

/// Says its version, and fails where environments cannot be made.
const ASK: &str = "import sys; print('%d %d' % sys.version_info[:2]); import ensurepip, venv";

/// A Python to build with.
fn find() -> anyhow::Result<String> {
    let names = (OLDEST.1..=14).rev().map(|minor| format!("python3.{minor}"));
    let mut why = "there is no python3 here (Debian: `apt install python3-venv`)".to_owned();
    for name in std::iter::once("python3".to_owned()).chain(names) {
        let Ok(output) = clean(&mut Command::new(&name)).args(["-c", ASK]).output() else {
            continue;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = said
            .trim()
            .split_once(' ')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        match version {
            None => {}
            Some(version) if version < OLDEST => why = format!("{name} is {}.{}", version.0, version.1),
            Some(_) if !output.status.success() => {
                why = format!("{name} cannot make environments (Debian: `apt install python3-venv`)");
            }
            Some(_) => return Ok(name),
        }
    }
    let (major, minor) = OLDEST;
    anyhow::bail!("python is built with Python {major}.{minor} or later, its venv and pip: {why}")
}
