//! `--timeline` and `--watch`: what they write, whatever came of the run, and what they refuse.

use std::collections::HashMap;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::*;

fn queue_example() -> std::path::PathBuf {
    root().join("examples/03-queue/queue.wasm")
}

fn trace(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("was written")).expect("is JSON")
}

/// The events of this phase and process.
fn events<'a>(trace: &'a Value, phase: &'a str, process: u64) -> impl Iterator<Item = &'a Value> {
    let all = trace["traceEvents"].as_array().expect("an array").iter();
    all.filter(move |event| event["ph"] == phase && event["pid"] == process)
}

fn number(event: &Value, field: &str) -> f64 {
    event[field].as_f64().expect("a number")
}

/// Complete events by their thread, with begin and end in microseconds; none begins before the last one has ended.
fn tracks(trace: &Value, process: u64) -> HashMap<u64, Vec<&Value>> {
    let mut tracks: HashMap<u64, Vec<&Value>> = HashMap::new();
    for event in events(trace, "X", process) {
        tracks
            .entry(event["tid"].as_u64().expect("a thread"))
            .or_default()
            .push(event);
    }
    for (thread, track) in &mut tracks {
        track.sort_by(|a, b| number(a, "ts").total_cmp(&number(b, "ts")));
        for pair in track.windows(2) {
            let end = number(pair[0], "ts") + number(pair[0], "dur");
            assert!(end <= number(pair[1], "ts") + 0.002, "{process} {thread}: {pair:#?}");
        }
    }
    tracks
}

const WORKERS: u64 = 1;
const INTERPRETERS: u64 = 2;
const QUEUES: u64 = 3;

#[test]
fn a_trace_tells_what_the_report_tells() {
    let folder = folder();
    let (file, report) = (folder.path().join("t.json"), folder.path().join("r.json"));
    let (file_arg, report_arg) = (file.display().to_string(), format!("json:{}", report.display()));
    let flags = [
        "-n",
        "3",
        "-w",
        "2",
        "--queue",
        "work",
        "--queue",
        "done",
        "--timeline",
        &file_arg,
        "--report",
        &report_arg,
    ];
    run(queue_example(), &flags).exits(0);
    let trace = trace(&file);
    let report = std::fs::read_to_string(report).expect("was written");
    let guests = report
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("is JSON"));
    let guests: Vec<_> = guests.filter(|line| line["type"] == "guest").collect();

    let name = |thread: u64| {
        let mut names = events(&trace, "M", INTERPRETERS).filter(|event| event["name"] == "thread_name");
        let event = names.find(|event| event["tid"] == thread).expect("has a name");
        event["args"]["name"].as_str().expect("text").to_owned()
    };
    let lives = tracks(&trace, INTERPRETERS);
    let workers = tracks(&trace, WORKERS);
    assert_eq!(lives.len(), 3);
    let mut on_workers = 0.0;
    for (thread, track) in &lives {
        let instance = name(*thread)
            .strip_prefix("queue#")
            .expect("its name")
            .parse::<usize>()
            .expect("its number");
        let guest = &guests[instance];
        let end = events(&trace, "i", INTERPRETERS)
            .find(|event| event["tid"] == *thread)
            .expect("has ended");
        assert_eq!(end["name"], "exited(0)");
        let cpu = number(&end["args"], "cpu_us");
        assert!((cpu - number(guest, "cpu_s") * 1e6).abs() < 1.0, "{cpu} {guest}");
        let running: f64 = track
            .iter()
            .filter(|event| event["name"] == "running")
            .map(|event| number(event, "dur"))
            .sum();
        assert!(
            running + 1.0 >= cpu && running <= number(guest, "wall_s") * 1e6,
            "{running} {guest}"
        );
        on_workers += running;
    }
    let busy: f64 = workers.values().flatten().map(|event| number(event, "dur")).sum();
    assert!((busy - on_workers).abs() < 1.0, "{busy} {on_workers}");
    // The consumer waits for what the producer puts, and somebody saw how much lay there.
    let depths = events(&trace, "C", QUEUES)
        .filter(|event| event["name"] == "work")
        .count();
    assert!(depths > 0);
}

/// Every element is closed, in order, and every quotation mark too: enough of XML to tell a picture from a broken one.
pub(crate) fn is_well_formed(picture: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for piece in picture.split('<').skip(1) {
        let Some((tag, text)) = piece.split_once('>') else {
            return false;
        };
        if text.contains('&')
            && !text
                .split('&')
                .skip(1)
                .all(|after| after.split(';').next().is_some_and(|word| word.len() < 6))
        {
            return false;
        }
        if tag.matches('"').count() % 2 == 1 {
            return false;
        }
        match tag.strip_prefix('/') {
            Some(name) if open.pop() == Some(name) => {}
            Some(_) => return false,
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or_default()),
        }
    }
    open.is_empty()
}

#[test]
fn a_picture_is_well_formed_whatever_things_are_called() {
    let folder = folder();
    let guest = folder.path().join("<b>&\"x'.wat");
    std::fs::write(
        &guest,
        r#"(module (memory (export "memory") 1) (func (export "_start") (unreachable)))"#,
    )
    .expect("writes");
    let file = folder.path().join("t.svg");
    let file_arg = file.display().to_string();
    // It is written although the guests fail.
    run(
        &guest,
        &["-n", "100", "--queue", "</text><script>", "--timeline", &file_arg, "-q"],
    )
    .exits(134);
    let picture = std::fs::read_to_string(file).expect("was written");
    assert!(is_well_formed(&picture), "{picture}");
    assert!(picture.starts_with("<svg") && !picture.contains("<script") && !picture.contains("<b>"));
    assert!(picture.contains("100 interpreters") && picture.contains("&lt;b&gt;") && picture.contains("3 failed"));
}

#[test]
fn a_run_that_is_interrupted_is_told_until_then() {
    let folder = folder();
    let file = folder.path().join("t.json");
    let guest = wat(SAYS_GO_AND_SPINS_FOR_EVER);
    let began = std::time::Instant::now();
    let mut child = wasm_pool(["run".as_ref(), guest.path().as_os_str()])
        .args(["-n", "2", "--grace", "50ms", "--timeline"])
        .arg(&file)
        .spawn()
        .expect("starts");
    use std::io::BufRead as _;
    let stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    assert_eq!(stdout.lines().take(2).flatten().count(), 2);
    signal(&child, Signal::INT);
    finish(child, began).exits(130);
    let trace = trace(&file);
    let ends: Vec<_> = events(&trace, "i", INTERPRETERS).map(|event| &event["name"]).collect();
    assert_eq!(ends, ["killed", "killed"]);
}

const SAYS_GO_AND_SPINS_FOR_EVER: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\03\00\00\00go\0a")
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20))) (loop (br 0))))"#;

#[test]
fn a_place_that_cannot_be_written_is_said_before_anything_runs() {
    let done = run(probe_p1(), &["--timeline", "/nowhere/at/all/t.svg", "--", "args", "x"])
        .exits(74)
        .one_line();
    assert!(done.stdout.is_empty());
    done.says("--timeline: /nowhere/at/all/t.svg");
    run(probe_p1(), &["--timeline", "t.png", "--", "args", "x"])
        .exits(2)
        .one_line()
        .says(".svg");
    // No guest draws its own picture.
    let folder = folder();
    let (file, grant) = (
        folder.path().join("t.svg"),
        format!("{}::/out:rw", folder.path().display()),
    );
    let file = file.display().to_string();
    run(probe_p1(), &["--dir", &grant, "--timeline", &file, "--", "args", "x"])
        .exits(2)
        .one_line()
        .says("the timeline");
}

#[test]
fn up_call_and_map_write_theirs() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let manifest = root().join("examples/04-pipeline/pool.toml");
    let mut up = wasm_pool([
        "up".as_ref(),
        manifest.as_os_str(),
        "--timeline".as_ref(),
        path("up.json").as_os_str(),
    ]);
    fed(&mut up, b"GPL-3\nApache-2.0\n").exits(0);
    let up = trace(&path("up.json"));
    let names = events(&up, "M", INTERPRETERS).filter(|event| event["name"] == "thread_name");
    let names: Vec<_> = names
        .map(|event| event["args"]["name"].as_str().expect("text"))
        .collect();
    assert_eq!(names, ["read#0", "read#1", "count#0", "count#1", "sum#0"]);

    let mut call = wasm_pool([
        "call".as_ref(),
        plugin().as_os_str(),
        "distance({x: 1, y: 2}, {x: 4, y: 6})".as_ref(),
    ]);
    done(call.arg("--timeline").arg(path("call.json")))
        .exits(0)
        .prints("5\n");
    assert_eq!(tracks(&trace(&path("call.json")), INTERPRETERS).len(), 1);

    let mut map = wasm_pool([
        "map".as_ref(),
        plugin().as_os_str(),
        "trap".as_ref(),
        "--timeline".as_ref(),
        path("map.json").as_os_str(),
    ]);
    let items: String = (100..600).map(|item| format!("{item}\n")).collect();
    fed(&mut map, items.as_bytes()).exits(0);
    let map = trace(&path("map.json"));
    assert!(events(&map, "X", WORKERS).count() > 0);
    tracks(&map, WORKERS);
}

#[test]
fn a_view_needs_a_terminal() {
    let done = run(probe_p1(), &["--watch", "--", "args", "x"]).exits(2).one_line();
    assert!(done.stdout.is_empty());
    done.says("--watch").says("no terminal");
}

/// What a command does on a terminal of its own, as that saw it.
fn on_a_terminal(command: &str) -> Done {
    let mut script = std::process::Command::new("script");
    script
        .args(["--quiet", "--return", "--command", command, "/dev/null"])
        .env("TERM", "xterm")
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    done(&mut script)
}

#[test]
fn a_view_gives_the_terminal_back_and_prints_what_was_kept() {
    let ours = env!("CARGO_BIN_EXE_wasm-pool");
    let sleeps = wat(r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\06\00\00\00I was\0a")
        (func (export "_start")
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))
          (i32.store (i32.const 80) (i32.const 1))
          (i64.store (i32.const 88) (i64.const 400000000))
          (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 200)))))"#);
    let guest = sleeps.path().display();
    let seen = on_a_terminal(&format!("{ours} run {guest} -n 2 --watch"))
        .exits(0)
        .stdout;
    let (enters, leaves) = (
        seen.find("\x1b[?1049h").expect("enters"),
        seen.rfind("\x1b[?1049l").expect("leaves"),
    );
    let (view, after) = (&seen[enters..leaves], &seen[leaves..]);
    assert!(
        view.contains("sleeps or polls") && view.contains("worker 0"),
        "{view:?}"
    );
    assert_eq!(after.matches("I was").count(), 2, "{after:?}");
    assert!(
        after.contains("\x1b[?1049l") && seen.contains("\x1b[?25h") && after.contains("2 instances: 2 ok"),
        "{after:?}"
    );
}
