//! How long a call may take.

use std::time::{Duration, Instant};

use wasm_pool::value::Val;
use wasm_pool::{Engine, Executor, LimitKind, Limits, Outcome, Path, Pool, Reuse};

use crate::{LONG, PLUGIN, PLUGIN_WASI, builder, call, deadline, ended, limit, on, submit, u32, ways, within};

/// Longer than any of the small calls takes on a busy machine.
const SHORT: Duration = Duration::from_millis(200);

#[test]
fn a_deadline_ends_a_call_that_computes_on_every_path() {
    for (program, path) in ways() {
        let executor = builder(program)
            .path(path)
            .setup(deadline(SHORT))
            .build()
            .expect("an executor");
        let began = Instant::now();
        assert_eq!(ended(call(&executor, "spin", u32(23))), Outcome::Deadline(SHORT));
        assert!(began.elapsed() >= SHORT && began.elapsed() < Duration::from_secs(5));
        assert_eq!(call(&executor, "spin", u32(5)), Ok(Some(Val::U32(5))));
    }
}

#[test]
fn a_deadline_ends_a_call_that_waits() {
    let executor = builder(&PLUGIN_WASI)
        .setup(deadline(SHORT))
        .build()
        .expect("an executor");
    let began = Instant::now();
    assert_eq!(ended(call(&executor, "pause", u32(600_000))), Outcome::Deadline(SHORT));
    assert!(began.elapsed() >= SHORT && began.elapsed() < Duration::from_secs(5));
    assert_eq!(call(&executor, "pause", u32(0)), Ok(None));
}

#[test]
fn a_deadline_is_each_call_s_own_and_not_its_interpreter_s() {
    // Together they take longer than the deadline, and each much less.
    let setup = deadline(Duration::from_secs(2));
    let executor = builder(&PLUGIN_WASI)
        .interpreters(1)
        .reuse(Reuse::ALWAYS)
        .setup(setup)
        .build()
        .expect("fits");
    let pause = executor.function("pause").expect("a function");
    let all = executor.submit_all(&pause, vec![u32(500); 5]).expect("submits");
    assert_eq!(all.result(LONG), Ok(vec![Ok(None); 5]));
    let count = crate::COUNTER.function("count").expect("a function");
    for path in [Path::Direct, Path::Fiber] {
        let setup = deadline(Duration::from_millis(1_500));
        let executor = builder(&crate::COUNTER)
            .path(path)
            .reuse(Reuse::ALWAYS)
            .setup(setup)
            .build()
            .expect("fits");
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1_800) {
            let counted = executor
                .submit(&count, crate::s32(3_000_000))
                .expect("submits")
                .result(LONG);
            assert_eq!(counted, Ok(Some(Val::S32(3_000_000))));
        }
    }
}

#[test]
fn waiting_for_an_interpreter_is_no_part_of_a_call_s_time() {
    let setup = deadline(Duration::from_millis(300));
    let executor = builder(&PLUGIN)
        .interpreters(1)
        .setup(setup)
        .build()
        .expect("an executor");
    let spinning: Vec<_> = (0..4).map(|_| submit(&executor, "spin", u32(23))).collect();
    let last = submit(&executor, "spin", u32(5));
    assert!(
        spinning
            .iter()
            .all(|future| matches!(ended(future.result(LONG)), Outcome::Deadline(_)))
    );
    assert_eq!(last.result(LONG), Ok(Some(Val::U32(5))));
}

#[test]
fn a_deadline_may_be_nothing_or_for_ever() {
    for (program, path) in ways() {
        for none in [Duration::ZERO, Duration::from_nanos(1)] {
            let executor = builder(program)
                .path(path)
                .setup(deadline(none))
                .build()
                .expect("an executor");
            assert_eq!(ended(call(&executor, "spin", u32(23))), Outcome::Deadline(none));
        }
        for ever in [Some(Duration::MAX), Some(Duration::from_nanos(u64::MAX)), None] {
            let limits = Limits {
                deadline: ever,
                cpu_time: ever,
                ..Limits::default()
            };
            let executor = builder(program)
                .path(path)
                .setup(within(limits))
                .build()
                .expect("an executor");
            assert_eq!(call(&executor, "spin", u32(5)), Ok(Some(Val::U32(5))));
        }
    }
}

#[test]
fn processor_time_ends_a_call_and_counts_for_each_anew() {
    let limits = Limits {
        cpu_time: Some(SHORT),
        ..Limits::default()
    };
    for (program, path) in ways() {
        let setup = within(limits.clone());
        let executor = builder(program)
            .path(path)
            .reuse(Reuse::ALWAYS)
            .setup(setup)
            .build()
            .expect("an executor");
        for _ in 0..2 {
            assert_eq!(limit(call(&executor, "spin", u32(23))), LimitKind::CpuTime);
            assert_eq!(call(&executor, "spin", u32(5)), Ok(Some(Val::U32(5))));
        }
    }
    // Who waits uses none.
    let executor = builder(&PLUGIN_WASI)
        .setup(within(limits))
        .build()
        .expect("an executor");
    assert_eq!(call(&executor, "pause", u32(150)), Ok(None));
}

#[test]
fn fuel_is_each_call_s_own() {
    let limits = Limits {
        fuel: Some(100_000),
        ..Limits::default()
    };
    let engine = Engine::builder().limits(&limits).build().expect("an engine");
    let counter = r#"(module (func (export "count") (param i32)
        (loop $next (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;
    let program = on(&engine, counter);
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    for path in [Path::Direct, Path::Fiber] {
        let builder = Executor::builder(&pool, &program)
            .path(path)
            .interpreters(1)
            .reuse(Reuse::ALWAYS);
        let executor = builder.setup(within(limits.clone())).build().expect("an executor");
        // Ten times what one may use.
        let count = executor.function("count").expect("a function");
        let all = executor
            .submit_all(&count, vec![crate::s32(10_000); 20])
            .expect("submits");
        assert_eq!(all.result(LONG), Ok(vec![Ok(None); 20]));
        let too_long = executor
            .submit(&count, crate::s32(1_000_000))
            .expect("submits")
            .result(LONG);
        assert_eq!(limit(too_long), LimitKind::Fuel);
        assert_eq!(
            executor.submit(&count, crate::s32(10)).expect("submits").result(LONG),
            Ok(None)
        );
    }
}
