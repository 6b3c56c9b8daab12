//! Puts the sources of the languages, and the contract that they are built against, into the binary: `wasm-pool lang install`
//! builds from them.
//!
//! They are reached through `guests/`, links in the repository that a packaged crate has as folders.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is a source; everything else in the folders is what tools left there.
const ENDINGS: [&str; 7] = ["py", "js", "mjs", "ts", "json", "txt", "wit"];

/// Folders of tools.
const OF_TOOLS: [&str; 3] = ["node_modules", "__pycache__", "tests"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("guests");
    let mut text = String::new();
    for name in ["python", "js", "wit"] {
        let folder = root.join(name);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        if folder.exists() {
            collect(&folder, &folder, &mut files)?;
        }
        files.sort();
        let _ = writeln!(text, "const {}_SOURCES: &[(&str, &str)] = &[", name.to_uppercase());
        for file in files {
            let path = folder.join(&file);
            let _ = writeln!(
                text,
                "    ({:?}, include_str!({:?})),",
                file.display().to_string(),
                path.display().to_string()
            );
        }
        text += "];\n";
    }
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("guests.rs"), text)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !OF_TOOLS.contains(&name.as_str()) && !name.starts_with('.') {
                collect(root, &path, files)?;
            }
        } else if path
            .extension()
            .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
        {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        }
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<std::ffi::OsString> {
    std::env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo did not set {name}")))
}
