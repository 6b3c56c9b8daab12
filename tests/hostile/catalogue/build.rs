//! Lists the cases. A guest without a sidecar, a sidecar without a guest, or a file that is neither fails the build.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

/// A guest in WebAssembly's text, or a built guest's name and arguments, one a line.
const GUESTS: [&str; 2] = ["wat", "args"];

fn main() -> ExitCode {
    match list() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> io::Result<()> {
    let here = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .ok_or_else(|| io::Error::other(name))
    };
    let folder = here("CARGO_MANIFEST_DIR")?.join("../cases").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut cases = BTreeMap::<String, [Option<PathBuf>; 2]>::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (name, ending) = (part(path.file_stem()), part(path.extension()));
        let half = match ending.as_str() {
            "toml" => 1,
            guest if GUESTS.contains(&guest) => 0,
            _ => return wrong(&path, "is neither a guest (.wat, .args) nor a sidecar (.toml)"),
        };
        if cases.entry(name).or_default()[half].replace(path.clone()).is_some() {
            return wrong(&path, "is the second guest of its name");
        }
    }
    let mut code = "pub const CASES: &[Case] = &[\n".to_owned();
    for (name, halves) in &cases {
        let (guest, sidecar) = match halves {
            [Some(guest), Some(sidecar)] => (guest, sidecar),
            [Some(guest), None] => return wrong(guest, "has no sidecar"),
            [None, Some(sidecar)] => return wrong(sidecar, "has no guest"),
            [None, None] => continue,
        };
        let built = guest.extension().is_some_and(|ending| ending == "args");
        let _ = writeln!(
            code,
            "Case {{ name: {name:?}, guest: {}(include_str!({guest:?})), sidecar: include_str!({sidecar:?}) }},",
            if built { "Guest::Built" } else { "Guest::Text" },
        );
    }
    code.push_str("];\n");
    fs::write(here("OUT_DIR")?.join("cases.rs"), code)
}

fn wrong(path: &Path, what: &str) -> io::Result<()> {
    Err(io::Error::other(format!("{}: it {what}", path.display())))
}
