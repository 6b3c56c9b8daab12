//! A disk that hangs, and file calls on the guest's worker: what was asked for with `--file-calls inline` holds up nobody else, and not
//! the end of the process either.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::*;
use crate::worlds;

/// Instance 0 says `go` and opens a file on a disk that hangs. Any other says `on` once there is something to read, and
/// exits with 3.
const OPENS: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\20\00\00\00\03\00\00\00")
    (data (i32.const 8) "\23\00\00\00\03\00\00\00")
    (data (i32.const 16) "\00\02\00\00\10\00\00\00")
    (data (i32.const 32) "go\0aon\0ahang/file")
    (func (export "_start")
      (drop (call $sizes (i32.const 64) (i32.const 68)))
      (drop (call $args (i32.const 128) (i32.const 256)))
      (if (i32.eq (i32.load8_u (i32.load (i32.const 132))) (i32.const 48))
        (then
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 72)))
          (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 38) (i32.const 9) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 76)))))
      (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 72)))
      (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 72)))
      (call $exit (i32.const 3))))"#;

/// Two guests on two workers, of which one hangs by now.
struct Hangs {
    child: Child,
    stdout: BufReader<ChildStdout>,
    began: Instant,
    /// Where their files are.
    _place: tempfile::TempDir,
}

/// `None` where nothing can be made to hang.
fn one_hangs(args: &[&str]) -> Option<Hangs> {
    let folder = folder();
    let place = folder.path();
    let hang = place.join("hang");
    std::fs::create_dir(&hang).expect("makes a folder");
    let mut command = worlds::with(worlds::HANGS, &hang)?;
    let guest = place.join("guest.wat");
    File::create(&guest)
        .and_then(|mut file| file.write_all(OPENS.as_bytes()))
        .expect("writes");
    command.arg("run").arg(&guest);
    command.args([
        "-n",
        "2",
        "-w",
        "2",
        "--no-cache",
        "--file-calls",
        "inline",
        "--stdin",
        "copy",
    ]);
    command.arg("--dir").arg(format!("{}::/d", place.display()));
    command.args(args).args(["--", "{instance}"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert_eq!(line, "go\n");
    Some(Hangs {
        child,
        stdout,
        began: Instant::now(),
        _place: folder,
    })
}

impl Hangs {
    /// Lets the other one go on.
    fn the_other_goes_on(&mut self) {
        let mut stdin = self.child.stdin.take().expect("a pipe");
        stdin.write_all(b"x\n").expect("writes");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        assert_eq!(line, "on\n");
    }

    fn end(self) -> Done {
        let done = finish(self.child, self.began);
        assert!(done.took < Duration::from_secs(20), "{done:#?}");
        done
    }
}

#[test]
fn a_guest_that_hangs_in_a_file_call_of_its_own_ends_with_the_process() {
    let Some(mut hangs) = one_hangs(&["--grace", "1ms"]) else {
        return;
    };
    hangs.the_other_goes_on();
    signal(&hangs.child, Signal::INT);
    // The one that went on has ended by itself, the other one is given up a second after it was killed.
    hangs.end().exits(130).says("exited(3)").says("killed");
}

#[test]
fn one_that_hangs_does_not_hold_up_the_end_of_all_when_another_one_fails() {
    let Some(mut hangs) = one_hangs(&["--fail-fast"]) else {
        return;
    };
    hangs.the_other_goes_on();
    hangs.end().exits(3).says("exited(3)").says("killed");
}
