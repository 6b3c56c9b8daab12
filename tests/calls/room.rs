//! How much may wait, and how many may run.

use std::time::{Duration, Instant};

use wasm_pool::value::Val;
use wasm_pool::{Engine, Error, ErrorKind, Executor, Pool, Program, Setup};

use crate::harness::{SPIN, eventually};
use crate::{LONG, PLUGIN, builder, call, gate, on, u32};

/// An engine for four interpreters, a pool, and a program.
pub(crate) fn small() -> (Pool, Program) {
    let engine = Engine::builder().instances(4).build().expect("an engine");
    let program = on(&engine, SPIN);
    (Pool::builder(&engine).workers(2).build().expect("a pool"), program)
}

#[test]
fn when_too_much_waits_the_next_is_refused_at_once() {
    let executor = builder(&PLUGIN)
        .interpreters(1)
        .waiting(2)
        .build()
        .expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, _held) = gate(&executor, &nothing);
    let waiting = [(); 2].map(|()| executor.submit(&nothing, vec![]).expect("there is room"));
    let began = Instant::now();
    let error = executor.submit(&nothing, vec![]).expect_err("refuses");
    assert_eq!(error.kind(), ErrorKind::Saturated);
    assert!(error.to_string().contains("1 run and 2 wait"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(1));
    drop(hold);
    assert!(waiting.iter().all(|future| future.result(LONG) == Ok(None)));
    assert_eq!(call(&executor, "nothing", vec![]), Ok(None));
}

#[test]
fn whoever_has_a_result_finds_room_for_the_next_call() {
    for path in [wasm_pool::Path::Direct, wasm_pool::Path::Fiber] {
        let builder = builder(&PLUGIN).path(path).interpreters(1).waiting(0);
        let executor = builder.build().expect("an executor");
        for at in 0..500 {
            assert_eq!(call(&executor, "spin", u32(at + 100)), Ok(Some(Val::U32(at + 100))));
            assert!(call(&executor, "trap", u32(17)).is_err());
        }
    }
}

#[test]
fn patience_waits_for_room_and_no_longer() {
    let patience = Duration::from_millis(50);
    let executor = builder(&PLUGIN)
        .interpreters(1)
        .waiting(0)
        .patience(patience)
        .build()
        .expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, _held) = gate(&executor, &nothing);
    let began = Instant::now();
    let error = executor.submit(&nothing, vec![]).expect_err("refuses");
    assert_eq!(error.kind(), ErrorKind::Saturated);
    assert!(began.elapsed() >= patience);
    drop(hold);

    let patient = builder(&PLUGIN)
        .interpreters(1)
        .waiting(1)
        .patience(Duration::MAX)
        .build()
        .expect("an executor");
    let (hold, _held) = gate(&patient, &nothing);
    std::thread::scope(|scope| {
        let submitting: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    patient
                        .submit(&nothing, vec![])
                        .expect("there is room in the end")
                        .result(LONG)
                })
            })
            .collect();
        drop(hold);
        for thread in submitting {
            assert_eq!(thread.join().expect("ends"), Ok(None));
        }
    });
}

#[test]
fn who_waits_for_room_hears_of_the_shutdown() {
    let executor = builder(&PLUGIN)
        .interpreters(1)
        .waiting(0)
        .patience(Duration::MAX)
        .build()
        .expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (_hold, _held) = gate(&executor, &nothing);
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel::<Error>();
        let (handle, nothing) = (executor.clone(), nothing.clone());
        scope.spawn(move || {
            let refused = handle.submit(&nothing, vec![]).expect_err("closes");
            sender.send(refused).expect("somebody listens");
        });
        assert!(receiver.recv_timeout(Duration::from_millis(20)).is_err());
        executor.close(wasm_pool::calls::Pending::Run);
        let refused = receiver.recv_timeout(crate::harness::PATIENCE).expect("comes");
        assert_eq!(refused.kind(), ErrorKind::Closed);
    });
}

#[test]
fn more_interpreters_than_the_engine_was_made_for_are_refused() {
    let (pool, program) = small();
    let build = |interpreters| Executor::builder(&pool, &program).interpreters(interpreters).build();
    for too_many in [5, usize::MAX] {
        assert_eq!(build(too_many).expect_err("refuses").kind(), ErrorKind::Unfit);
    }
    let first = build(3).expect("fits");
    // There may be room later.
    assert_eq!(build(2).expect_err("refuses").kind(), ErrorKind::Saturated);
    let second = build(1).expect("fits");
    // Their places are kept, whether somebody sits there or not.
    let refused = pool.spawn(&program, Setup::default()).expect_err("refuses");
    assert_eq!(refused.kind(), ErrorKind::Saturated);
    drop((first, second));
    build(4).expect("fits again");
    let life = pool.spawn(&program, Setup::default()).expect("fits again");
    life.kill();
    life.join();
}

#[test]
fn calls_that_run_on_keep_their_places_when_their_executor_is_dropped() {
    let (pool, program) = small();
    let start = program.function("_start").expect("a function");
    let executor = Executor::builder(&pool, &program)
        .interpreters(4)
        .build()
        .expect("fits");
    let futures: Vec<_> = (0..4)
        .map(|_| executor.submit(&start, vec![]).expect("submits"))
        .collect();
    eventually("some run", || {
        futures.iter().filter(|future| future.running()).count() >= 2
    });
    drop(executor);
    let build = || Executor::builder(&pool, &program).interpreters(4).build();
    assert_eq!(build().expect_err("refuses").kind(), ErrorKind::Saturated);
    for future in &futures {
        future.kill();
        assert!(future.wait(LONG));
    }
    eventually("their places are free", || build().is_ok());
}
