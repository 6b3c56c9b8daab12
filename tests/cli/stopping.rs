//! `wasm-pool map` and Ctrl-C and its kin: a grace period for the calls, then the end; records stay in order and whole.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use crate::harness::*;
use crate::map::map_command;
use crate::streams::Pipe;

/// A map whose call of 23 spins by now; its stderr from then on. What came before it is written.
fn spinning(grace: &str, path: &str) -> (Pipe, BufReader<std::process::ChildStderr>) {
    let guest = wat(SAYS_GO_AND_SPINS);
    let args = ["--grace", grace, "--executor", path, "-w", "2", "--chunk", "1", "go"];
    let mut pipe = Pipe::of(&mut map_command(guest.path(), &args));
    let mut stderr = BufReader::new(pipe.child.stderr.take().expect("a pipe"));
    pipe.write("1\n2\n");
    assert_eq!([pipe.record(), pipe.record()], ["1", "2"]);
    pipe.write("23\n4\n5\n");
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    assert_eq!(line, "go\n");
    (pipe, stderr)
}

#[test]
fn a_signal_gives_grace_and_behind_what_was_ended_nothing_is_written() {
    for (which, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let (pipe, stderr) = spinning("50ms", "fiber");
        signal(&pipe.child, which);
        let (done, left) = pipe.close();
        done.exits(code);
        assert!(left.is_empty(), "{left:?}");
        let said: Vec<String> = stderr.lines().map_while(Result::ok).collect();
        assert!(said[0].contains("calls have 50ms to end"), "{said:?}");
        assert!(said[1].contains("2 items in"), "{said:?}");
    }
}

#[test]
fn the_second_signal_ends_the_calls_at_once() {
    let (pipe, mut stderr) = spinning("1h", "fiber");
    signal(&pipe.child, Signal::INT);
    let mut note = String::new();
    stderr.read_line(&mut note).expect("a line");
    assert!(note.contains("calls have 1h to end"), "{note}");
    signal(&pipe.child, Signal::INT);
    let (done, left) = pipe.close();
    done.exits(130);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_signal_lets_calls_end_and_begins_none() {
    let args = ["--grace", "1h", "-w", "1", "--chunk", "1000", "pause"];
    let mut pipe = Pipe::of(&mut map_command(plugin_wasi(), &args));
    pipe.write(&"20\n".repeat(1000));
    assert_eq!(pipe.record(), "null");
    signal(&pipe.child, Signal::INT);
    let (done, left) = pipe.close();
    done.exits(130);
    assert!(
        left.len() < 900 && left.iter().all(|record| record == "null"),
        "{left:?}"
    );
}

#[test]
fn a_reader_that_stalls_does_not_keep_a_signal_out() {
    let mut child = map_command(plugin(), &["-q", "--grace", "50ms", "big"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let (mut stdin, began) = (child.stdin.take().expect("a pipe"), Instant::now());
    let mut stdout = child.stdout.take().expect("a pipe");
    // Its records do not fit in the pipe, and nobody takes them: so it is when it reads no more.
    let mut first = [0];
    let writing = thread::spawn(move || while stdin.write_all(b"50000\n").is_ok() {});
    stdout.read_exact(&mut first).expect("reads");
    signal(&child, Signal::TERM);
    finish(child, began).exits(143);
    writing.join().expect("ends");
}
