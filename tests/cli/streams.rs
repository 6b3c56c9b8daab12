//! `wasm-pool map` as part of a pipe: items as they come, memory that does not grow, ends that come early.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use crate::harness::*;
use crate::map::{map, map_command, numbers};

/// A map whose stdin stays open, and whose records are read as they come.
pub(crate) struct Pipe {
    pub(crate) child: Child,
    began: Instant,
    stdin: Option<ChildStdin>,
    records: mpsc::Receiver<String>,
}

impl Pipe {
    fn open(args: &[&str]) -> Pipe {
        Pipe::of(&mut map_command(plugin(), args))
    }

    pub(crate) fn of(command: &mut std::process::Command) -> Pipe {
        let began = Instant::now();
        let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, records) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Pipe {
            stdin: child.stdin.take(),
            child,
            began,
            records,
        }
    }

    #[track_caller]
    pub(crate) fn write(&mut self, items: &str) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(items.as_bytes()).expect("is read");
    }

    /// The next record.
    #[track_caller]
    pub(crate) fn record(&self) -> String {
        self.records.recv_timeout(PATIENCE).expect("a record")
    }

    /// The largest memory that the process had until now, in KiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("reads");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.parse().ok()).expect("a size")
    }

    /// Closes its stdin; how it ends, and the records that were left.
    pub(crate) fn close(mut self) -> (Done, Vec<String>) {
        self.stdin = None;
        let done = finish(self.child, self.began);
        (done, self.records.iter().collect())
    }
}

#[test]
fn an_items_record_comes_before_the_next_item_is_written() {
    for args in [
        &["add"][..],
        &["--chunk", "100", "add"],
        &["--reuse", "always", "add"],
        &["--executor", "fiber", "add"],
        &["--unordered", "add"],
        &["-w", "64", "add"],
    ] {
        let mut pipe = Pipe::open(args);
        for number in 0..50 {
            pipe.write(&format!("[{number}, 1]\n"));
            assert_eq!(pipe.record(), (number + 1).to_string());
        }
        // The beginning of the next item does not hold it up either.
        pipe.write("[1, 1]\n[2,");
        assert_eq!(pipe.record(), "2");
        pipe.write(" 2]\n");
        assert_eq!(pipe.record(), "4");
        let (done, left) = pipe.close();
        done.exits(0).says("52 items");
        assert!(left.is_empty(), "{left:?}");
    }
    let mut pipe = Pipe::open(&["-i", "csv", "add"]);
    pipe.write("a,b\n");
    assert_eq!(pipe.record(), "result,error");
    for number in 0..50 {
        pipe.write(&format!("{number},1\n"));
        assert_eq!(pipe.record(), format!("{},", number + 1));
    }
    pipe.close().0.exits(0);
}

#[test]
fn records_of_a_slow_chunk_come_before_its_end() {
    let args = ["-w", "1", "--chunk", "1000", "pause"];
    let mut pipe = Pipe::of(&mut map_command(plugin_wasi(), &args));
    // Written at once, so that they are one chunk. The last one takes longer than anybody waits.
    pipe.write(&format!("{}100000\n", "1\n".repeat(200)));
    assert_eq!(pipe.record(), "null");
    signal(&pipe.child, Signal::KILL);
}

#[test]
fn a_million_items_take_as_much_memory_as_ten_thousand() {
    let mut pipe = Pipe::open(&["--reuse", "always", "add"]);
    let mut pass = |from: usize, upto: usize| {
        let item = |line| if line == 734_201 { "[1, oops]\n" } else { "[1, 1]\n" };
        let items: String = (from..=upto).map(item).collect();
        let mut stdin = pipe.stdin.take().expect("open");
        let writing = thread::spawn(move || stdin.write_all(items.as_bytes()).map(|()| stdin));
        for line in from..=upto {
            let expected = match line {
                734_201 => "{\"error\":\"no JSON: expected value, at column 5\",\"line\":734201}",
                _ => "2",
            };
            assert_eq!(pipe.record(), expected);
        }
        pipe.stdin = writing.join().expect("ends").ok();
        pipe.peak()
    };
    let ten_thousand = pass(1, 10_000);
    let million = pass(10_001, 1_000_000);
    let (done, left) = pipe.close();
    done.exits(1)
        .says("1000000 items")
        .says("1 failed (the first in line 734201: no JSON");
    assert!(
        left.is_empty() && million < ten_thousand + (8 << 10),
        "{ten_thousand} KiB, then {million} KiB"
    );
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let mut pipe = Pipe::open(&["--item-size", "1MiB", "add"]);
    pipe.write("[1, 1]\n");
    assert_eq!(pipe.record(), "2");
    let before = pipe.peak();
    let piece = "1".repeat(1 << 20);
    (0..64).for_each(|_| pipe.write(&piece));
    pipe.write("\n[1, 2]\n");
    assert_eq!(
        pipe.record(),
        "{\"error\":\"a line longer than 1MiB (--item-size raises it)\",\"line\":2}"
    );
    assert_eq!(pipe.record(), "3");
    let after = pipe.peak();
    assert!(after < before + (8 << 10), "{before} KiB, then {after} KiB");
    pipe.close().0.exits(1);
}

#[test]
fn empty_lines_are_passed_over_however_many_they_are() {
    map(
        plugin(),
        &["-q", "add"],
        &format!("[1, 1]\n{}[1, 2]\n", "\n".repeat(200_000)),
    )
    .exits(0)
    .prints("2\n3\n");
}

#[test]
fn a_reader_that_goes_away_is_a_quiet_end() {
    let mut pipe = map_command(plugin(), &["-q", "s32"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let (mut stdin, began) = (pipe.stdin.take().expect("a pipe"), Instant::now());
    let writing = thread::spawn(move || while stdin.write_all(b"1\n2\n3\n").is_ok() {});
    let mut first = [0; 2];
    pipe.stdout
        .take()
        .expect("a pipe")
        .read_exact(&mut first)
        .expect("reads");
    assert_eq!(&first, b"1\n");
    let done = finish(pipe, began).exits(0);
    assert_eq!(done.stderr, "");
    writing.join().expect("ends");
}

#[test]
fn a_full_disk_is_said() {
    let full = || std::fs::File::create("/dev/full").expect("opens");
    let endless = map_command(plugin(), &["-q", "s32"])
        .stdin(Stdio::piped())
        .stdout(full())
        .spawn();
    let (mut endless, began) = (endless.expect("starts"), Instant::now());
    let mut stdin = endless.stdin.take().expect("a pipe");
    thread::spawn(move || while stdin.write_all(b"1\n2\n3\n").is_ok() {});
    finish(endless, began)
        .exits(74)
        .one_line()
        .says("stdout: No space left");
    map(plugin(), &["-o", "/dev/full", "s32"], "1\n")
        .exits(74)
        .one_line()
        .says("/dev/full: No space left");
}

#[test]
fn the_input_can_be_a_file_or_a_pipe_and_no_folder() {
    let (folder, items) = (folder(), file(b"1\n2\n", ".jsonl"));
    let path = items.path().display().to_string();
    map(plugin(), &["-q", "s32", &path], "").exits(0).prints("1\n2\n");
    // The guest may then come from stdin.
    let guest = std::fs::read(plugin()).expect("reads");
    fed(&mut map_command("-", &["-q", "s32", &path]), &guest)
        .exits(0)
        .prints("1\n2\n");
    map("-", &["s32"], "1\n")
        .exits(2)
        .one_line()
        .says("the guest must be a file");

    let fifo = folder.path().join("fifo").display().to_string();
    tool("mkfifo", &[&fifo]);
    let child = map_command(plugin(), &["-q", "s32", &fifo]).spawn().expect("starts");
    std::fs::write(&fifo, "3\n4\n").expect("writes");
    finish(child, Instant::now()).exits(0).prints("3\n4\n");

    let here = folder.path().display().to_string();
    map(plugin(), &["s32", &here], "").exits(66).one_line().says("a folder");
    let mut command = map_command(plugin(), &["s32"]);
    let command = command.stdin(std::fs::File::open(folder.path()).expect("opens"));
    done(command).exits(66).one_line().says("stdin: a folder");
    map(plugin(), &["s32", "missing.jsonl"], "")
        .exits(66)
        .one_line()
        .says("missing.jsonl: No such file");
}

#[test]
fn results_never_go_into_the_file_that_has_the_items() {
    let items = file(b"1\n2\n", ".jsonl");
    let path = items.path().display().to_string();
    let link = folder();
    let link = link.path().join("link").display().to_string();
    std::os::unix::fs::symlink(&path, &link).expect("links");
    for args in [
        ["s32", &path, "-o", &path],
        ["s32", &link, "-o", &path],
        ["s32", &path, "--resume", &link],
    ] {
        map(plugin(), &args, "")
            .exits(2)
            .one_line()
            .says("the results would go into the file that has the items");
    }
    let both = std::fs::File::options()
        .append(true)
        .read(true)
        .open(&path)
        .expect("opens");
    let mut command = map_command(plugin(), &["s32", &path]);
    done(command.stdout(both))
        .exits(2)
        .one_line()
        .says("stdout: the results would go");
    assert_eq!(std::fs::read_to_string(&path).expect("reads"), "1\n2\n");
}

#[test]
fn results_that_are_there_are_kept_until_nothing_else_is_wrong() {
    let out = file(b"old\n", ".jsonl");
    let path = out.path().display().to_string();
    for wrong in [
        &["nofunc"][..],
        &["--initializer", "nope()", "s32"],
        &["s32", "missing.jsonl"],
    ] {
        let code = map(plugin(), &[&["-o", &path][..], wrong].concat(), "1\n").code;
        assert_ne!(code, Some(0));
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), "old\n");
    }
    map(plugin(), &["-q", "-o", &path, "s32"], "1\n").exits(0).prints("");
    assert_eq!(std::fs::read_to_string(&path).expect("reads"), "1\n");
    map(plugin(), &["-o", "/nowhere/x", "s32"], "1\n")
        .exits(74)
        .one_line()
        .says("/nowhere/x: No such file");
}

#[test]
fn what_came_is_computed_when_the_writer_goes_away() {
    // Torn in the middle of an item, as when a process is killed.
    map(plugin(), &["-q", "add"], "[1, 1]\n[2, 2]\n[3,")
        .exits(1)
        .prints("2\n4\n{\"error\":\"no JSON: EOF while parsing a value, at column 3\",\"line\":3}\n");
    map(plugin(), &["-q", "s32"], &numbers(5000))
        .exits(0)
        .prints(&numbers(5000));
}
