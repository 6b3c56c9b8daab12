//! The second wall around the process: it is up while guests run, and what was asked for works behind it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;

use rustix::process::Signal;
use wasm_pool::lockdown::support;

use crate::harness::*;

/// Prints a line and spins for ever, as a command.
fn says_go() -> String {
    SAYS_GO_AND_SPINS.replace(
        "(func (export \"go\")",
        "(func (export \"_start\") (drop (call $go (i32.const 23)))) (func $go (export \"go\")",
    )
}

/// What the kernel says of every thread of a process, once its guest has printed its line.
fn walls_while_it_runs(command: &mut Command) -> Vec<String> {
    let mut child: Child = command.spawn().expect("starts");
    let (sender, lines) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let streams: [Option<Box<dyn std::io::Read + Send>>; 2] = [
        stdout.map(|out| Box::new(out) as _),
        stderr.map(|err| Box::new(err) as _),
    ];
    for stream in streams.into_iter().flatten() {
        let sender = sender.clone();
        thread::spawn(move || {
            use std::io::{BufRead, BufReader};
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    drop(sender);
    let until = std::time::Instant::now() + PATIENCE;
    while !lines.recv_timeout(PATIENCE).expect("a line").ends_with("go") {}
    let threads = fs::read_dir(format!("/proc/{}/task", child.id())).expect("threads");
    let statuses = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    let walls: Vec<_> = statuses.map(|status| walls(&status)).collect();
    signal(&child, Signal::KILL);
    let _ = wait(&mut child, until);
    assert!(walls.len() > 3, "{walls:?}");
    walls
}

#[test]
fn every_thread_is_behind_it_whatever_runs_guests_unless_it_is_not_wanted() {
    let guest = wat(&says_go());
    let folder = folder();
    let manifest = folder.path().join("pool.toml");
    fs::write(&manifest, format!("[programs.one]\nguest = {:?}\n", guest.path())).expect("writes");
    let items = file(b"23\n", ".jsonl");
    let [guest, manifest, items] = [guest.path(), &manifest, items.path()].map(|path| path.display().to_string());
    let own = walls(&fs::read_to_string("/proc/self/status").expect("a status"));
    let filters = |status: &str| status.rsplit(' ').next().and_then(|count| count.parse::<u32>().ok());
    for verb in [
        &["run", &guest, "-n", "2"][..],
        &["call", &guest, "go(23)"],
        &["map", &guest, "go", &items],
        &["up", &manifest],
    ] {
        let behind = walls_while_it_runs(&mut wasm_pool(verb));
        if support().seccomp.is_ok() {
            for status in &behind {
                assert!(status.starts_with("NoNewPrivs: 1 Seccomp: 2 "), "{verb:?} {behind:?}");
                assert_eq!(filters(status), filters(&own).map(|own| own + 1), "{verb:?} {behind:?}");
            }
        } else {
            eprintln!("not checked: seccomp, {:?}", support().seccomp);
        }
        let without = walls_while_it_runs(wasm_pool(verb).arg("--no-lockdown"));
        assert!(without.iter().all(|status| *status == own), "{verb:?} {without:?}");
    }
}

#[test]
fn output_goes_through_no_link_behind_the_wall_and_before_it() {
    let (guest, outside, dir) = (wat(&says("x")), folder(), folder());
    let (canary, guest) = (outside.path().join("canary"), guest.path());
    let name = guest.file_stem().expect("a name").to_string_lossy().into_owned();
    // The host writes there itself: a link that somebody left leads out of the folder.
    let link = dir.path().join(format!("{name}-0.out"));
    let output = format!("files:{}", dir.path().display());
    for flag in ["--keep-going", "--no-lockdown"] {
        let _ = fs::remove_file(&link);
        symlink(&canary, &link).expect("links");
        run(guest, &["-q", "-o", &output, flag]).exits(0);
        assert!(!canary.exists());
        assert_eq!(fs::read_to_string(&link).ok().as_deref(), Some("x\n"));
    }
}

/// A command that prints a line.
fn says(line: &str) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\{:02x}\00\00\00{line}\0a")
        (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))"#,
        line.len() + 1
    )
}

/// A folder with a cache of its own, a granted folder, a place for temporary files.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(folder());
        for name in ["data", "tmp"] {
            fs::create_dir(place.path(name)).expect("makes a folder");
        }
        fs::write(place.path("data/file"), "hello\n").expect("writes");
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn wasm_pool(&self, args: &[&str], flags: &[&str]) -> Command {
        let mut command = wasm_pool(args);
        command
            .args(flags)
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("TMPDIR", self.path("tmp"));
        command
    }

    fn entries(&self) -> usize {
        fs::read_dir(self.path("cache/wasm-pool")).map_or(0, Iterator::count)
    }
}

/// With the wall and without.
const BOTH: [&[&str]; 2] = [&[], &["--no-lockdown"]];

#[test]
fn grants_outputs_reports_and_the_cache_work_behind_it() {
    for flags in BOTH {
        let place = Place::new();
        let data = place.shown("data");
        let (ro, rw) = (format!("{data}::/ro"), format!("{data}::/rw:rw"));
        let (files, report) = (
            format!("files:{}", place.shown("out/deep")),
            format!("json:{}", place.shown("report")),
        );
        for (entries, probe) in [(0, probe_p1()), (1, probe_p1()), (1, probe_p2()), (2, probe_p2())] {
            assert_eq!(place.entries(), entries, "cold, warm, cold, warm");
            let probe = probe.display().to_string();
            let run = |args: &[&str], act: &[&str]| {
                let args = [&["run", &probe, "-q"], args, flags, &["--"], act].concat();
                done(&mut place.wasm_pool(&args, &[])).exits(0)
            };
            let grants = ["--dir", &ro, "--dir", &rw];
            run(&grants, &["read", "/ro/file"]).prints("hello\n");
            run(&grants, &["write", "/rw/new", "x"]).prints("written\n");
            assert_eq!(place.text("data/new"), "x");
            run(&grants, &["list", "/ro"]).prints("file\nnew\n");
            run(&grants, &["remove", "/rw/new"]).prints("removed\n");
            assert!(run(&grants, &["write", "/ro/new", "x"]).stdout.starts_with("error:"));
            run(&["-n", "2", "-o", &files, "--report", &report], &["args", "x"]);
            let name = Path::new(&probe).file_stem().expect("a name").to_string_lossy();
            assert_eq!(place.text(&format!("out/deep/{name}-1.out")), "x\n");
            assert_eq!(place.text("report").lines().count(), 4);
            // More than is kept in memory.
            let grouped = run(&["-n", "2", "-o", "group"], &["line", "200000"]);
            assert_eq!(grouped.stdout.len(), 2 * 200_001);
        }
        let probe = probe_p1().display().to_string();
        let args = [
            &["run", &probe, "-q", "-n", "2", "--stdin", "copy"],
            flags,
            &["--", "echo"],
        ]
        .concat();
        fed(&mut place.wasm_pool(&args, &[]), b"x\n").exits(0).prints("x\nx\n");
        assert_eq!(fs::read_dir(place.path("tmp")).map_or(0, Iterator::count), 0);
    }
}

#[test]
fn calls_maps_snapshots_and_compilations_work_behind_it() {
    for flags in BOTH {
        let place = Place::new();
        let plugin = plugin().display().to_string();
        let [out, snapshot, code, items] =
            ["out.jsonl", "after.wasm", "code.cwasm", "items"].map(|name| place.shown(name));
        fs::write(&items, "1\n2\n3\n").expect("writes");
        done(&mut place.wasm_pool(&["call", &plugin, "add(1, 2)"], flags))
            .exits(0)
            .prints("3\n");
        done(&mut place.wasm_pool(&["map", &plugin, "s32", &items, "-q", "-o", &out], flags)).exits(0);
        assert_eq!(place.text("out.jsonl"), "1\n2\n3\n");
        fs::write(&out, "1\n2").expect("tears the last record");
        done(&mut place.wasm_pool(&["map", &plugin, "s32", &items, "-q", "--resume", &out], flags)).exits(0);
        assert_eq!(place.text("out.jsonl"), "1\n2\n3\n");
        fed(
            &mut place.wasm_pool(&["map", &plugin, "s32", "/dev/stdin", "-q"], flags),
            b"4\n",
        )
        .exits(0)
        .prints("4\n");
        // Twice: it takes the place of what is there.
        for _ in 0..2 {
            done(&mut place.wasm_pool(&["snapshot", &plugin, "setup(7)", "-o", &snapshot], flags)).exits(0);
            done(&mut place.wasm_pool(&["call", &snapshot, "value()"], flags))
                .exits(0)
                .prints("7\n");
            done(&mut place.wasm_pool(&["compile", &plugin, "-o", &code], flags)).exits(0);
            done(&mut place.wasm_pool(&["call", &code, "add(1, 2)", "--allow-precompiled"], flags))
                .exits(0)
                .prints("3\n");
        }
        done(&mut place.wasm_pool(&["compile", &probe_p1().display().to_string()], flags)).exits(0);
        done(&mut place.wasm_pool(&["inspect", &plugin], flags)).exits(0);
        let left = fs::read_dir(place.0.path()).expect("a folder").flatten();
        let mut left: Vec<_> = left
            .map(|file| file.file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        assert_eq!(
            left,
            ["after.wasm", "cache", "code.cwasm", "data", "items", "out.jsonl", "tmp"]
        );
    }
}

#[test]
fn a_manifest_works_behind_it_restarts_included() {
    for flags in BOTH {
        let place = Place::new();
        let (talker, probe) = (root().join("tests/guests/talker.wasm"), probe_p1());
        let manifest = format!(
            "[queues.numbers]\n\
             [programs.producer]\nguest = {talker:?}\nargs = [\"produce\", \"numbers\", \"1000\"]\nputs = [\"numbers\"]\n\
             [programs.consumer]\nguest = {talker:?}\nargs = [\"consume\", \"numbers\"]\ngets = [\"numbers\"]\n\
             [programs.writer]\nguest = {probe:?}\nargs = [\"write\", \"/d/new\", \"x\"]\ndirs = [\"data::/d:rw\"]\n\
             [programs.fails]\nguest = {probe:?}\nargs = [\"exit\", \"3\"]\nrestart = \"on-failure\"\nrestarts = 2\n\
             backoff = \"1ms\"\ndirs = [\"data::/d\"]\n"
        );
        fs::write(place.path("pool.toml"), manifest).expect("writes");
        let (file, report) = (place.shown("pool.toml"), format!("json:{}", place.shown("report")));
        let files = format!("files:{}", place.shown("out"));
        for _ in 0..2 {
            done(&mut place.wasm_pool(&["up", &file, "-o", &files, "--report", &report], flags))
                .exits(3)
                .says("(2 of 2)");
            assert_eq!(place.text("data/new"), "x");
            assert_eq!(place.text("out/consumer-0.out"), "1000 499500\n");
            assert!(place.text("report").contains("\"exit_code\":3"));
        }
        fs::remove_file(place.path("report")).expect("is there");
        done(&mut place.wasm_pool(&["up", &file, "--check", "--report", &report], flags)).exits(0);
        assert!(!place.path("report").exists(), "a check writes nothing");
    }
}

#[test]
fn info_says_what_the_kernel_has_for_it() {
    let said = done(&mut wasm_pool(["info"])).exits(0).stdout;
    let line = said.lines().find(|line| line.starts_with("lockdown")).expect("a line");
    let wall = support();
    match wall.landlock {
        Ok(version) => assert!(line.contains(&format!("Landlock {version}")), "{line}"),
        Err(missing) => assert!(line.contains(&format!("no Landlock: {missing}")), "{line}"),
    }
    match wall.seccomp {
        Ok(()) => assert!(!line.contains("no seccomp"), "{line}"),
        Err(missing) => assert!(line.contains(&format!("no seccomp: {missing}")), "{line}"),
    }
}
