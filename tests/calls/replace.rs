//! One program takes over from another.

use std::sync::atomic::{AtomicBool, Ordering};

use wasm_pool::value::Val;
use wasm_pool::{Engine, ErrorKind, Executor, Limits, Outcome, Path, Program, Reuse};

use crate::harness::eventually;
use crate::{ENGINE, LONG, PLUGIN_WASI, builder, call, ended, gate, load, on, rests, submit, u32, wat};

/// A program that says which one it is.
fn version(number: i32) -> Program {
    wat(&format!(
        r#"(module (func (export "version") (result i32) (i32.const {number})))"#
    ))
}

fn says(executor: &Executor) -> Option<Val> {
    call(executor, "version", vec![]).expect("well")
}

#[test]
fn new_calls_go_to_the_new_program_and_old_ones_finish_on_the_old() {
    for path in [Path::Direct, Path::Fiber] {
        for reuse in [Reuse::Fresh, Reuse::ALWAYS] {
            let (first, second) = (version(1), version(2));
            let executor = builder(&first)
                .path(path)
                .interpreters(1)
                .reuse(reuse)
                .build()
                .expect("an executor");
            assert_eq!(says(&executor), Some(Val::S32(1)));
            let old = executor.function("version").expect("a function");
            let (hold, _held) = gate(&executor, &old);
            let before: Vec<_> = (0..3).map(|_| submit(&executor, "version", vec![])).collect();
            executor.replace(&second).expect("takes over");
            assert_eq!(executor.program(), second);
            let after: Vec<_> = (0..3).map(|_| submit(&executor, "version", vec![])).collect();
            drop(hold);
            for (futures, version) in [(before, 1), (after, 2)] {
                assert!(
                    futures
                        .iter()
                        .all(|future| future.result(LONG) == Ok(Some(Val::S32(version))))
                );
            }
            // A function is its program's.
            let called = executor.submit(&old, vec![]).expect("submits").result(LONG);
            assert_eq!((called, says(&executor)), (Ok(Some(Val::S32(1))), Some(Val::S32(2))));
            // And back.
            executor.replace(&first).expect("takes over");
            assert_eq!(says(&executor), Some(Val::S32(1)));
        }
    }
}

#[test]
fn a_call_that_runs_is_not_disturbed() {
    let executor = builder(&PLUGIN_WASI).build().expect("an executor");
    let spins = submit(&executor, "spin", u32(23));
    let pauses = submit(&executor, "pause", u32(100));
    eventually("both run", || spins.running() && pauses.running());
    executor.replace(&load("plugin-wasi.wasm")).expect("takes over");
    assert_eq!(pauses.result(LONG), Ok(None));
    assert!(spins.running() && spins.kill());
    assert_eq!(ended(spins.result(LONG)), Outcome::Killed);
    assert_eq!(call(&executor, "pause", u32(0)), Ok(None));
}

#[test]
fn a_replacement_that_does_not_fit_changes_nothing() {
    let first = version(1);
    let builder = builder(&first).path(Path::Direct);
    let executor = builder.initializer("version", vec![]).build().expect("an executor");
    assert_eq!(says(&executor), Some(Val::S32(1)));
    let other = Engine::builder().instances(2).build().expect("an engine");
    let same = r#"(module (func (export "version") (result i32) (i32.const 3)))"#;
    let waits = r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "version") (result i32) (i32.const 3)))"#;
    for (program, kind, says) in [
        (wat("(module)"), ErrorKind::Usage, "no function \"version\""),
        (
            wat(r#"(module (func (export "version")))"#),
            ErrorKind::Usage,
            "version",
        ),
        (wat(waits), ErrorKind::Usage, "it can wait"),
        (on(&other, same), ErrorKind::Refused, "another engine"),
    ] {
        let error = executor.replace(&program).expect_err("refuses");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(executor.program(), first);
        assert_eq!(self::says(&executor), Some(Val::S32(1)));
    }
}

#[test]
fn only_functions_that_were_called_by_name_must_be_there() {
    let first = wat(r#"(module (func (export "a")) (func (export "b") (param i32)))"#);
    let executor = builder(&first).build().expect("an executor");
    executor.function("a").expect("a function");
    executor
        .replace(&wat(r#"(module (func (export "a")))"#))
        .expect("takes over");
    // What was found before is looked for again.
    let missing = executor.replace(&wat(r#"(module (func (export "b") (param i32)))"#));
    assert_eq!(missing.expect_err("refuses").kind(), ErrorKind::Usage);
    let other = executor.replace(&wat(r#"(module (func (export "a") (param i64)))"#));
    let says = other.expect_err("refuses").to_string();
    assert!(says.contains("it has a: ") && says.contains("where a: "), "{says}");
}

#[test]
fn the_initializer_is_the_new_program_s() {
    let with = |number: i32| {
        wat(&format!(
            r#"(module (global $set (mut i32) (i32.const 0))
              (func (export "init") (global.set $set (i32.const {number})))
              (func (export "version") (result i32) (global.get $set)))"#
        ))
    };
    let executor = builder(&with(1))
        .reuse(Reuse::ALWAYS)
        .initializer("init", vec![])
        .build()
        .expect("an executor");
    assert_eq!(says(&executor), Some(Val::S32(1)));
    executor.replace(&with(2)).expect("takes over");
    assert_eq!(says(&executor), Some(Val::S32(2)));
    let without = version(3);
    assert_eq!(
        executor.replace(&without).expect_err("refuses").kind(),
        ErrorKind::Usage
    );
}

#[test]
fn replacing_beside_calls_from_many_threads_loses_none() {
    let executor = builder(&version(0))
        .interpreters(4)
        .reuse(Reuse::ALWAYS)
        .build()
        .expect("an executor");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let calling: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let (mut last, mut calls) = (0, 0);
                    while !over.load(Ordering::SeqCst) {
                        let Some(Val::S32(version)) = says(&executor) else {
                            panic!("a version")
                        };
                        // Never back.
                        assert!(version >= last);
                        (last, calls) = (version, calls + 1);
                    }
                    calls
                })
            })
            .collect();
        for number in 1..=30 {
            executor.replace(&version(number)).expect("takes over");
            assert_eq!(says(&executor), Some(Val::S32(number)));
        }
        over.store(true, Ordering::SeqCst);
        assert!(calling.into_iter().all(|thread| thread.join().expect("ends") > 0));
    });
    rests(&executor);
    executor.shutdown(wasm_pool::calls::Pending::Run);
    assert_eq!((executor.pool().alive(), executor.pool().budget().used()), (0, 0));
}

#[test]
fn a_program_that_is_loaded_beside_running_calls_takes_over() {
    let executor = builder(&crate::PLUGIN).build().expect("an executor");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let path = crate::harness::root().join("tests/guests/plugin.wasm");
        let limits = Limits::default();
        let load = Program::from_file_async(&ENGINE, path, &limits);
        let calls = async { submit(&executor, "spin", u32(5)).await };
        let (program, called) = futures_util::future::join(load, calls).await;
        assert_eq!(called, Ok(Some(Val::U32(5))));
        executor.replace(&program.expect("a program")).expect("takes over");
        assert_eq!(submit(&executor, "spin", u32(6)).await, Ok(Some(Val::U32(6))));
    });
}
