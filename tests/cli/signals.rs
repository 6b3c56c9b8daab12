//! Ctrl-C and its kin: a grace period, then the end; the summary is printed all the same.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::*;

/// Prints a line and spins.
const GO: &str = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\03\00\00\00go\0a")
        (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20))) (loop (br 0))))"#;

/// A run whose guests have started: so many have printed a line.
fn started(guest: &str, args: &[&str], lines: usize) -> (std::process::Child, Instant) {
    use std::io::BufRead;
    let guest = wat(guest);
    let began = Instant::now();
    let mut child = wasm_pool(["run".as_ref(), guest.path().as_os_str()])
        .args(args)
        .spawn()
        .expect("starts");
    let stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    assert_eq!(stdout.lines().take(lines).flatten().count(), lines);
    (child, began)
}

#[test]
fn the_first_signal_gives_grace_and_the_summary_is_printed() {
    for (which, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let (child, began) = started(GO, &["-n", "2", "--grace", "100ms"], 2);
        signal(&child, which);
        let done = finish(child, began).exits(code);
        assert!(done.took < Duration::from_secs(10), "{done:#?}");
        done.says("killed").says("2 instances: 0 ok, 2 failed");
    }
}

#[test]
fn the_second_signal_ends_at_once() {
    use std::io::BufRead;
    let (mut child, began) = started(GO, &["-n", "2", "--grace", "1h"], 2);
    let mut stderr = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    signal(&child, Signal::INT);
    let mut note = String::new();
    stderr.read_line(&mut note).expect("a line");
    assert!(note.contains("guests have 1h to end"), "{note}");
    signal(&child, Signal::TERM);
    finish(child, began).exits(130);
    let rest: Vec<String> = stderr.lines().map_while(Result::ok).collect();
    assert!(
        rest.iter().any(|line| line.starts_with("2 instances: 0 ok, 2 failed")),
        "{rest:?}"
    );
}

#[test]
fn nothing_new_starts_after_a_signal_and_what_runs_may_end() {
    let began = Instant::now();
    let child = wasm_pool(["run".as_ref(), probe_p1().as_os_str()])
        .args(["-n", "3", "--grace", "1h", "--", "sleep", "700"])
        .spawn()
        .expect("starts");
    // The signal handler is in place before the workers are.
    let threads = format!("/proc/{}/task", child.id());
    eventually("the workers", || {
        std::fs::read_dir(&threads)
            .into_iter()
            .flatten()
            .flatten()
            .any(|thread| {
                std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("wasm-pool-0"))
            })
    });
    signal(&child, Signal::INT);
    let done = finish(child, began).exits(130);
    assert!(!done.stderr.contains("killed"), "{done:#?}");
}

#[test]
fn a_kill_leaves_nothing_that_stops_the_next_run() {
    let (mut child, began) = started(GO, &["-n", "2"], 2);
    signal(&child, Signal::KILL);
    assert_eq!(wait(&mut child, began + PATIENCE), Some(-9));
    run(probe_p1(), &["-q", "--", "args", "x"]).exits(0).prints("x\n");
}
