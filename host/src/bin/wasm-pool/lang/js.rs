//! How JavaScript is built: componentize-js from npm makes one component of SpiderMonkey and our modules.

use std::path::Path;
use std::process::Command;

use super::language::{Language, contract};
use super::tool::{Bench, Step};
use crate::report;

/// The oldest Node that the tools run on.
const OLDEST: u32 = 20;

/// Builds the interpreter into `out`.
pub(super) fn build(language: &Language, bench: &Bench, out: &Path) -> anyhow::Result<()> {
    check()?;
    bench.clear("source")?;
    let source = bench.write("source", language.sources)?;
    let wit = bench.write("wit", contract())?;
    report::say(format!(
        "{}: downloading componentize-js from npm, some 60MiB",
        language.name
    ));
    // What was downloaded whole is in the cache for the next try. Nothing of a package runs before it is asked for.
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        "--cache",
    ]);
    npm.arg(bench.folder.join("downloads")).arg("--prefix").arg(&source);
    bench.run(Step::Network("downloading"), &mut npm)?;
    report::say(format!("{}: building the interpreter, some 20 seconds", language.name));
    let mut node = Command::new("node");
    bench.run(
        Step::Here("building"),
        node.arg(source.join("build.mjs")).arg(out).arg(wit),
    )
}

/// Checks that there are Node and npm.
fn check() -> anyhow::Result<()> {
    let needs = format!("js is built with Node {OLDEST} or later and npm");
    for program in ["node", "npm"] {
        let Ok(output) = Command::new(program).arg("--version").output() else {
            anyhow::bail!("{needs}: there is no {program} here (Debian: `apt install npm`)");
        };
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major: Option<u32> = said
            .trim_start_matches('v')
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        if program == "node" && major.is_none_or(|major| major < OLDEST) {
            anyhow::bail!("{needs}: node is {said}");
        }
    }
    Ok(())
}
