//! Queues from the command line: named, fed from stdin, drained to stdout; deadlocks.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

use crate::harness::{done, fed, folder, root, run, tool, wasm_pool};

fn talker() -> std::path::PathBuf {
    root().join("tests/guests/talker.wasm")
}

/// `wasm-pool run talker FLAGS -- WORDS`
fn talking(flags: &[&str], words: &[&str]) -> std::process::Command {
    let mut command = wasm_pool(["run".as_ref(), talker().as_os_str()]);
    command.args(flags).arg("--").args(words);
    command
}

#[test]
fn lines_of_stdin_go_through_a_queue_and_results_come_out_of_another() {
    let input: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
    let flags = ["-n", "4", "-q", "--feed", "work", "--drain", "results"];
    let done = fed(&mut talking(&flags, &["relay", "work", "results"]), input.as_bytes()).exits(0);
    let mut expected: Vec<_> = input.lines().collect();
    expected.sort_unstable();
    assert_eq!(done.lines(), expected);
}

#[test]
fn bytes_that_are_no_text_and_a_last_line_without_its_break_come_through() {
    let flags = ["-q", "--feed", "work", "--drain", "results"];
    let mut child = talking(&flags, &["relay", "work", "results"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(b"\xff\xfe\n\nlast")
        .expect("writes");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.stdout, b"\xff\xfe\n\nlast\n");
    assert!(output.status.success());
}

#[test]
fn a_slow_reader_of_results_holds_up_the_guests_and_a_fast_writer_is_held_up() {
    // The pipes of the system and the queues are far smaller than what is written: it only comes through with back-pressure.
    let flags = [
        "-q",
        "--queue",
        "work:4",
        "--queue",
        "results:4",
        "--feed",
        "work",
        "--drain",
        "results",
        "--memory",
        "8MiB",
    ];
    let mut child = talking(&flags, &["relay", "work", "results"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let line = "x".repeat(1_000);
    let writing = std::thread::spawn(move || (0..20_000).try_for_each(|_| writeln!(stdin, "{line}")));
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    assert_eq!(stdout.lines().count(), 20_000);
    writing.join().expect("ends").expect("writes");
    assert!(child.wait().expect("ends").success());
}

#[test]
fn when_the_reader_goes_away_everything_ends_quietly() {
    let talker = talker();
    let pipeline = format!(
        "yes | {} run {} -q -n 2 --feed work --drain results -- relay work results | head -n 3",
        env!("CARGO_BIN_EXE_wasm-pool"),
        talker.display()
    );
    let printed = tool(
        "bash",
        &[
            "-c",
            &format!("set -o pipefail; {pipeline}; test ${{PIPESTATUS[1]}} = 0"),
        ],
    );
    assert_eq!(printed, "y\ny\ny\n");
}

#[test]
fn numbers_truth_values_and_structures_are_printed_as_json_has_them() {
    let done = done(&mut talking(&["-q", "--drain", "q"], &["put-and-end", "q", "default"])).exits(0);
    assert_eq!(done.stdout, "1\n2\n3\n");
}

#[test]
fn a_grace_period_beyond_the_clock_s_end_is_one_without_end() {
    let flags = [
        "-q",
        "--deadline",
        "100ms",
        "--grace",
        "18446744073709551615s",
        "--drain",
        "q",
    ];
    done(&mut talking(&flags, &["never-wait", "q"])).exits(124);
}

#[test]
fn a_line_that_the_queue_cannot_hold_ends_the_feed_and_says_so() {
    let flags = ["--queue", "work:0:1KiB", "--feed", "work", "--drain", "results"];
    let input = format!("short\n{}\n", "x".repeat(5_000));
    fed(&mut talking(&flags, &["relay", "work", "results"]), input.as_bytes())
        .exits(2)
        .says("--feed: line 2 of stdin is longer than the queue's 1024 bytes")
        .prints("short\n");
}

#[test]
fn the_grace_may_be_longer_than_there_is_time() {
    let flags = [
        "--drain",
        "q",
        "--deadline",
        "100ms",
        "--grace",
        "18446744073709551615s",
    ];
    done(&mut talking(&flags, &["produce", "q", "1000000000"])).exits(124);
}

#[test]
fn guests_that_wait_for_each_other_are_ended_and_the_report_says_for_what() {
    let flags = ["-n", "3", "--queue", "a", "--queue", "b"];
    let done = done(&mut talking(&flags, &["swap", "a", "b"])).exits(123);
    let waits: Vec<_> = done.stderr.lines().filter(|line| line.contains("deadlock")).collect();
    assert_eq!(waits.len(), 3, "{done:?}");
    assert!(
        waits
            .iter()
            .all(|line| line.contains("waits to get from queue \"a\" for ")),
        "{waits:?}"
    );
    assert!(done.took < Duration::from_secs(5), "{done:?}");
}

#[test]
fn a_guest_that_waits_at_a_queue_of_its_own_is_ended() {
    done(&mut talking(&[], &["wait-own"]))
        .exits(123)
        .says("waits to get from queue 1 for ");
}

#[test]
fn a_guest_that_polls_queues_alone_is_ended_and_one_that_polls_a_timer_too_is_not() {
    done(&mut talking(&["--queue", "q"], &["poll-wait", "q"]))
        .exits(123)
        .says("waits to get from queue \"q\" for ");
    done(&mut talking(&[], &["polling"])).exits(0);
}

#[test]
fn a_parent_and_a_child_that_wait_for_each_other_are_ended() {
    done(&mut talking(&["--interpreters", "1"], &["deadlock-with-child"]))
        .exits(123)
        .says("waits for a call of interpreter");
    // Also through a pollable.
    done(&mut talking(&["--interpreters", "1"], &["poll-child"]))
        .exits(123)
        .says("waits for a call of interpreter");
}

#[test]
fn whoever_waits_for_a_time_or_for_our_stdin_is_not_deadlocked() {
    done(&mut talking(&["--queue", "q"], &["wait-some-time", "q", "300"]))
        .exits(0)
        .prints("Err(Empty)\n");
    let mut child = talking(&["-q", "--feed", "q"], &["wait", "q"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    // Nothing comes for a hundred times as long as a deadlock would take.
    std::thread::park_timeout(Duration::from_millis(300));
    assert_eq!(child.try_wait().expect("looks"), None);
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Err(Closed)\n");
}

#[test]
fn what_a_guest_may_have_in_queues_is_bounded() {
    run(talker(), &["-q", "--", "hoard"]).exits(0).prints(
        "256 queues, then: queues limit of 256 queues reached, 257 queues asked for (--max-queues raises it)\n",
    );
    run(
        talker(),
        &["-q", "--max-queues", "9999", "--pool-queues", "100", "--", "hoard"],
    )
    .exits(0)
    .prints("100 queues, then: pool-queues limit of 100 queues reached (--pool-queues raises it)\n");
    run(talker(), &["-q", "--messages", "1MiB", "--", "flood", "own", "1000"])
        .exits(0)
        .prints("flooded until: messages limit of 1MiB reached, 1MiB asked for (--messages raises it)\n");
    let flags = ["-q", "--messages", "1GiB", "--memory", "4MiB", "--pool-memory", "16MiB"];
    run(talker(), &[&flags[..], &["--", "flood", "own", "100000"]].concat())
        .exits(0)
        .prints("flooded until: pool-memory limit of 16MiB reached (--pool-memory raises it)\n");
}

#[test]
fn what_was_got_counts_no_more() {
    // Thirty times what it may have in queues goes through, a few at a time.
    let input = format!("{}\n", "x".repeat(999)).repeat(2_000);
    let flags = [
        "-q",
        "--messages",
        "64KiB",
        "--queue",
        "results:16",
        "--feed",
        "work",
        "--drain",
        "results",
    ];
    let relayed = fed(&mut talking(&flags, &["relay", "work", "results"]), input.as_bytes());
    assert_eq!(relayed.exits(0).stdout.len(), input.len());
}

#[test]
fn wrong_queues_are_mistakes_of_usage() {
    for (flags, says) in [
        (&["--queue", ""][..], "expected NAME"),
        (&["--queue", "a:x"], "\"x\" is no number of items"),
        (&["--queue", "a:1:2:3"], "expected NAME"),
        (&["--queue", "a\nb"], "is no name for a queue"),
        (&["--queue", "a", "--queue", "a"], "there is a queue \"a\" already"),
        (&["--queue", "a:1:10"], "holds no item"),
        (&["--feed", "a", "--stdin", "split"], "--feed takes our stdin"),
        (&["--interpreters", "0"], "expected COUNT"),
    ] {
        done(&mut talking(flags, &["smoke"])).exits(2).one_line().says(says);
    }
}

#[test]
fn the_examples_of_queues_and_interpreters_do_what_they_say() {
    run(
        root().join("examples/05-supervisor/supervisor.wasm"),
        &["-q", "--interpreters", "8"],
    )
    .exits(0)
    .prints(
        "part 3: deadline; once more\npart 5: trapped; once more\n\
             the squares of 0 to 7999 add up to 170634668000\n",
    );
}

#[test]
fn the_pipeline_counts_as_sort_and_uniq_do() {
    let texts = folder();
    for name in ["a.txt", "b.txt"] {
        let source = root().join("README.md");
        std::fs::copy(source, texts.path().join(name)).expect("copies");
    }
    let manifest = std::fs::read_to_string(root().join("examples/04-pipeline/pool.toml")).expect("reads");
    let manifest = manifest
        .replace("/usr/share/common-licenses::", &format!("{}::", texts.path().display()))
        .replace(
            "pipeline.wasm",
            &root().join("examples/04-pipeline/pipeline.wasm").display().to_string(),
        );
    let file = texts.path().join("pool.toml");
    std::fs::write(&file, manifest).expect("writes");
    let counted = fed(
        wasm_pool(["up".as_ref(), file.as_os_str()]).arg("-q"),
        b"a.txt\nb.txt\n",
    )
    .exits(0);
    let script = "cat \"$0\"/*.txt | tr -cs A-Za-z '\\n' | tr A-Z a-z | grep . | LC_ALL=C sort | uniq -c";
    let expected = tool("bash", &["-c", script, &texts.path().display().to_string()]);
    assert_eq!(counted.stdout, expected);
}
