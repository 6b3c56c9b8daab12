//! The examples: right on real input, compared with independent programs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::harness::*;

fn dedupe(folder: &Path, instances: &str) -> (Done, Vec<Value>) {
    dedupe_with(folder, instances, &[])
}

fn dedupe_with(folder: &Path, instances: &str, flags: &[&str]) -> (Done, Vec<Value>) {
    let guest = root().join("examples/01-dedupe/dedupe.wasm");
    let grant = format!("{}::/data", folder.display());
    let args = ["-q", "-n", instances, "--dir", &grant];
    let scan = run(&guest, &[&args, flags, &["--", "scan", "/data"]].concat()).exits(0);
    let group = fed(
        wasm_pool(["run".as_ref(), guest.as_os_str()]).args(["-q", "--stdin", "inherit", "--", "group"]),
        scan.stdout.as_bytes(),
    )
    .exits(0);
    let lines = group
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    (scan, lines)
}

/// A tree with thousands of files: copies, empty files, odd names, links, a file that cannot be read.
fn tree() -> tempfile::TempDir {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    let tree = folder();
    let root = tree.path();
    for number in 0..3_000u32 {
        let folder = root.join(format!("{}/{}", number % 13, number % 7));
        std::fs::create_dir_all(&folder).expect("makes");
        // About every third content stands more than once.
        let content = format!("content {} {}", number % 2_000, "x".repeat((number % 2_000) as usize));
        std::fs::write(folder.join(format!("f{number}")), content).expect("writes");
    }
    let mut big = std::fs::File::create(root.join("big")).expect("makes");
    (0..40_000u32).for_each(|number| writeln!(big, "{number}").expect("writes"));
    std::fs::copy(root.join("big"), root.join("0/big copy")).expect("copies");
    for name in [
        "empty",
        "also empty",
        " leading",
        "-n",
        "new\nline",
        "quote\"s\\",
        "ünïcödé ✓",
        "*",
    ] {
        std::fs::write(root.join(name), "").expect("writes");
    }
    std::fs::write(root.join(std::ffi::OsStr::from_bytes(b"not utf-8 \xff")), "unsayable").expect("writes");
    symlink(root.join("big"), root.join("link")).expect("links");
    symlink("/etc", root.join("folder link")).expect("links");
    symlink("loop", root.join("loop")).expect("links");
    symlink("nowhere", root.join("dangling")).expect("links");
    std::fs::hard_link(root.join("big"), root.join("hard link")).expect("links");
    std::fs::write(root.join("secret"), "secret").expect("writes");
    std::fs::set_permissions(root.join("secret"), std::fs::Permissions::from_mode(0o0)).expect("closes");
    tree
}

/// The same groups, by `find` and `sha256sum`.
fn independent(root: &Path) -> BTreeSet<BTreeSet<String>> {
    let root = root.display().to_string();
    let script = "cd \"$0\" && find . -type f -print0 | xargs -0 sha256sum -z 2>/dev/null; true";
    let output = std::process::Command::new("bash")
        .args(["-c", script, &root])
        .output()
        .expect("starts");
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in output.stdout.split(|byte| *byte == 0) {
        // A name that is not UTF-8 is one that WASI cannot say.
        let Ok(record) = std::str::from_utf8(record) else {
            continue;
        };
        if let Some((hash, path)) = record.split_once("  ./") {
            groups.entry(hash.to_owned()).or_default().insert(path.to_owned());
        }
    }
    groups.into_values().filter(|paths| paths.len() > 1).collect()
}

#[test]
fn dedupe_finds_what_sha256sum_finds() {
    let tree = tree();
    let (scan, lines) = dedupe(tree.path(), "8");
    let (total, groups) = lines.split_last().expect("a total");
    let found: BTreeSet<BTreeSet<String>> = groups
        .iter()
        .map(|group| {
            let paths = group["paths"].as_array().expect("paths");
            paths
                .iter()
                .map(|path| path.as_str().expect("a path").to_owned())
                .collect()
        })
        .collect();
    assert_eq!(found, independent(tree.path()));
    assert!(found.len() > 900, "{}", found.len());
    let saves: u64 = groups.iter().map(|group| group["saves"].as_u64().expect("bytes")).sum();
    assert_eq!(total["saves"], saves);
    // Every file but the one without a name is said once.
    let files: usize = tool(
        "find",
        &[&tree.path().display().to_string(), "-type", "f", "-printf", "."],
    )
    .len();
    assert_eq!(scan.stdout.lines().count(), files - 1);

    // One instance finds the same, and so do eight that read on their workers.
    let (_, alone) = dedupe(tree.path(), "1");
    assert_eq!(alone, lines);
    let (_, inline) = dedupe_with(tree.path(), "8", &["--file-calls", "inline"]);
    assert_eq!(inline, lines);
}

#[test]
fn primes_add_up() {
    let guest = root().join("examples/02-primes/primes.wasm");
    for (instances, limit, primes) in [
        ("8", "5000000", 348_513u64),
        ("1", "100", 25),
        ("7", "2", 0),
        ("3", "0", 0),
    ] {
        let done = run(&guest, &["-q", "-n", instances, "--", limit]).exits(0);
        let sum: u64 = done
            .stdout
            .lines()
            .map(|line| {
                line.split(' ')
                    .next()
                    .expect("a number")
                    .parse::<u64>()
                    .expect("a number")
            })
            .sum();
        assert_eq!(sum, primes, "below {limit}");
    }
}

/// A sweep over radii: each item's seed, samples and radius.
fn points() -> Vec<(u32, f64)> {
    (1..=200).map(|seed| (seed, f64::from(seed) / 200.0)).collect()
}

#[test]
fn the_sweep_measures_what_the_closed_form_says() {
    const SAMPLES: u32 = 10_000;
    let input: String = points()
        .iter()
        .map(|(seed, radius)| format!("[{seed}, {SAMPLES}, {radius}]\n"))
        .collect();
    let guest = root().join("examples/06-map/sweep.wasm");
    let sweep = |workers: &str| {
        let mut map = wasm_pool(["map".as_ref(), guest.as_os_str()]);
        fed(map.args(["-q", "-w", workers, "disc#estimate"]), input.as_bytes()).exits(0)
    };
    let done = sweep("2");
    let rows: Vec<Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(rows.len(), points().len());
    for ((_, radius), row) in points().into_iter().zip(&rows) {
        let number = |name: &str| row[name].as_f64().expect("a number");
        assert_eq!(number("radius"), radius);
        // The true error: the measured one is 0 where no point fell into the disc.
        let share = std::f64::consts::PI * radius * radius / 4.0;
        let error = 4.0 * (share * (1.0 - share) / f64::from(SAMPLES)).sqrt();
        let off = (number("area") - 4.0 * share).abs() / error;
        assert!(off < 5.0, "{row}: {off} standard errors off");
    }
    // Whoever computes it.
    sweep("1").prints(&done.stdout);
}

#[test]
fn the_sweep_is_drawn() {
    let rows = r#"[{"radius": 0.5, "area": 0.78, "error": 0.05, "samples": 100}]"#;
    let guest = root().join("examples/06-map/sweep.wasm");
    let call = ["call".as_ref(), guest.as_os_str(), "disc#plot".as_ref(), rows.as_ref()];
    let picture: String = serde_json::from_str(&done(&mut wasm_pool(call)).exits(0).stdout).expect("JSON");
    assert!(
        picture.starts_with("<svg ") && picture.contains("with 100 points each"),
        "{picture}"
    );
}
