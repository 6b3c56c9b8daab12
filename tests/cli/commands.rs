//! `run`: guests that run unmodified, their exit codes, the instances that they are.

use crate::harness::*;

#[test]
fn runs_core_modules_and_components() {
    for probe in probes() {
        run(probe, &["-q", "--", "args", "a", "b c"])
            .exits(0)
            .prints("a\nb c\n");
    }
}

#[test]
fn runs_text_format_and_stdin() {
    let hello = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\03\00\00\00hi\0a")
        (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))))"#;
    run(wat(hello), &["-q"]).exits(0).prints("hi\n");
    fed(&mut wasm_pool(["run", "-", "-q"]), hello.as_bytes())
        .exits(0)
        .prints("hi\n");
    let binary = std::fs::read(probe_p2()).expect("reads");
    fed(&mut wasm_pool(["run", "-", "-q", "--", "args", "x"]), &binary)
        .exits(0)
        .prints("x\n");
}

#[test]
fn keeps_the_guests_exit_code() {
    run(probe_p1(), &["--", "exit", "7"]).exits(7).says("exited(7)");
    run(probe_p1(), &["--", "exit", "200"]).exits(125).says("exited(200)");
    // WASI 0.2 commands can say yes or no and nothing else.
    run(probe_p2(), &["--", "exit", "7"]).exits(1).says("exited(1)");
}

#[test]
fn tells_each_instance_its_number() {
    for probe in probes() {
        let done = run(probe, &["-n", "3", "-q", "--env", "I=<{instance}>", "--", "env"]).exits(0);
        let mut expected = Vec::new();
        for number in 0..3 {
            expected.extend([format!("I=<{number}>"), format!("WASM_POOL_INSTANCE={number}")]);
            expected.push("WASM_POOL_INSTANCES=3".to_owned());
        }
        expected.sort();
        assert_eq!(done.lines(), expected);
    }
    let done = run(probe_p1(), &["-n", "2", "-q", "--", "args", "part-{instance}"]).exits(0);
    assert_eq!(done.lines(), ["part-0", "part-1"]);
}

#[test]
fn traps_end_one_guest_with_its_reason() {
    let divide = r#"(module (memory (export "memory") 1) (func $half (export "_start") (drop (i32.div_u (i32.const 1) (i32.const 0)))))"#;
    run(wat(divide), &[])
        .exits(134)
        .says("trapped")
        .says("integer divide by zero in half");
    for probe in probes() {
        run(probe, &["--", "panic", "so it is"])
            .exits(134)
            .says("so it is")
            .says("unreachable");
    }
}

#[test]
fn lists_every_guest_and_exits_as_the_first_that_failed() {
    // 0 and 2 are well, 1 exits with 1, as the shell of its arguments decides.
    let by_number = r#"(module
        (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        ;; WASM_POOL_INSTANCE=n is the first variable: n is its 20th byte.
        (func (export "_start")
          (drop (call $get (i32.const 0) (i32.const 100)))
          (call $exit (i32.sub (i32.load8_u (i32.const 119)) (i32.const 48)))))"#;
    let guest = wat(by_number);
    for _ in 0..2 {
        let done = run(&guest, &["-n", "4"]).exits(1);
        for number in 0..4 {
            assert!(done.stderr.contains(&format!("exited({number})")), "{done:#?}");
        }
        done.says("4 instances: 1 ok, 3 failed");
    }
}

#[test]
fn fail_fast_ends_the_rest() {
    let first_exits = r#"(module
        (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
          (drop (call $get (i32.const 0) (i32.const 100)))
          (if (i32.eq (i32.load8_u (i32.const 119)) (i32.const 50)) (then (call $exit (i32.const 9))))
          (loop (br 0))))"#;
    let done = run(wat(first_exits), &["-n", "3", "--fail-fast"]).exits(9);
    assert_eq!(done.stderr.matches("killed").count(), 2, "{done:#?}");
}

#[test]
fn many_more_instances_than_workers() {
    let done = run(probe_p1(), &["-n", "300", "-w", "2", "-q", "--", "args", "x"]).exits(0);
    assert_eq!(done.stdout, "x\n".repeat(300));
}

#[test]
fn refuses_more_instances_than_the_machine_holds_before_it_starts() {
    run(probe_p1(), &["-n", "4000000000", "--", "args", "x"])
        .exits(2)
        .one_line()
        .says("4000000000 instances at once are more than this machine can hold")
        .says("max_map_count")
        .prints("");
    run(probe_p1(), &["-n", "10", "--pool-memory", "1MiB", "--", "args", "x"])
        .exits(2)
        .one_line()
        .says("pool-memory limit of 1MiB")
        .prints("");
}
