//! Puts the sources of the languages, and the contract that they are built against, into the binary: `wasm-pool lang install`
//! builds from them.
//!
//! They are reached through `guests/`, links in the repository that a packaged crate has as folders.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What each is built from, by the names in its folder; the rest is documentation, tests, and what tools left there.
const SOURCES: [(&str, &[&str]); 3] = [
    ("python", &["app", "wit", "settle.py", "requirements.txt"]),
    ("js", &["src", "wit", "build.mjs", "package.json", "package-lock.json"]),
    ("wit", &["."]),
];

/// What a source's name ends in.
const ENDINGS: [&str; 6] = ["py", "js", "mjs", "json", "txt", "wit"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("guests");
    let mut text = String::new();
    for (name, parts) in SOURCES {
        let folder = root.join(name);
        let mut files = Vec::new();
        for part in parts {
            let path = folder.join(part).components().collect::<PathBuf>();
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, &mut files).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        }
        files.sort();
        let _ = writeln!(text, "const {}_SOURCES: &[(&str, &str)] = &[", name.to_uppercase());
        for file in files {
            let name = file.strip_prefix(&folder).unwrap_or(&file).display().to_string();
            let _ = writeln!(text, "    ({name:?}, include_str!({:?})),", file.display().to_string());
        }
        text += "];\n";
    }
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("guests.rs"), text)
}

/// The sources at a path: itself, or what is in it.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir()
            || path
                .extension()
                .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
        {
            collect(&path, files)?;
        }
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<std::ffi::OsString> {
    std::env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo did not set {name}")))
}
