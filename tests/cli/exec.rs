//! `wasm-pool exec`, `python` and `js`: source text in interpreters, here of the small language that a test guest speaks.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::harness::*;

/// `wasm-pool exec --program TALKER FLAGS…`
fn exec(args: &[&str]) -> Command {
    let mut command = wasm_pool(["exec", "--program"]);
    command.arg(root().join("tests/guests/talker.wasm")).args(args);
    command
}

/// A script in a file.
fn script(text: &str) -> tempfile::NamedTempFile {
    file(text.as_bytes(), ".talk")
}

#[test]
fn runs_texts_in_order_in_one_interpreter() {
    done(&mut exec(&["-q", "-c", "a = 1", "-c", "b = a + 41", "-c", "show b"]))
        .exits(0)
        .prints("Some(42)\n");
    let (one, two) = (script("a = 1\nshow file"), script("b = a + 1\nshow b\nshow file"));
    let done = done(exec(&["-q"]).arg(one.path()).arg(two.path())).exits(0);
    let (one, two) = (one.path().display(), two.path().display());
    assert_eq!(done.stdout, format!("{one}\nSome(2)\n{two}\n"));
}

#[test]
fn a_script_is_told_its_name_and_its_arguments() {
    let script = script("show args\nshow file");
    let name = script.path().display().to_string();
    let done_file = done(
        exec(&["-q", "-n", "2", "-o", "prefix"])
            .arg(&name)
            .args(["--", "-x", "i{instance}"]),
    )
    .exits(0);
    let expected = [
        format!("[0] {name}"),
        format!("[0] [\"talker\", {name:?}, \"-x\", \"i0\"]"),
        format!("[1] {name}"),
        format!("[1] [\"talker\", {name:?}, \"-x\", \"i1\"]"),
    ];
    assert_eq!(done_file.lines(), expected);
    done(&mut exec(&["-q", "-c", "show args\nshow file", "--", "a b"]))
        .exits(0)
        .prints("[\"talker\", \"-c\", \"a b\"]\nno file\n");
    fed(&mut exec(&["-q", "-"]), b"show args\nshow file")
        .exits(0)
        .prints("[\"talker\", \"-\"]\nno file\n");
}

#[test]
fn an_uncaught_error_is_shown_as_its_language_shows_it() {
    let failing = "print before\nraise no\x1b[2J more\nprint after";
    let said = "line \"raise no\\u{1b}[2J more\" raised:\nRuntimeError: no\\u{1b}[2J more\n";
    let done_one = done(&mut exec(&["-c", failing, "-c", "print never"]))
        .exits(1)
        .prints("before\n");
    assert!(done_one.stderr.starts_with(said), "{done_one:#?}");
    assert!(done_one.stderr.contains("talker#0  failed "), "{done_one:#?}");
    assert!(
        done_one
            .stderr
            .contains("RuntimeError: no\\u{1b}[2J more\n1 instance: 0 ok, 1 failed"),
        "{done_one:#?}"
    );
    // What has nothing to show is its kind and its message.
    done(&mut exec(&["-q", "-c", "a = b + 1"]))
        .exits(1)
        .says("NameError: b\n");
    // Of several, each line is behind the name.
    let two = done(&mut exec(&["-q", "-n", "2", "-c", "raise x"])).exits(1);
    for name in ["talker#0: ", "talker#1: "] {
        assert!(two.stderr.contains(&format!("{name}RuntimeError: x\n")), "{two:#?}");
    }
}

#[test]
fn the_report_has_what_failed_and_where() {
    let done = done(&mut exec(&["--report", "json", "-c", "raise x"])).exits(1);
    let guest: serde_json::Value = done
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|line| line["type"] == "guest")
        .expect("a guest");
    assert_eq!(
        (&guest["outcome"], &guest["detail"], &guest["ok"], &guest["backtrace"]),
        (
            &"failed".into(),
            &"RuntimeError: x".into(),
            &false.into(),
            &serde_json::json!(["line \"raise x\""])
        )
    );
}

#[test]
fn a_script_ends_itself_with_its_code() {
    for (code, exit, said) in [
        ("0", 0, ""),
        ("7", 7, ""),
        ("263", 7, ""),
        ("256", 0, ""),
        ("not here", 1, "not here\n"),
    ] {
        let done = done(&mut exec(&["-q", "-c", &format!("print a\nexit {code}\nprint b")])).exits(exit);
        assert_eq!((&*done.stdout, &*done.stderr), ("a\n", said), "exit {code}");
    }
}

#[test]
fn a_script_without_end_ends_at_its_limit_and_others_go_on() {
    let done_deadline = done(&mut exec(&["--deadline", "300ms", "-c", "print a\nspin"]))
        .exits(124)
        .prints("a\n");
    assert!(
        done_deadline.stderr.contains("--deadline raises it"),
        "{done_deadline:#?}"
    );
    done(&mut exec(&["--cpu-time", "300ms", "-c", "spin"]))
        .exits(134)
        .says("limit(cpu-time)");
    done(&mut exec(&["-c", "trap"])).exits(134).says("trapped");
    done(&mut exec(&[
        "--output-limit",
        "10B",
        "-c",
        "raise this is longer than that",
    ]))
    .exits(134)
    .says("limit(output)");
    let mut both = exec(&["-q", "-n", "2", "--deadline", "1s", "--stdin", "split", "-c", "read"]);
    fed(&mut both, b"x\n").exits(0).prints("read x\n");
}

#[test]
fn fail_fast_ends_the_others() {
    // One takes the only item and fails; the other waits for one that never comes.
    let mut command = exec(&[
        "-n",
        "2",
        "--fail-fast",
        "--grace",
        "100ms",
        "--feed",
        "work",
        "-c",
        "take work\nraise x",
    ]);
    let began = Instant::now();
    let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"item\n").expect("writes");
    let done = finish(child, began).exits(1);
    drop(stdin);
    for said in ["failed", "killed", "0 ok, 2 failed"] {
        assert!(done.stderr.contains(said), "{said} {done:#?}");
    }
}

#[test]
fn lines_come_while_the_script_runs_and_a_signal_ends_it() {
    let mut child = exec(&["--grace", "100ms", "-c", "print first\nspin"])
        .spawn()
        .expect("starts");
    let began = Instant::now();
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut first)
        .expect("reads");
    assert_eq!(first, "first\n");
    signal(&child, rustix::process::Signal::INT);
    let done = finish(child, began).exits(130);
    assert!(done.stderr.contains("killed"), "{done:#?}");
}

#[test]
fn a_script_reads_what_it_is_given() {
    fed(&mut exec(&["-q", "--stdin", "inherit", "-c", "read"]), b"a\nb\n")
        .exits(0)
        .prints("read a\nread b\n");
    fed(&mut exec(&["-q", "-c", "read"]), b"a\n").exits(0).prints("");
    for flags in [&["--stdin", "inherit", "-"][..], &["--feed", "work", "-"]] {
        fed(&mut exec(flags), b"")
            .exits(2)
            .one_line()
            .says("stdin is already the script (`-`)");
    }
}

#[test]
fn queues_are_fed_and_drained_as_for_commands() {
    let mut relay = exec(&[
        "-q",
        "-n",
        "3",
        "--feed",
        "work",
        "--drain",
        "results",
        "-c",
        "copy work results",
    ]);
    let done = fed(&mut relay, b"a\nb\nc\n").exits(0);
    assert_eq!(done.lines(), ["a", "b", "c"]);
}

#[test]
fn children_are_granted_unless_they_are_not() {
    done(&mut exec(&["-q", "-c", "child x = 1"])).exits(0).prints("");
    let refused = done(&mut exec(&["-q", "--interpreters", "none", "-c", "child x = 1"])).exits(1);
    assert!(refused.stderr.contains("--interpreters grants it"), "{refused:#?}");
    done(&mut exec(&["-q", "--interpreters", "1", "-c", "child child x = 1"])).exits(1);
    done(&mut exec(&["-q", "-n", "100", "-c", "child x = 1"])).exits(0);
}

#[test]
fn a_folder_with_modules_is_granted_and_named() {
    let modules = folder();
    std::fs::write(modules.path().join("helper.talk"), "").expect("writes");
    let mut command = exec(&["-q", "--py-path"]);
    command.arg(modules.path());
    done(command.args([
        "--env",
        "PYTHONPATH=/more",
        "-c",
        "show env PYTHONPATH\nlist /py-path/0",
    ]))
    .exits(0)
    .prints("/py-path/0:/more\nhelper.talk\n");
    let missing = modules.path().join("no-such");
    done(exec(&["--py-path"]).arg(&missing).args(["-c", "a = 1"]))
        .exits(66)
        .one_line()
        .says("no-such");
}

#[test]
fn what_cannot_be_run_is_one_line() {
    let text = script("\u{feff}print a");
    let wrong = file(b"print \xff", ".talk");
    let folder = folder();
    for (args, code, said) in [
        (vec!["/no/such.talk".to_owned()], 66, "/no/such.talk: No such file"),
        (vec![folder.path().display().to_string()], 66, "found a folder"),
        (vec![wrong.path().display().to_string()], 66, "its byte 6 is not"),
        (vec![], 2, "nothing to run"),
        (
            vec!["-c".to_owned(), "a".to_owned(), text.path().display().to_string()],
            2,
            "cannot be used with",
        ),
    ] {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        done(&mut exec(&args)).exits(code).one_line().says(said);
    }
    let probe = probe_p1().display().to_string();
    for (args, code, said) in [
        (&["exec", "-c", "a"][..], 2, "--lang"),
        (
            &["exec", "--lang", "cobol", "-c", "a"],
            2,
            "the languages are python and js",
        ),
        (&["exec", "--lang", &probe, "-c", "a"], 65, "it cannot be called"),
        (&["exec", "--lang", "js", "--py-path", ".", "-c", "a"], 2, "--py-path"),
        (&["lang"], 2, "lang"),
        (&["lang", "install", "cobol"], 2, "the languages are python and js"),
    ] {
        done(&mut wasm_pool(args)).exits(code).one_line().says(said);
    }
}
