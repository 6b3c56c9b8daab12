//! Finds duplicate files: `scan FOLDER` hashes this instance's share of the files below a folder, one JSON line a file;
//! `group` reads such lines and prints the groups of identical files and what could be saved.
//!
//! Plain WASI: the folder must be granted, read-only is enough. Links are not followed. A file that cannot be read is a
//! line with an `error`.

mod group;
mod scan;

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use wasm_pool_guest::Instance;

/// What `scan` says of one file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Finding {
    /// Its content.
    File { path: String, size: u64, sha256: String },
    /// Why its content is not known.
    Unread { path: String, error: String },
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match args.as_slice() {
        ["scan", folder] => scan::scan(Path::new(folder), Instance::current(), &mut out),
        ["group"] => group::group(io::stdin().lock(), &mut out),
        _ => {
            eprintln!("usage: dedupe scan FOLDER | dedupe group < FINDINGS");
            return ExitCode::from(2);
        }
    };
    match done.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dedupe: {error}");
            ExitCode::FAILURE
        }
    }
}
