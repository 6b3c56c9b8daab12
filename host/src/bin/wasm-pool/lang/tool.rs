//! The programs of others that a language is built with: how they are run, and one line for what goes wrong with them.
//!
//! What they print goes to a file; when one fails, its reason is looked for there.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use wasm_pool::text;

/// Where tools work, and what they say.
pub(super) struct Bench {
    /// What is built, for messages.
    pub(super) name: &'static str,
    /// The folder that they work in.
    pub(super) folder: PathBuf,
    log: PathBuf,
}

/// What a tool is run for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// It works here.
    Here(&'static str),
    /// It asks a package registry.
    Network(&'static str),
}

/// What tools say when there is no network, or no registry in it.
const NO_NETWORK: [&str; 13] = [
    "Temporary failure in name resolution",
    "Name or service not known",
    "NameResolutionError",
    "Network is unreachable",
    "NewConnectionError",
    "Connection refused",
    "Max retries exceeded",
    "ProxyError",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "ENETUNREACH",
];

/// What they say when there is no room.
const NO_ROOM: [&str; 3] = ["No space left on device", "ENOSPC", "Disk quota exceeded"];

/// What they say when a download is not what it was.
const CHANGED: [&str; 3] = ["DO NOT MATCH THE HASHES", "EINTEGRITY", "hashes are required"];

impl Bench {
    /// A folder to work in; what an earlier try left there is kept.
    pub(super) fn set_up(name: &'static str, folder: PathBuf) -> anyhow::Result<Bench> {
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let log = folder.join("log.txt");
        File::create(&log).with_context(|| log.display().to_string())?;
        Ok(Bench { name, folder, log })
    }

    /// Runs a tool in the folder, with nothing on its stdin.
    pub(super) fn run(&self, step: Step, command: &mut Command) -> anyhow::Result<()> {
        let (Step::Here(doing) | Step::Network(doing)) = step;
        let mut log = OpenOptions::new()
            .append(true)
            .open(&self.log)
            .with_context(|| self.log.display().to_string())?;
        let began = log.metadata().map_or(0, |meta| meta.len());
        let _ = writeln!(log, "== {doing}: {command:?}");
        let status = command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()
            .with_context(|| format!("{}: {doing}: {}", self.name, command.get_program().display()))?;
        if status.success() {
            return Ok(());
        }
        let said = std::fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(said.get(usize::try_from(began)?..).unwrap_or_default()).into_owned();
        let why = self.reason(step, &said);
        anyhow::bail!(
            "{}: {doing} failed: {why} (all of it is in {})",
            self.name,
            self.log.display()
        )
    }

    /// Why a tool failed, from what it said.
    fn reason(&self, step: Step, said: &str) -> String {
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let last = last_words(said);
        if says(&NO_ROOM) {
            return format!("the disk is full at {}", self.folder.display());
        }
        if says(&CHANGED) {
            return format!("a download is not the file that this version was made with: {last}");
        }
        if matches!(step, Step::Network(_)) && says(&NO_NETWORK) {
            return format!("no network, or no package registry in it: {last}");
        }
        last
    }

    /// Writes files below the folder, in place of what was there.
    pub(super) fn write(&self, below: &str, files: &[(&str, &str)]) -> anyhow::Result<PathBuf> {
        let root = self.folder.join(below);
        for (path, text) in files {
            let file = root.join(path);
            let folder = file.parent().unwrap_or(&root);
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            std::fs::write(&file, text).with_context(|| file.display().to_string())?;
        }
        Ok(root)
    }

    /// Removes a folder that is not wanted any more, or not whole.
    pub(super) fn clear(&self, below: &str) -> anyhow::Result<()> {
        remove_folder(&self.folder.join(below))
    }
}

/// Removes a folder, if it is there.
pub(super) fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(anyhow::Error::new(error).context(folder.display().to_string()))
        }
        _ => Ok(()),
    }
}

/// The last line that says what is wrong, or the last of all.
fn last_words(said: &str) -> String {
    let lines = || {
        said.lines()
            .rev()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("=="))
    };
    let wrong = lines().find(|line| {
        let line = line.to_lowercase();
        ["error", "err!", "panicked"].iter().any(|word| line.contains(word)) && !line.contains("complete log")
    });
    let line = wrong.or_else(|| lines().next()).unwrap_or("it said nothing");
    let line: String = text::one_line(line).chars().take(300).collect();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_said_becomes_one_line_with_its_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let bench = Bench::set_up("python", folder.path().to_owned()).expect("sets up");
        let network = Step::Network("downloading");
        for (step, said, why) in [
            (
                network,
                "WARNING: x\nOSError: [Errno 28] No space left on device\n",
                "the disk is full",
            ),
            (
                network,
                "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    Expected",
                "is not the file",
            ),
            (
                network,
                "npm error code ENOTFOUND\nnpm error A complete log of this run\n",
                "no network",
            ),
            (network, "x\nError: 404\n\ny\n", "Error: 404"),
            (Step::Here("building"), "Connection refused\nlast\n", "last"),
            (Step::Here("building"), "", "it said nothing"),
        ] {
            let reason = bench.reason(step, said);
            assert!(
                reason.starts_with(why) || reason.contains(why),
                "{reason:?} of {said:?}"
            );
        }
    }

    #[test]
    fn a_tool_that_fails_or_is_missing_is_told_in_one_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let bench = Bench::set_up("python", folder.path().to_owned()).expect("sets up");
        let step = Step::Here("building");
        assert!(bench.run(step, Command::new("true").arg("x")).is_ok());
        let failed = bench.run(step, Command::new("sh").args(["-c", "echo error: no; exit 3"]));
        let told = failed.map_err(|error| format!("{error:#}"));
        assert!(
            told.as_ref()
                .is_err_and(|told| told.contains("building failed: error: no (all of it is in")),
            "{told:?}"
        );
        let missing = bench.run(step, &mut Command::new("surely-no-such-tool"));
        assert!(missing.is_err_and(|error| format!("{error:#}").contains("surely-no-such-tool")));
    }
}
