//! `InterpreterPoolExecutor`: how many interpreters there are, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasm_pool::calls::{Batch, Returned};
use wasm_pool::value::Val;
use wasm_pool::{ErrorKind, Executor, Outcome, Reuse};

use crate::harness::eventually;
use crate::{COUNTER, LONG, PLUGIN, PLUGIN_WASI, builder, call, executor, number, pool, rests, submit, u32};

/// executor.test_submit, test_submit_keyword; test_interpreter_pool.InterpreterPoolExecutorTest.test_submit_closure and its kin
/// have nothing here that could fail: arguments are values
#[test]
fn what_is_submitted_runs() {
    let executor = executor(&PLUGIN);
    assert_eq!(
        call(&executor, "add", vec![Val::S32(2), Val::S32(8)]),
        Ok(Some(Val::S32(10)))
    );
    let greeting = call(&executor, "greet", vec![Val::String("self".to_owned())]);
    assert_eq!(greeting, Ok(Some(Val::String("Hello, self!".to_owned()))));
}

/// test_thread_pool.test_default_workers
#[test]
fn there_are_as_many_interpreters_as_workers_and_four_more_where_a_call_can_wait() {
    let pool = pool();
    let pure = Executor::new(&pool, &PLUGIN).expect("an executor");
    let waits = Executor::new(&pool, &PLUGIN_WASI).expect("an executor");
    assert_eq!((pure.interpreters(), waits.interpreters()), (2, 6));
}

/// executor.test_max_workers_negative
#[test]
fn an_executor_without_interpreters_is_refused() {
    let error = builder(&PLUGIN).interpreters(0).build().expect_err("refuses");
    assert_eq!(error.kind(), ErrorKind::Usage);
}

/// test_interpreter_pool.InterpreterPoolExecutorTest.test_idle_thread_reuse
#[test]
fn interpreters_are_made_when_they_are_needed_and_idle_ones_are_used_again() {
    let executor = builder(&PLUGIN)
        .interpreters(8)
        .reuse(Reuse::ALWAYS)
        .build()
        .expect("an executor");
    let pool = executor.pool();
    assert_eq!((pool.alive(), pool.budget().used()), (0, 0));
    let mut one = 0;
    for calls in 1..=20 {
        assert_eq!(number(call(&executor, "next", vec![])), calls);
        rests(&executor);
        one = if calls == 1 { pool.budget().used() } else { one };
        assert_eq!((pool.alive(), pool.budget().used()), (0, one));
    }
    assert!(one > 0);
}

/// Counts how many of its kind run at once.
struct Counted {
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    left: u32,
}

impl Batch for Counted {
    type Output = ();

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        arguments.push(Val::S32(20_000));
        true
    }

    fn done(&mut self, _: Result<Returned, Outcome>) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    fn finish(self) {}
}

/// test_interpreter_pool.InterpreterPoolExecutorTest.test_saturation
#[test]
fn never_more_calls_run_at_once_than_there_are_interpreters() {
    for interpreters in [1, 2, 3] {
        let executor = builder(&COUNTER)
            .interpreters(interpreters)
            .path(wasm_pool::Path::Fiber)
            .build()
            .expect("an executor");
        let count = COUNTER.function("count").expect("a function");
        let (running, most) = (Arc::default(), Arc::default());
        let futures: Vec<_> = (0..100)
            .map(|_| {
                let batch = Counted {
                    running: Arc::clone(&running),
                    most: Arc::clone(&most),
                    left: 3,
                };
                executor.submit_batch(&count, batch).expect("submits")
            })
            .collect();
        assert!(futures.iter().all(|future| future.result(LONG).is_ok()));
        let most = most.load(Ordering::SeqCst);
        assert!((1..=interpreters).contains(&most), "{most} of {interpreters}");
    }
}

#[test]
fn a_program_of_another_engine_is_refused() {
    let (other, program) = crate::room::small();
    let error = Executor::new(&pool(), &program).expect_err("refuses");
    assert_eq!(error.kind(), ErrorKind::Refused);
    // Nor are its functions called: nobody would stop them.
    let start = program.function("_start").expect("a function");
    let executor = executor(&PLUGIN);
    assert_eq!(
        executor.submit(&start, vec![]).expect_err("refuses").kind(),
        ErrorKind::Refused
    );
    drop(other);
}

#[test]
fn limits_that_the_engine_was_not_made_with_are_refused() {
    let limits = wasm_pool::Limits {
        fuel: Some(1),
        ..wasm_pool::Limits::default()
    };
    let error = builder(&PLUGIN)
        .setup(crate::within(limits))
        .build()
        .expect_err("refuses");
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn an_executor_leaves_nothing_behind() {
    let pool = pool();
    for _ in 0..10 {
        let executor = Executor::builder(&pool, &PLUGIN)
            .interpreters(4)
            .reuse(Reuse::ALWAYS)
            .build()
            .expect("fits");
        let futures: Vec<_> = (0..50).map(|at| submit(&executor, "trap", u32(at))).collect();
        let trapped = futures.iter().filter(|future| future.result(LONG).is_err()).count();
        assert_eq!(trapped, 1);
        drop(executor);
        eventually("nothing is left", || (pool.alive(), pool.budget().used()) == (0, 0));
    }
}
