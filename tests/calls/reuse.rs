//! What becomes of an interpreter between two calls.

use std::num::NonZeroU32;
use std::time::Duration;

use wasm_pool::calls::Returned;
use wasm_pool::value::Val;
use wasm_pool::{ByteSize, Executor, FutureError, Outcome, Path, Program, Reuse};

use crate::harness::eventually;
use crate::{COUNTER, LONG, PLUGIN, PLUGIN_WASI, builder, call, deadline, ended, number, submit, u32, ways};

const MEMORY: u32 = 1 << 20;

/// An executor with one interpreter.
fn one(program: &Program, path: Path, reuse: Reuse) -> Executor {
    let builder = builder(program).interpreters(1).path(path);
    builder.reuse(reuse).build().expect("an executor")
}

/// One that is kept, and whose calls have so long.
fn kept_within(time: Duration, program: &Program, path: Path) -> Executor {
    let builder = builder(program).interpreters(1).path(path).setup(deadline(time));
    builder.reuse(Reuse::ALWAYS).build().expect("an executor")
}

fn next(executor: &Executor) -> u32 {
    number(call(executor, "next", vec![]))
}

// CPython's workers keep what a task left behind: test_interpreter_pool.test_init_with___main___global.
#[test]
fn nothing_leaks_from_one_call_to_the_next_unless_somebody_wants_it() {
    for (program, path) in ways() {
        let executor = one(program, path, Reuse::default());
        for _ in 0..20 {
            assert_eq!(next(&executor), 1);
            assert_eq!(call(&executor, "setup", u32(7)), Ok(None));
            assert_eq!(number(call(&executor, "value", vec![])), 0);
            assert_eq!(number(call(&executor, "hold", u32(10))), 10);
        }
        // Within a batch too.
        let function = executor.function("next").expect("a function");
        let all = executor.submit_all(&function, vec![vec![]; 20]).expect("submits");
        assert_eq!(all.result(LONG), Ok(vec![Ok(Some(Val::U32(1))); 20]));
    }
}

#[test]
fn an_interpreter_that_is_kept_sees_what_the_last_call_left() {
    for (program, path) in ways() {
        let executor = one(program, path, Reuse::ALWAYS);
        assert_eq!(call(&executor, "setup", u32(7)), Ok(None));
        for calls in 1..=20 {
            assert_eq!(next(&executor), calls);
            assert_eq!(number(call(&executor, "value", vec![])), 7);
        }
    }
}

#[test]
fn an_interpreter_is_kept_for_so_many_calls() {
    for (program, path) in ways() {
        let reuse = Reuse::Always {
            calls: NonZeroU32::new(3),
            memory: None,
        };
        let executor = one(program, path, reuse);
        let seen: Vec<_> = (0..8).map(|_| next(&executor)).collect();
        assert_eq!(seen, [1, 2, 3, 1, 2, 3, 1, 2], "{path}");
        // A batch counts call by call.
        let function = executor.function("next").expect("a function");
        let all = executor
            .submit_all(&function, vec![vec![]; 4])
            .expect("submits")
            .result(LONG);
        let seen: Vec<_> = all.expect("well").into_iter().map(|result| value(&result)).collect();
        assert_eq!(seen, [3, 1, 2, 3], "{path}");
    }
}

#[track_caller]
fn value(result: &Result<Returned, Outcome>) -> u32 {
    match result {
        Ok(Some(Val::U32(value))) => *value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_interpreter_whose_memory_has_grown_too_large_is_not_kept() {
    for (program, path) in ways() {
        let reuse = Reuse::Always {
            calls: None,
            memory: Some(ByteSize::mib(4)),
        };
        let executor = one(program, path, reuse);
        assert_eq!(number(call(&executor, "hold", u32(MEMORY))), MEMORY);
        assert_eq!(number(call(&executor, "hold", u32(MEMORY))), 2 * MEMORY);
        // This call's result comes, and the interpreter goes.
        assert_eq!(number(call(&executor, "hold", u32(4 * MEMORY))), 6 * MEMORY);
        assert_eq!(number(call(&executor, "hold", u32(MEMORY))), MEMORY);
    }
}

#[test]
fn after_a_trap_a_deadline_or_a_kill_there_is_a_new_interpreter() {
    for (program, path) in ways() {
        let executor = kept_within(Duration::from_millis(500), program, path);
        assert_eq!((next(&executor), next(&executor)), (1, 2));
        assert!(matches!(ended(call(&executor, "trap", u32(17))), Outcome::Trapped(_)));
        assert_eq!((next(&executor), next(&executor)), (1, 2));
        assert!(matches!(ended(call(&executor, "spin", u32(23))), Outcome::Deadline(_)));
        assert_eq!((next(&executor), next(&executor)), (1, 2));
        let killed = submit(&executor, "spin", u32(23));
        eventually("it runs", || killed.running());
        killed.kill();
        assert!(matches!(killed.result(LONG), Err(FutureError::Ended(_))));
        assert_eq!((next(&executor), next(&executor)), (1, 2));
    }
}

/// executor.test_swallows_falsey_exceptions: an exit with 0 is no result either
#[test]
fn after_an_exit_there_is_a_new_interpreter_and_the_code_is_told() {
    let executor = one(&PLUGIN_WASI, Path::Auto, Reuse::ALWAYS);
    assert_eq!(next(&executor), 1);
    for code in [0, 1] {
        let outcome = ended(call(&executor, "leave", vec![Val::U8(code)]));
        assert_eq!(outcome, Outcome::Exited(code.into()));
        assert_eq!(next(&executor), 1);
    }
}

#[test]
fn a_call_that_fails_within_a_batch_fails_alone() {
    for (program, path) in ways() {
        let executor = kept_within(Duration::from_millis(500), program, path);
        for (name, fails) in [("trap", 17), ("spin", 23)] {
            let function = executor.function(name).expect("a function");
            let arguments = [1, fails, 2, fails, 3].map(u32).to_vec();
            let results = executor
                .submit_all(&function, arguments)
                .expect("submits")
                .result(LONG)
                .expect("all");
            assert_eq!([0, 2, 4].map(|at| value(&results[at])), [1, 2, 3]);
            for at in [1, 3] {
                let outcome = results[at].as_ref().expect_err("it failed");
                assert_eq!(outcome.label(), if name == "trap" { "trapped" } else { "deadline" });
            }
        }
    }
}

#[test]
fn interpreters_are_told_apart_by_program_and_by_path() {
    let executor = one(&PLUGIN, Path::Auto, Reuse::ALWAYS);
    let count = COUNTER.function("count").expect("a function");
    assert_eq!((next(&executor), next(&executor)), (1, 2));
    let counted = executor
        .submit(&count, vec![Val::S32(5)])
        .expect("submits")
        .result(LONG);
    assert_eq!(counted, Ok(Some(Val::S32(5))));
    // There is one place, and another program's interpreter took it.
    assert_eq!(next(&executor), 1);
}

#[test]
fn fresh_interpreters_with_wasi_draw_their_own_randomness() {
    let executor = one(&PLUGIN_WASI, Path::Auto, Reuse::Fresh);
    let mut drawn: Vec<_> = (0..20)
        .map(|_| format!("{:?}", call(&executor, "random", vec![])))
        .collect();
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 20);
}

#[test]
fn a_snapshot_of_deep_text_needs_no_deep_stack() {
    let (open, close) = ("(component ".repeat(90), ")".repeat(90));
    let source = format!(
        r#"(component
        {open}{close}
        (core module $m (memory 1) (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#
    );
    let pool = crate::pool();
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    let snapshot = thread.spawn(move || {
        wasm_pool::calls::snapshot(&pool, "deep", source.as_bytes(), "f()", &wasm_pool::Limits::default()).is_ok()
    });
    assert!(snapshot.expect("starts").join().expect("ends"));
}
