//! Every property over every seed, and over damaged seeds for as long as `WASM_POOL_FUZZ_SECONDS` says (two seconds a property, where
//! nobody says).
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod damage;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use damage::{damage, damaged};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use wasm_pool_fuzz::{TARGETS, Target};

/// Whatever takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn target(name: &str) -> Target {
    *TARGETS.iter().find(|target| target.name == name).expect("a target")
}

/// The seeds of a target, by their names.
fn seeds(target: Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let files = std::fs::read_dir(&folder).expect("a corpus");
    let mut seeds: Vec<_> = files
        .map(|file| file.expect("a file").path())
        .map(|path| (path.clone(), std::fs::read(path).expect("reads")))
        .collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "few seeds in {}", folder.display());
    seeds
}

/// Whether it holds; not when it takes too long.
fn holds(target: Target, bytes: &[u8]) -> Result<(), String> {
    let (sender, receiver) = mpsc::channel();
    let bytes = bytes.to_vec();
    let thread = thread::spawn(move || {
        (target.holds)(&bytes);
        let _ = sender.send(());
    });
    match receiver.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("takes longer than {PATIENCE:?}")),
        _ => thread.join().map_err(|_| "panicked, see above".to_owned()),
    }
}

/// Every seed, then damaged ones. What is tried stands in a file while it is: the end of the whole process says nothing else.
fn replay(name: &str) {
    let target = target(name);
    let tried = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    let check = |bytes: &[u8], what: &str| {
        std::fs::write(&tried, bytes).expect("writes");
        if let Err(why) = holds(target, bytes) {
            panic!("{name}: {what}: {why}; the bytes are in {}", tried.display());
        }
    };
    let seeds = seeds(target);
    for (path, bytes) in &seeds {
        check(bytes, &path.display().to_string());
    }
    let seconds = std::env::var("WASM_POOL_FUZZ_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let until = Instant::now() + Duration::from_secs(seconds);
    let seeds: Vec<_> = seeds.into_iter().map(|(_, bytes)| bytes).collect();
    let mut runner = TestRunner::default();
    let mut cases = 0u64;
    while Instant::now() < until {
        let (seed, done) = damage().new_tree(&mut runner).expect("a value").current();
        check(&damaged(&seeds, target.words, &seed, &done), "a damaged seed");
        cases += 1;
    }
    println!("{name}: {} seeds and {cases} damaged ones", seeds.len());
    std::fs::remove_file(&tried).expect("removes");
}

#[test]
fn any_bytes_are_a_program_or_are_refused() {
    replay("load");
}

#[test]
fn any_text_is_a_manifest_or_is_refused() {
    replay("manifest");
}

#[test]
fn any_item_arrives_as_it_was_or_is_refused() {
    replay("items");
}

#[test]
fn any_value_comes_back_as_it_was_or_is_refused() {
    replay("values");
}

#[test]
fn any_actors_end_and_leave_nothing_behind() {
    replay("actors");
}
