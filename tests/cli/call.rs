//! `wasm-pool call`: how a call is written, what is printed, and what is said of one that goes wrong.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use rustix::process::Signal;

use crate::harness::*;

/// Runs `wasm-pool call GUEST ARGS…`.
fn call(guest: impl AsRef<Path>, args: &[&str]) -> Done {
    done(wasm_pool([OsStr::new("call"), guest.as_ref().as_os_str()]).args(args))
}

fn numbers() -> std::path::PathBuf {
    root().join("tests/guests/numbers.wat")
}

#[test]
fn calls_as_wave_has_them_and_prints_wave() {
    call(plugin(), &["distance({x: 1, y: 2}, {x: 4, y: 6})"])
        .exits(0)
        .prints("5\n");
    call(plugin(), &["greet(\"Bob\")"]).exits(0).prints("\"Hello, Bob!\"\n");
    call(plugin(), &["nothing()"]).exits(0).prints("");
    call(plugin(), &["centroid([])"]).exits(0).prints("none\n");
    call(numbers(), &["swap(1, 2)"]).exits(0).prints("(2, 1)\n");
}

#[test]
fn takes_arguments_as_json_and_prints_json() {
    call(plugin(), &["distance", r#"{"x": 1, "y": 2}"#, r#"{"x": 4, "y": 6}"#])
        .exits(0)
        .prints("5.0\n");
    call(plugin(), &["add", "1", "-2"]).exits(0).prints("-1\n");
    call(plugin(), &["centroid", "[]"]).exits(0).prints("null\n");
    call(plugin(), &["u64", "18446744073709551615"])
        .exits(0)
        .prints("18446744073709551615\n");
    call(numbers(), &["swap", "1", "-9223372036854775808"])
        .exits(0)
        .prints("[-9223372036854775808,1]\n");
}

#[test]
fn the_format_of_the_result_can_be_chosen() {
    call(plugin(), &["-f", "json", "strings([\"a\"])"])
        .exits(0)
        .prints("[\"a\"]\n");
    call(plugin(), &["--format", "wave", "option", "7"])
        .exits(0)
        .prints("some(7)\n");
}

#[test]
fn bytes_can_be_base64() {
    call(plugin(), &["--bytes", "base64", "bytes", "\"AQID\""])
        .exits(0)
        .prints("\"AQID\"\n");
    call(plugin(), &["bytes", "[1, 2, 3]"]).exits(0).prints("[1,2,3]\n");
    for wrong in ["\"AQI\"", "[1, 2]"] {
        call(plugin(), &["--bytes", "base64", "bytes", wrong])
            .exits(2)
            .one_line()
            .says("value: expected base64 text");
    }
}

#[test]
fn a_function_of_an_interface_is_found_by_any_name_that_is_its_alone() {
    for name in ["demo:plugin/kinds@0.1.0#name", "demo:plugin/kinds#name", "kinds#name"] {
        call(plugin(), &[&format!("{name}()")]).exits(0).prints("\"kinds\"\n");
        call(plugin(), &[name]).exits(0).prints("\"kinds\"\n");
    }
    for call_of in ["name", "name()"] {
        call(plugin(), &[call_of])
            .exits(2)
            .one_line()
            .says("\"name\" can be any of")
            .says("demo:plugin/geometry@0.1.0#name")
            .says("demo:plugin/kinds@0.1.0#name");
    }
}

#[test]
fn an_unknown_function_is_refused_with_those_that_there_are() {
    for call_of in ["nofunc", "nofunc()"] {
        call(plugin(), &[call_of])
            .exits(2)
            .one_line()
            .says("plugin: no function \"nofunc\"; it exports \"add\", \"greet\"");
    }
    call(plugin(), &["no\u{1b}[2Jfunc()"])
        .exits(2)
        .one_line()
        .says("\\u{1b}[2J");
    call(numbers(), &["take"])
        .exits(2)
        .one_line()
        .says("\"take\" cannot be called from here");
}

#[test]
fn a_wrong_number_of_arguments_is_refused() {
    for (args, says) in [
        (&["add", "1"][..], "expected 2 arguments, found 1"),
        (&["add", "1", "2", "3"], "expected 2 arguments, found 3"),
        (&["add", "[1, 2]"], "expected 2 arguments, found 1"),
        (&["greet"], "expected 1 argument, found 0"),
        (&["nothing", "1"], "expected 0 arguments, found 1"),
        (&["add(1)"], "add: func(a: s32, b: s32) -> s32"),
        (&["add(1, 2, 3)"], "add: func(a: s32, b: s32) -> s32"),
    ] {
        call(plugin(), args).exits(2).one_line().says(says);
    }
}

#[test]
fn a_wrong_argument_is_refused_with_its_place() {
    for (args, says) in [
        (&["add", "\"x\"", "2"][..], "a: expected s32, found the string \"x\""),
        (&["bytes", "[1, 2, 300]"], "value[2]: expected u8, found the number 300"),
        (&["add", "{\"a\": 1", "2"], "a: no JSON: EOF while parsing an object"),
        (&["greet", "Bob"], "name: no JSON, where text stands in double quotes"),
        (&["add(1,"], "unexpected end of input"),
        (&["add(1, 2) x"], "trailing characters"),
        (&["setup(\"x\")"], "at `\"x\"`"),
    ] {
        call(plugin(), args).exits(2).one_line().says(says);
    }
    call(numbers(), &["add", "1.5", "2"]).exits(2).one_line().says("1.5");
    call(numbers(), &["add", "5000000000", "2"])
        .exits(2)
        .one_line()
        .says("5000000000");
}

#[test]
fn an_error_that_is_returned_is_said_and_exits_with_1() {
    call(plugin(), &["fails(\"good\")"]).exits(0).prints("4\n");
    for args in [&["fails(\"bad\")"][..], &["fails", "\"bad\""]] {
        call(plugin(), args)
            .exits(1)
            .prints("")
            .one_line()
            .says("fails: it returned an error: \"\\\"bad\\\" is bad\"");
    }
    call(plugin(), &["bare-result(ok)"]).exits(0).prints("");
    call(plugin(), &["bare-result(err)"])
        .exits(1)
        .one_line()
        .says("it returned an error");
}

#[test]
fn a_call_that_is_ended_says_why() {
    call(plugin(), &["trap(17)"])
        .exits(134)
        .one_line()
        .says("trap: trapped");
    for (args, code, says) in [
        (["--deadline", "100ms"], 124, "--deadline raises it"),
        (["--cpu-time", "100ms"], 134, "--cpu-time raises it"),
        (["--fuel", "1000"], 134, "--fuel raises it"),
    ] {
        call(plugin(), &[&args[..], &["spin(23)"]].concat())
            .exits(code)
            .prints("")
            .one_line()
            .says(says);
    }
    call(plugin(), &["--memory", "2MiB", "hold(4000000)"])
        .exits(134)
        .one_line()
        .says("--memory raises it");
    for code in ["0", "3"] {
        call(plugin_wasi(), &["leave", code])
            .exits(1)
            .one_line()
            .says("it ended itself before it gave a result");
    }
}

#[test]
fn what_the_guest_prints_goes_to_stderr() {
    let done = call(plugin_wasi(), &["print(\"hi\\u{1b}there\")"]).exits(0).prints("");
    assert_eq!(done.stderr, "hi\\u{1b}there\n");
}

#[test]
fn nothing_is_granted_unless_said() {
    call(plugin_wasi(), &["env(\"PATH\")"]).exits(0).prints("none\n");
    call(plugin_wasi(), &["--env", "PATH=here", "env(\"PATH\")"])
        .exits(0)
        .prints("some(\"here\")\n");
}

#[test]
fn the_initializer_comes_first() {
    call(plugin(), &["--initializer", "setup(7)", "value()"])
        .exits(0)
        .prints("7\n");
    call(plugin(), &["--initializer", "setup-fails()", "value()"])
        .exits(134)
        .prints("")
        .one_line()
        .says("plugin: its initializer failed: trapped");
    for (initializer, says) in [
        ("nope()", "no function \"nope\""),
        ("setup", "\"setup\" is no call"),
        ("setup()", "setup: func(value: u32)"),
        ("setup(\"x\")", "setup: func(value: u32)"),
    ] {
        call(plugin(), &["--initializer", initializer, "value()"])
            .exits(2)
            .one_line()
            .says(says);
    }
}

#[test]
fn the_executor_can_be_chosen_where_the_guest_allows_it() {
    for path in ["auto", "direct", "fiber"] {
        call(plugin(), &["--executor", path, "add(1, 2)"])
            .exits(0)
            .prints("3\n");
    }
    for path in ["auto", "fiber"] {
        call(plugin_wasi(), &["--executor", path, "add(1, 2)"])
            .exits(0)
            .prints("3\n");
    }
    call(plugin_wasi(), &["--executor", "direct", "add(1, 2)"])
        .exits(2)
        .one_line()
        .says("wasi:io/poll")
        .says("cannot be called directly");
    call(plugin(), &["--executor", "threads", "add(1, 2)"])
        .exits(2)
        .one_line()
        .says("expected auto, direct or fiber");
}

#[test]
fn the_guest_can_come_from_stdin_and_must_be_one() {
    let bytes = std::fs::read(plugin()).expect("reads");
    fed(&mut wasm_pool(["call", "-", "add(1, 2)"]), &bytes)
        .exits(0)
        .prints("3\n");
    call("missing.wasm", &["add(1, 2)"])
        .exits(66)
        .one_line()
        .says("missing.wasm");
    call("/", &["add(1, 2)"]).exits(66).one_line();
    call("/etc/passwd", &["add(1, 2)"]).exits(65).one_line();
    done(&mut wasm_pool(["call"])).exits(2).one_line().says("<GUEST>");
}

#[test]
fn a_full_disk_is_said() {
    let full = std::fs::File::create("/dev/full").expect("opens");
    let mut command = wasm_pool([OsStr::new("call"), plugin().as_os_str(), OsStr::new("big(10)")]);
    done(command.stdout(Stdio::from(full)))
        .exits(74)
        .one_line()
        .says("stdout");
}

#[test]
fn a_signal_gives_grace_and_the_second_ends_the_call() {
    use std::io::BufRead;
    let run = |grace: &str| {
        // A call of which one can see that it has begun.
        let guest = wat(SAYS_GO_AND_SPINS);
        let began = Instant::now();
        let mut child = wasm_pool([OsStr::new("call"), guest.path().as_os_str()])
            .args(["--grace", grace, "go", "23"])
            .spawn()
            .expect("starts");
        let mut stderr = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("a line");
        assert_eq!(line, "go\n");
        (child, began, stderr)
    };
    let (child, began, _) = run("50ms");
    signal(&child, Signal::TERM);
    finish(child, began).exits(143).prints("");

    let (child, began, mut stderr) = run("1h");
    signal(&child, Signal::INT);
    let mut note = String::new();
    stderr.read_line(&mut note).expect("a line");
    assert!(note.contains("the call has 1h to end"), "{note}");
    signal(&child, Signal::INT);
    finish(child, began).exits(130).prints("");
    let rest: Vec<String> = stderr.lines().map_while(Result::ok).collect();
    assert!(rest.len() == 1 && rest[0].contains("go: killed"), "{rest:?}");
}

#[test]
fn refuses_flags_that_it_does_not_know_wherever_they_stand() {
    for (args, says) in [
        (&["spin(23)", "--deadlin", "200ms"][..], "--deadlin"),
        (
            &["add(1, 2)", "3"][..],
            "behind a call that has its arguments in its parentheses",
        ),
    ] {
        call(plugin(), args).exits(2).one_line().says(says);
    }
    // Those that it knows may stand behind the arguments, which may be negative.
    call(plugin(), &["add", "-1", "2", "--deadline", "10s"])
        .exits(0)
        .prints("1\n");
}

#[test]
fn names_the_function_that_may_have_been_meant() {
    call(plugin(), &["distence()"])
        .exits(2)
        .one_line()
        .says(r#"did you mean "demo:plugin/geometry@0.1.0#distance"?"#);
}
