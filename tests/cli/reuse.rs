//! `wasm-pool map`: which interpreters make the calls, how they are made ready, and where they run.

use crate::harness::*;
use crate::map::{TOGETHER, map};

#[test]
fn reuse_is_what_was_asked_for() {
    for (policy, calls) in [
        ("fresh", "1\n1\n1\n1\n"),
        ("clean", "1\n1\n1\n1\n"),
        ("always", "1\n2\n3\n4\n"),
        ("always:1", "1\n1\n1\n1\n"),
        ("always:3", "1\n2\n3\n1\n"),
        ("always:64MiB", "1\n2\n3\n4\n"),
        ("always:1B", "1\n1\n1\n1\n"),
        ("always:2:64MiB", "1\n2\n1\n2\n"),
    ] {
        let args = [&["-q", "--reuse", policy][..], &TOGETHER, &["next"]].concat();
        map(plugin(), &args, "[]\n[]\n[]\n[]\n").exits(0).prints(calls);
    }
    let grown = map(
        plugin(),
        &["-q", "-w", "1", "--reuse", "always:2MiB", "hold"],
        "3000000\n1\n1\n",
    );
    grown.exits(0).prints("3000000\n1\n2\n");
    for policy in ["", "never", "fresh:3", "always:", "always:x", "always:1:2:3", "ALWAYS"] {
        map(plugin(), &["--reuse", policy, "next"], "")
            .exits(2)
            .one_line()
            .says("--reuse <POLICY>");
    }
}

#[test]
fn whatever_failed_is_not_used_again() {
    let guest = wat(r#"(module (global $calls (mut i32) (i32.const 0))
            (func (export "next") (param i32) (result i32)
              (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
              (if (i32.eq (local.get 0) (i32.const 17)) (then (unreachable)))
              (global.get $calls)))"#);
    let args = [&["-q", "--reuse", "always"][..], &TOGETHER, &["next"]].concat();
    let done = map(guest.path(), &args, "0\n0\n17\n0\n0\n").exits(1);
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!([lines[0], lines[1], lines[3], lines[4]], ["1", "2", "1", "2"]);
}

#[test]
fn the_initializer_runs_in_every_interpreter() {
    map(plugin(), &["-q", "--initializer", "setup(7)", "value"], "[]\n[]\n[]\n")
        .exits(0)
        .prints("7\n7\n7\n");
    map(
        plugin(),
        &["-q", "--initializer", "setup-fails()", "value"],
        "[]\n[]\n[]\n",
    )
    .exits(134)
    .prints("")
    .one_line()
    .says("plugin: its initializer failed: trapped");
    let args = ["-q", "--deadline", "100ms", "--initializer", "spin(23)", "value"];
    map(plugin(), &args, "[]\n")
        .exits(134)
        .one_line()
        .says("its initializer failed: deadline");
    for (initializer, says) in [("nope()", "no function \"nope\""), ("setup(\"x\")", "setup: func")] {
        map(plugin(), &["--initializer", initializer, "value"], "[]\n")
            .exits(2)
            .one_line()
            .says(says);
    }
}

#[test]
fn the_executor_can_be_forced_where_the_guest_allows_it() {
    for path in ["auto", "direct", "fiber"] {
        map(plugin(), &["-q", "--executor", path, "add"], "[1, 2]\n")
            .exits(0)
            .prints("3\n");
    }
    map(plugin_wasi(), &["--executor", "direct", "add"], "[1, 2]\n")
        .exits(2)
        .prints("")
        .one_line()
        .says("cannot be called directly");
    map(plugin(), &["--executor", "threads", "add"], "")
        .exits(2)
        .one_line()
        .says("expected auto, direct or fiber");
}
