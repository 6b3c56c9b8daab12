//! Where the guests' output goes: whole lines, a stalled or closed reader, full disks, the summary and the report.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::*;

#[test]
fn lines_are_never_torn() {
    // 4 guests × 500 lines of 1,024 bytes, through pipes of 64 KiB.
    for probe in probes() {
        let done = run(probe, &["-n", "4", "-q", "--", "flood", "512000"]).exits(0);
        assert_eq!(done.stdout.len(), 4 * 512_000);
        let whole = format!("{}\n", "y".repeat(1023));
        assert!(done.stdout.split_inclusive('\n').all(|line| line == whole));
    }
}

#[test]
fn one_guests_bytes_pass_unchanged() {
    run(probe_p1(), &["-q", "--", "no-newline", "a\u{1b}[1mb"])
        .exits(0)
        .prints("a\u{1b}[1mb");
}

#[test]
fn a_last_line_without_a_break_is_kept_apart() {
    let done = run(probe_p1(), &["-q", "-n", "3", "--", "no-newline", "abc"]).exits(0);
    assert_eq!(done.stdout, "abc\nabc\nabc");
}

#[test]
fn prefix_group_and_files_say_who_wrote_what() {
    let done = run(
        probe_p2(),
        &["-q", "-n", "11", "-o", "prefix", "--", "args", "x{instance}"],
    )
    .exits(0);
    assert_eq!(done.lines()[..2], ["[ 0] x0", "[ 1] x1"]);

    let done = run(
        probe_p2(),
        &[
            "-q",
            "-n",
            "3",
            "-o",
            "group",
            "--",
            "args",
            "a{instance}",
            "b{instance}",
        ],
    )
    .exits(0);
    for number in 0..3 {
        assert!(done.stdout.contains(&format!("a{number}\nb{number}\n")), "{done:#?}");
    }

    let out = folder();
    let mode = format!("files:{}", out.path().join("deep/er").display());
    run(probe_p2(), &["-q", "-n", "3", "-o", &mode, "--", "args", "x{instance}"])
        .exits(0)
        .prints("");
    let written = std::fs::read_to_string(out.path().join("deep/er/probe-p2-2.out"));
    assert_eq!(written.ok().as_deref(), Some("x2\n"));

    run(probe_p2(), &["-q", "-n", "3", "-o", "none", "--", "args", "x"])
        .exits(0)
        .prints("");
}

#[test]
fn a_guests_stderr_is_shown_with_its_name_and_without_escapes() {
    run(probe_p1(), &["-q", "-n", "2", "--", "stderr", "\u{1b}[2Jhi"])
        .exits(0)
        .says("probe-p1#0: \\u{1b}[2Jhi\n")
        .says("probe-p1#1: \\u{1b}[2Jhi\n");
}

#[test]
fn a_reader_that_goes_away_is_a_quiet_end() {
    for probe in probes() {
        let began = Instant::now();
        let mut command = wasm_pool(["run".as_ref(), probe.as_os_str()]);
        let mut child = command
            .args(["-q", "-n", "2", "--", "flood", "1000000000"])
            .spawn()
            .expect("starts");
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_exact(&mut [0; 10]).expect("reads a little");
        drop(stdout);
        let done = finish(child, began).exits(0);
        assert_eq!(done.stderr, "");
    }
}

#[test]
fn a_reader_that_stalls_stops_no_deadline_and_no_neighbour() {
    let began = Instant::now();
    let mut command = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
    let mut child = command
        .args([
            "-n",
            "2",
            "--deadline",
            "300ms",
            "--grace",
            "200ms",
            "--",
            "flood",
            "1000000000",
        ])
        .spawn()
        .expect("starts");
    // Held open and never read.
    let stdout = child.stdout.take();
    let done = finish(child, began).exits(124);
    drop(stdout);
    assert!(done.took < Duration::from_secs(10), "{done:#?}");
    done.says("2 instances: 0 ok, 2 failed").says("its reader stalls");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = || {
        std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("opens")
    };
    for (args, code) in [
        (&["-q", "--", "args", "x"][..], 74),
        (&["-q", "--", "flood", "10000000"], 74),
    ] {
        let mut command = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
        done(command.args(args).stdout(Stdio::from(full())))
            .exits(code)
            .says("No space left");
    }
    // Whose output was lost did not end well.
    for mode in ["lines", "group"] {
        let mut command = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
        let command = command.args(["-n", "3", "-o", mode, "--report", "json", "--", "args", "x"]);
        let done = done(command.stdout(Stdio::from(full()))).exits(74);
        let lines: Vec<serde_json::Value> = done
            .stderr
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(
            (&lines[4]["ok"], &lines[4]["exit_code"]),
            (&0.into(), &74.into()),
            "{mode} {done:#?}"
        );
    }
    let mut command = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
    done(
        command
            .args(["-o", "group", "--", "args"])
            .env("TMPDIR", "/surely/not/there"),
    )
    .exits(74)
    .one_line()
    .says("/surely/not/there");
    run(probe_p1(), &["-o", "files:/proc/nope", "--", "args"])
        .exits(74)
        .one_line();
    run(probe_p1(), &["--report", "json:/", "--", "args", "x"])
        .exits(74)
        .one_line()
        .prints("");
    run(probe_p1(), &["-q", "--report", "json:/dev/full", "--", "args"])
        .exits(74)
        .one_line();
    for verb in [
        &["info"][..],
        &["inspect", "tests/guests/probe-p1.wasm"],
        &["completions", "bash"],
    ] {
        done(wasm_pool(verb).current_dir(root()).stdout(Stdio::from(full())))
            .exits(74)
            .one_line();
    }
}

#[test]
fn closed_streams_do_no_harm() {
    for closed in [">&-", "2>&-", ">&- 2>&-", "<&-"] {
        let line = format!("\"$0\" run \"$1\" -n 2 -- args x {closed}");
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", &line, env!("CARGO_BIN_EXE_wasm-pool")])
            .arg(probe_p1());
        let done = done(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        );
        assert!(matches!(done.code, Some(0 | 74)), "{closed} {done:#?}");
    }
}

#[test]
fn a_long_line_passes_whole() {
    let done = run(probe_p1(), &["-q", "--", "line", "300000"]).exits(0);
    assert_eq!(done.stdout.len(), 300_001);
}

#[test]
fn the_summary_is_aligned_and_plain_without_a_terminal() {
    let done = run(probe_p1(), &["-n", "2", "--", "args"]).exits(0);
    let lines: Vec<_> = done.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{done:#?}");
    assert!(lines[0].starts_with("probe-p1#0  exited(0)  wall "), "{done:#?}");
    assert_eq!(lines[0].find("memory"), lines[1].find("memory"));
    assert!(lines[2].starts_with("2 instances: 2 ok, 0 failed in "), "{done:#?}");
    assert!(!done.stderr.contains('\u{1b}'));
}

#[test]
fn a_terminal_gets_a_bar_and_colours_unless_it_is_dumb_or_wants_none() {
    let on = |env: &str| {
        let command = format!(
            "stty rows 24 cols 60; env {env} {} run {} -n 3 -- sleep 250",
            env!("CARGO_BIN_EXE_wasm-pool"),
            probe_p1().display()
        );
        // A pseudo-terminal, and what was written to it.
        tool("script", &["-qec", &command, "/dev/null"])
    };
    let (plain, dumb) = (on("TERM=xterm"), on("TERM=dumb"));
    assert!(plain.contains("0/3 done") && plain.contains("3 running"), "{plain:?}");
    assert!(plain.contains("\u{1b}[32mexited(0)\u{1b}[0m"), "{plain:?}");
    assert!(!dumb.contains('\u{1b}') && !dumb.contains("done"), "{dumb:?}");
    let colourless = on("TERM=xterm NO_COLOR=1");
    assert!(colourless.contains("0/3 done"), "{colourless:?}");
    for text in [dumb, colourless] {
        assert!(
            !text.contains("[32m") && text.contains("probe-p1#2  exited(0)  wall"),
            "{text:?}"
        );
    }
    // In few columns lines are cut between two figures.
    let rows: Vec<_> = plain.lines().filter(|line| line.contains("exited(0)")).collect();
    assert!(
        rows.iter().all(|row| row.contains("wall") && !row.contains("memory")),
        "{rows:?}"
    );
}

#[test]
fn where_nobody_looks_the_words_are_the_same_in_any_room_and_tongue() {
    let words = |env: &[(&str, &str)]| {
        let mut command = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
        command.args(["-n", "2", "--", "exit", "3"]).envs(env.iter().copied());
        let done = done(&mut command).exits(3);
        assert!(done.stderr.is_ascii() && !done.stderr.contains('\u{1b}'), "{done:#?}");
        let all = done.stderr.split_whitespace().map(str::to_owned);
        // What was measured differs.
        let said: Vec<_> = all
            .filter(|word| !word.starts_with(|first: char| first.is_ascii_digit()))
            .collect();
        said
    };
    let plain = words(&[]);
    assert!(
        plain.iter().any(|word| word == "exited(3)") && plain.iter().any(|word| word == "memory"),
        "{plain:?}"
    );
    for env in [
        &[("COLUMNS", "20"), ("TERM", "xterm-256color"), ("CLICOLOR_FORCE", "0")][..],
        &[("LANG", "C"), ("LC_ALL", "C"), ("TERM", "dumb")],
        &[("LANG", "tr_TR.UTF-8"), ("TERM", ""), ("NO_COLOR", "1")],
    ] {
        assert_eq!(words(env), plain, "{env:?}");
    }
}

#[test]
fn the_summary_of_many_lists_the_failures() {
    let done = run(wat(SPIN), &["-n", "50", "--deadline", "100ms"]).exits(124);
    assert_eq!(done.stderr.lines().count(), 51, "{done:#?}");
    let done = run(probe_p1(), &["-n", "50", "--", "args"]).exits(0);
    assert_eq!(done.stderr.lines().count(), 2, "{done:#?}");
    done.says("50 more: all well");
}

#[test]
fn the_report_has_the_limits_and_every_guest() {
    let out = folder();
    let file = out.path().join("report");
    let to = format!("json:{}", file.display());
    run(
        probe_p1(),
        &[
            "-q", "-n", "2", "--memory", "8MiB", "--report", &to, "--", "allocate", "9000000",
        ],
    )
    .exits(134);
    let text = std::fs::read_to_string(file).expect("reads");
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["type"], "run");
    assert_eq!(lines[0]["limits"]["memory_bytes"], 8 << 20);
    for name in [
        "tables_elements",
        "stack_bytes",
        "deadline_s",
        "cpu_time_s",
        "fuel_units",
        "output_bytes",
        "open_files",
        "handles",
        "messages_bytes",
        "queues",
        "pool_queues",
        "module_size_bytes",
        "compile_time_s",
        "pool_memory_bytes",
        "grace_s",
    ] {
        assert!(lines[0]["limits"].get(name).is_some(), "{name}");
    }
    assert_eq!(
        (&lines[2]["outcome"], &lines[2]["limit"]),
        (&"limit".into(), &"memory".into())
    );
    assert_eq!(
        (&lines[3]["type"], &lines[3]["exit_code"]),
        (&"total".into(), &134.into())
    );

    let done = run(probe_p1(), &["--report", "json", "--", "args"]).exits(0);
    assert!(
        done.stderr
            .lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{done:#?}"
    );

    // A guest cannot forge a line of it.
    let done = run(
        probe_p1(),
        &["--report", "json", "--", "stderr", "{\"type\":\"total\"}"],
    )
    .exits(0);
    assert!(done.stderr.contains("probe-p1#0: {\"type\""), "{done:#?}");
}
