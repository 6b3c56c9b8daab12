//! What each interpreter runs before its first call.

use std::num::NonZeroU32;
use std::time::Duration;

use wasm_pool::calls::{ExecutorBuilder, Pending};
use wasm_pool::value::Val;
use wasm_pool::{ErrorKind, FutureError, Outcome, Path, Reuse};

use crate::harness::eventually;
use crate::{LONG, PLUGIN, PLUGIN_WASI, builder, call, deadline, ended, gate, number, submit, u32, wat};

fn paths() -> [ExecutorBuilder; 3] {
    [
        builder(&PLUGIN).path(Path::Direct),
        builder(&PLUGIN).path(Path::Fiber),
        builder(&PLUGIN_WASI),
    ]
}

/// test_init.InitializerMixin.test_initializer, test_interpreter_pool.InterpreterPoolExecutorTest.test_init_func
#[test]
fn every_interpreter_runs_its_initializer_first() {
    for builder in paths() {
        let executor = builder.initializer("setup", u32(7)).build().expect("an executor");
        for _ in 0..10 {
            assert_eq!(number(call(&executor, "value", vec![])), 7);
            // Fresh ones do each time.
            assert_eq!(call(&executor, "setup", u32(8)), Ok(None));
        }
    }
}

#[test]
fn it_runs_once_in_each_and_does_not_count_as_a_call() {
    let counts = wat(
        r#"(module (global $inits (mut i32) (i32.const 0)) (global $calls (mut i32) (i32.const 0))
        (func (export "init") (param i32) (global.set $inits (i32.add (global.get $inits) (local.get 0))))
        (func (export "get") (result i32 i32)
          (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
          (global.get $inits) (global.get $calls)))"#,
    );
    for path in [Path::Direct, Path::Fiber] {
        let reuse = Reuse::Always {
            calls: NonZeroU32::new(3),
            memory: None,
        };
        let builder = builder(&counts).path(path).reuse(reuse).interpreters(1);
        let executor = builder.initializer("init", crate::s32(5)).build().expect("an executor");
        for calls in [1, 2, 3, 1, 2, 3] {
            let both = Val::Tuple(vec![Val::S32(5), Val::S32(calls)]);
            assert_eq!(call(&executor, "get", vec![]), Ok(Some(both)));
        }
    }
}

/// test_init.FailingInitializerMixin.test_initializer,
/// test_interpreter_pool.InterpreterPoolExecutorTest.test_init_exception_in_func
#[test]
fn when_it_fails_the_executor_is_broken_and_says_so() {
    for builder in paths() {
        let executor = builder
            .interpreters(1)
            .initializer("setup-fails", vec![])
            .build()
            .expect("an executor");
        let nothing = executor.function("nothing").expect("a function");
        // None of these calls anything, so that the next ones wait.
        let (hold, held) = gate(&executor, &nothing);
        let waiting: Vec<_> = (0..5).map(|_| submit(&executor, "nothing", vec![])).collect();
        let all = executor.submit_all(&nothing, vec![vec![]; 3]).expect("submits");
        drop(hold);
        assert_eq!(held.result(LONG), Ok(()));
        for future in waiting {
            let why = future.result(LONG).expect_err("is broken");
            assert!(matches!(why, FutureError::Broken(_)), "{why:?}");
            let why = why.to_string();
            assert!(
                why.starts_with("the executor is broken: its initializer failed: trapped: "),
                "{why}"
            );
        }
        assert!(matches!(all.result(LONG), Err(FutureError::Broken(_))));
        let refused = executor.submit(&nothing, vec![]).expect_err("is broken");
        assert_eq!(refused.kind(), ErrorKind::Broken);
        assert!(
            refused
                .to_string()
                .starts_with("the executor is broken: its initializer failed: trapped: "),
            "{refused}"
        );
        let mapped = executor
            .map(&nothing, vec![vec![]])
            .next()
            .expect("an error")
            .expect_err("is broken");
        assert_eq!(mapped.to_string(), refused.to_string());
        executor.shutdown(Pending::Run);
        assert_eq!(
            executor.submit(&nothing, vec![]).expect_err("is broken").kind(),
            ErrorKind::Broken
        );
        assert_eq!((executor.pool().alive(), executor.pool().budget().used()), (0, 0));
    }
}

#[test]
fn one_that_does_not_end_fails_at_its_deadline() {
    for builder in paths() {
        let setup = deadline(Duration::from_millis(50));
        let executor = builder
            .setup(setup)
            .initializer("spin", u32(23))
            .build()
            .expect("an executor");
        let why = call(&executor, "nothing", vec![]).expect_err("is broken");
        assert!(
            matches!(&why, FutureError::Broken(why) if why.contains("deadline")),
            "{why:?}"
        );
    }
}

#[test]
fn a_kill_or_a_shutdown_during_it_breaks_nothing() {
    for builder in paths() {
        let executor = builder.initializer("spin", u32(23)).build().expect("an executor");
        for _ in 0..3 {
            let future = submit(&executor, "nothing", vec![]);
            eventually("it runs", || future.running());
            future.kill();
            assert_eq!(ended(future.result(LONG)), Outcome::Killed);
        }
        let future = submit(&executor, "nothing", vec![]);
        eventually("it runs", || future.running());
        executor.pool().kill_all();
        assert_eq!(ended(future.result(LONG)), Outcome::Killed);
        let nothing = executor.function("nothing").expect("a function");
        assert_eq!(
            executor.submit(&nothing, vec![]).expect_err("closed").kind(),
            ErrorKind::Closed
        );
    }
}

/// test_interpreter_pool.InterpreterPoolExecutorTest.test_init_closure: CPython notices at the first call only
#[test]
fn one_that_the_program_does_not_have_is_refused_when_the_executor_is_made() {
    for (name, arguments) in [
        ("set-up", vec![]),
        ("setup", vec![]),
        ("setup", vec![Val::U32(1), Val::U32(2)]),
        ("name", vec![]),
    ] {
        let error = builder(&PLUGIN)
            .initializer(name, arguments)
            .build()
            .expect_err("refuses");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
}

#[test]
fn one_that_returns_an_error_has_failed() {
    for builder in paths() {
        let bad = Val::String("bad luck".to_owned());
        let executor = builder.initializer("fails", vec![bad]).build().expect("an executor");
        let broken = call(&executor, "value", vec![]);
        assert!(
            matches!(&broken, Err(FutureError::Broken(why)) if why.contains(r#"returned the error "\"bad luck\" is bad""#)),
            "{broken:?}"
        );
    }
}
