//! Where calls run.

use std::time::{Duration, Instant};

use wasm_pool::value::Val;
use wasm_pool::{ErrorKind, Executor, Outcome, Path, Pool, Setup};

use crate::harness::eventually;
use crate::{ENGINE, LONG, NUMBERS, PLUGIN, PLUGIN_WASI, builder, call, ended, pool, submit, u32};

#[test]
fn what_never_waits_is_called_directly_and_what_can_wait_on_a_fiber() {
    for (program, asked, path) in [
        (&*PLUGIN, Path::Auto, Path::Direct),
        (&*PLUGIN, Path::Direct, Path::Direct),
        (&*PLUGIN, Path::Fiber, Path::Fiber),
        (&*NUMBERS, Path::Auto, Path::Direct),
        (&*PLUGIN_WASI, Path::Auto, Path::Fiber),
        (&*PLUGIN_WASI, Path::Fiber, Path::Fiber),
    ] {
        let executor = builder(program).path(asked).build().expect("an executor");
        assert_eq!(executor.path(), path, "{} {asked}", program.name());
        let add = executor.function("add").expect("a function");
        let sum = executor
            .submit(&add, vec![Val::S32(2), Val::S32(3)])
            .expect("submits")
            .result(LONG);
        assert_eq!(sum, Ok(Some(Val::S32(5))));
    }
}

#[test]
fn what_can_wait_is_not_called_directly() {
    let error = builder(&PLUGIN_WASI).path(Path::Direct).build().expect_err("refuses");
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("it can wait"), "{error}");
    // Nor when it comes as another program's function.
    let executor = builder(&PLUGIN).path(Path::Direct).build().expect("an executor");
    let pause = PLUGIN_WASI.function("pause").expect("a function");
    assert_eq!(
        executor.submit(&pause, u32(1)).expect_err("refuses").kind(),
        ErrorKind::Usage
    );
}

#[test]
fn calls_that_hold_their_threads_do_not_stop_lives_on_the_workers() {
    let pool = pool();
    let executor = Executor::builder(&pool, &PLUGIN)
        .path(Path::Direct)
        .build()
        .expect("an executor");
    let spinning: Vec<_> = (0..2).map(|_| submit(&executor, "spin", u32(23))).collect();
    eventually("they run", || spinning.iter().all(wasm_pool::Future::running));
    let command = crate::wat(r#"(module (func (export "_start")))"#);
    for _ in 0..20 {
        let ending = pool.run(&command, Setup::default()).expect("starts");
        assert_eq!(ending.outcome, Outcome::Exited(0));
    }
    let fibers = Executor::builder(&pool, &PLUGIN_WASI).build().expect("an executor");
    assert_eq!(call(&fibers, "pause", u32(1)), Ok(None));
    for future in &spinning {
        assert!(!future.done());
        future.kill();
        assert_eq!(ended(future.result(LONG)), Outcome::Killed);
    }
}

#[test]
fn on_fibers_calls_that_compute_give_way_and_calls_that_wait_hold_no_thread() {
    let pool = Pool::builder(&ENGINE).workers(1).build().expect("a pool");
    let executor = Executor::builder(&pool, &PLUGIN_WASI)
        .interpreters(64)
        .build()
        .expect("an executor");
    let spinning = submit(&executor, "spin", u32(23));
    eventually("it runs", || spinning.running());
    let began = Instant::now();
    let paused: Vec<_> = (0..60).map(|_| submit(&executor, "pause", u32(200))).collect();
    assert!(paused.iter().all(|future| future.result(LONG) == Ok(None)));
    // One after another would take 12 seconds.
    assert!(began.elapsed() < Duration::from_secs(8));
    assert!(!spinning.done() && spinning.kill());
    assert_eq!(ended(spinning.result(LONG)), Outcome::Killed);
}

#[test]
fn one_executor_may_take_both_paths() {
    let executor = builder(&PLUGIN).interpreters(3).build().expect("an executor");
    let pause = PLUGIN_WASI.function("pause").expect("a function");
    let futures: Vec<_> = (0..200)
        .map(|number| match number % 3 {
            0 => executor.submit(&pause, u32(0)).expect("submits"),
            _ => submit(&executor, "spin", u32(number + 100)),
        })
        .collect();
    for (number, future) in (0..).zip(&futures) {
        let right = if number % 3 == 0 {
            None
        } else {
            Some(Val::U32(number + 100))
        };
        assert_eq!(future.result(LONG), Ok(right));
    }
}
