//! Walks a folder and hashes this instance's share of its files.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasm_pool_guest::Instance;

use crate::Finding;

/// Prints a finding for each file below `root` that is `instance`'s.
pub(crate) fn scan(root: &Path, instance: Instance, out: &mut impl Write) -> io::Result<()> {
    let mut folders = vec![root.to_owned()];
    let mut buffer = vec![0; 64 << 10];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                unread(root, &folder, &error, instance, out)?;
                continue;
            }
        };
        for entry in entries {
            let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
                Ok(entry) => entry,
                Err(error) => {
                    unread(root, &folder, &error, instance, out)?;
                    continue;
                }
            };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && instance.owns(name(root, &path)) {
                let finding = match hash(&path, &mut buffer) {
                    Ok((size, sha256)) => Finding::File {
                        path: name(root, &path),
                        size,
                        sha256,
                    },
                    Err(error) => Finding::Unread {
                        path: name(root, &path),
                        error: error.to_string(),
                    },
                };
                print(&finding, out)?;
            }
        }
    }
    Ok(())
}

fn hash(path: &PathBuf, buffer: &mut [u8]) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut size, mut digest) = (0, Sha256::new());
    loop {
        match file.read(buffer)? {
            0 => break,
            read => {
                size += read as u64;
                digest.update(&buffer[..read]);
            }
        }
    }
    Ok((
        size,
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}

/// A folder that cannot be listed, said once, by the instance it belongs to.
fn unread(root: &Path, folder: &Path, error: &io::Error, instance: Instance, out: &mut impl Write) -> io::Result<()> {
    let path = name(root, folder);
    if !instance.owns(&path) {
        return Ok(());
    }
    let error = error.to_string();
    print(&Finding::Unread { path, error }, out)
}

/// A path as it is shown: below the folder that was named.
fn name(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

fn print(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, finding)?;
    out.write_all(b"\n")
}
