//! Reads findings and prints the groups of identical files, the most wasteful first.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::Serialize;

use crate::Finding;

/// Files with the same content.
#[derive(Serialize)]
struct Group {
    size: u64,
    sha256: String,
    /// Bytes that one copy instead of all would save.
    saves: u64,
    paths: Vec<String>,
}

/// The last line.
#[derive(Serialize)]
struct Total {
    files: u64,
    unread: u64,
    groups: usize,
    saves: u64,
}

/// Prints a line for each group of two or more files, and the total.
pub(crate) fn group(findings: impl BufRead, out: &mut impl Write) -> io::Result<()> {
    let mut contents: BTreeMap<(u64, String), Vec<String>> = BTreeMap::new();
    let mut total = Total {
        files: 0,
        unread: 0,
        groups: 0,
        saves: 0,
    };
    for line in findings.lines() {
        match serde_json::from_str(&line?)? {
            Finding::File { path, size, sha256 } => {
                total.files += 1;
                contents.entry((size, sha256)).or_default().push(path);
            }
            Finding::Unread { .. } => total.unread += 1,
        }
    }
    let mut groups: Vec<_> = contents
        .into_iter()
        .filter(|(_, paths)| paths.len() > 1)
        .map(|((size, sha256), mut paths)| {
            paths.sort();
            let saves = size * (paths.len() as u64 - 1);
            Group {
                size,
                sha256,
                saves,
                paths,
            }
        })
        .collect();
    groups.sort_by(|a, b| b.saves.cmp(&a.saves).then_with(|| a.paths.cmp(&b.paths)));
    total.groups = groups.len();
    total.saves = groups.iter().map(|group| group.saves).sum();
    for group in groups {
        line(&group, out)?;
    }
    line(&total, out)
}

fn line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
