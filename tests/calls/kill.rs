//! What CPython has not: a call that runs can be ended, and nobody else is.

use std::time::{Duration, Instant};

use wasm_pool::calls::Returned;
use wasm_pool::value::Val;
use wasm_pool::{Executor, Future, FutureError, Outcome, Path, Program, Reuse, Wait};

use crate::harness::eventually;
use crate::{COUNTER, Dice, LONG, PLUGIN, PLUGIN_WASI, builder, call, ended, gate, rests, s32, submit, u32};

#[test]
fn a_call_that_loops_for_ever_is_ended_on_both_paths() {
    for (program, path) in [
        (&*PLUGIN, Path::Direct),
        (&*PLUGIN, Path::Fiber),
        (&*PLUGIN_WASI, Path::Auto),
    ] {
        let executor = builder(program)
            .path(path)
            .interpreters(1)
            .build()
            .expect("an executor");
        let future = submit(&executor, "spin", u32(23));
        eventually("it runs", || future.running());
        let killed = Instant::now();
        assert!(future.kill());
        assert_eq!(ended(future.result(LONG)), Outcome::Killed);
        assert!(killed.elapsed() < Duration::from_secs(2));
        // Twice does no harm, and nobody hears of it.
        assert!(!future.kill());
        assert_eq!(call(&executor, "spin", u32(5)), Ok(Some(Val::U32(5))));
    }
}

#[test]
fn a_call_that_waits_is_ended_without_waiting() {
    let executor = builder(&PLUGIN_WASI).interpreters(1).build().expect("an executor");
    let future = submit(&executor, "pause", u32(600_000));
    eventually("it runs", || future.running());
    assert!(future.kill());
    assert_eq!(ended(future.result(LONG)), Outcome::Killed);
    assert_eq!(call(&executor, "pause", u32(1)), Ok(None));
}

#[test]
fn killing_what_has_not_begun_cancels_it() {
    let executor = builder(&PLUGIN).interpreters(1).build().expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, held) = gate(&executor, &nothing);
    let pending = submit(&executor, "spin", u32(23));
    assert!(pending.kill() && pending.kill() && pending.cancelled());
    drop(hold);
    assert_eq!(pending.result(LONG), Err(FutureError::Cancelled));
    assert!(held.wait(LONG));
}

#[test]
fn a_batch_that_is_killed_has_no_result_and_makes_no_more_calls() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&PLUGIN)
            .path(path)
            .interpreters(1)
            .build()
            .expect("an executor");
        let spin = executor.function("spin").expect("a function");
        let future = executor
            .submit_all(&spin, vec![u32(1), u32(23), u32(2)])
            .expect("submits");
        eventually("it runs", || future.running());
        assert!(future.kill());
        assert_eq!(ended(future.result(LONG)), Outcome::Killed);
    }
}

/// How one that may have been killed can end.
#[track_caller]
fn right(future: &Future<Returned>, number: i32, victim: bool) -> bool {
    match future.result(LONG) {
        Ok(Some(Val::S32(given))) if given == number => false,
        Err(FutureError::Cancelled | FutureError::Ended(Outcome::Killed)) if victim => true,
        other => panic!("{number}, to be killed: {victim}: {other:?}"),
    }
}

/// Submits 2,000 calls and kills half of them while they wait, run or are done; how many of them it ended.
fn kills_at_random(executor: &Executor, program: &Program, lengths: u64) -> usize {
    let count = program.function("count").expect("a function");
    let mut dice = Dice::new();
    let mut ended = 0;
    // In waves, so that many are killed while they run.
    for _ in 0..50 {
        let wave: Vec<_> = (0..40)
            .map(|_| {
                let number = dice.below(lengths) as i32;
                let future = executor.submit(&count, s32(number)).expect("submits");
                (future, number, dice.below(2) == 0)
            })
            .collect();
        for (future, _, victim) in &wave {
            if *victim {
                if dice.below(4) == 0 {
                    std::thread::park_timeout(Duration::from_micros(dice.below(300)));
                }
                future.kill();
            }
        }
        for (future, number, victim) in &wave {
            ended += usize::from(right(future, *number, *victim));
            // One result, for good.
            assert_eq!(future.result(Wait::No), future.result(Wait::No));
        }
    }
    ended
}

#[test]
fn random_kills_end_nobody_else() {
    for path in [Path::Direct, Path::Fiber] {
        for reuse in [Reuse::Fresh, Reuse::ALWAYS] {
            let executor = builder(&COUNTER)
                .path(path)
                .reuse(reuse)
                .interpreters(4)
                .build()
                .expect("an executor");
            let ended = kills_at_random(&executor, &COUNTER, 100_000);
            assert!(ended > 0, "{path} {reuse}");
            rests(&executor);
            executor.shutdown(wasm_pool::calls::Pending::Run);
            let pool = executor.pool();
            assert_eq!((pool.alive(), pool.budget().used()), (0, 0), "{path} {reuse}");
        }
    }
}

#[test]
fn random_kills_of_calls_that_wait_end_nobody_else() {
    let executor = builder(&PLUGIN_WASI)
        .reuse(Reuse::ALWAYS)
        .interpreters(8)
        .build()
        .expect("an executor");
    let mut dice = Dice::new();
    let futures: Vec<_> = (0..2_000)
        .map(|_| {
            (
                submit(&executor, "pause", u32(dice.below(3) as u32)),
                dice.below(2) == 0,
            )
        })
        .collect();
    for (future, victim) in &futures {
        if *victim {
            if dice.below(8) == 0 {
                std::thread::park_timeout(Duration::from_micros(dice.below(500)));
            }
            future.kill();
        }
    }
    for (future, victim) in &futures {
        match future.result(LONG) {
            Ok(None) => {}
            Err(FutureError::Cancelled | FutureError::Ended(Outcome::Killed)) if *victim => {}
            other => panic!("to be killed: {victim}: {other:?}"),
        }
    }
}

#[test]
fn a_kill_that_races_with_the_end_ends_no_call_after_it() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&COUNTER)
            .path(path)
            .reuse(Reuse::ALWAYS)
            .interpreters(1)
            .build()
            .expect("an executor");
        let count = COUNTER.function("count").expect("a function");
        let mut dice = Dice::new();
        for _ in 0..1_000 {
            let first = executor.submit(&count, s32(500)).expect("submits");
            let second = executor.submit(&count, s32(7)).expect("submits");
            for _ in 0..dice.below(2_000) {
                std::hint::spin_loop();
            }
            first.kill();
            right(&first, 500, true);
            assert!(!right(&second, 7, false));
        }
    }
}
