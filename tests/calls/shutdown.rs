//! How executors and their pools end. CPython runs its tests of this for threads and processes only.

use std::time::{Duration, Instant};

use wasm_pool::calls::Pending;
use wasm_pool::value::Val;
use wasm_pool::{ErrorKind, Executor, FutureError, Outcome, Path, Reuse, Shutdown, Wait};

use crate::harness::eventually;
use crate::{LONG, PLUGIN, PLUGIN_WASI, builder, call, ended, executor, gate, pool, rests, submit, u32};

/// executor.test_shutdown_race_issue12456, test_shutdown.test_run_after_shutdown, test_hang_issue12364
#[test]
fn after_a_shutdown_nothing_is_taken_and_what_was_taken_has_run() {
    let executor = executor(&PLUGIN);
    let futures: Vec<_> = (0..50).map(|at| submit(&executor, "spin", u32(at + 100))).collect();
    executor.shutdown(Pending::Run);
    assert!(
        futures
            .iter()
            .all(|future| future.done() && future.result(Wait::No).is_ok())
    );
    assert_eq!(executor.pool().budget().used(), 0);
    let nothing = executor.function("nothing").expect("a function");
    let refused = executor.submit(&nothing, vec![]).expect_err("refuses");
    assert_eq!(refused.kind(), ErrorKind::Closed);
    assert!(executor.submit_all(&nothing, vec![vec![]]).is_err());
    let typed = executor.submit_typed(|_, _| Box::pin(async { Ok(()) }));
    assert_eq!(typed.expect_err("refuses").kind(), ErrorKind::Closed);
    let caller = executor.caller(|_, _| Ok(()));
    assert_eq!(caller.expect_err("refuses").kind(), ErrorKind::Closed);
    // As often as one likes, and with another word for what waits.
    executor.shutdown(Pending::Run);
    executor.shutdown(Pending::Cancel);
}

/// test_shutdown.test_cancel_futures
#[test]
fn a_shutdown_that_cancels_lets_what_runs_finish() {
    let executor = builder(&PLUGIN).interpreters(1).build().expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, held) = gate(&executor, &nothing);
    let waiting: Vec<_> = (0..50).map(|at| submit(&executor, "spin", u32(at + 100))).collect();
    executor.close(Pending::Cancel);
    assert!(
        waiting
            .iter()
            .all(|future| future.result(Wait::No) == Err(FutureError::Cancelled))
    );
    // Whoever waits for them hears of it.
    let waited = wasm_pool::calls::wait(waiting, wasm_pool::calls::ReturnWhen::AllCompleted, Wait::No);
    assert_eq!(waited.not_done.len(), 0);
    assert!(!held.done());
    drop(hold);
    executor.shutdown(Pending::Cancel);
    assert_eq!(held.result(Wait::No), Ok(()));
}

/// test_shutdown.ThreadPoolShutdownTest.test_shutdown_no_wait, test_cancel_futures_wait_false
#[test]
fn closing_waits_for_nobody_and_shutting_down_waits_for_all() {
    let executor = builder(&PLUGIN).interpreters(1).build().expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, _held) = gate(&executor, &nothing);
    let last = submit(&executor, "spin", u32(1));
    executor.close(Pending::Run);
    assert!(!last.done());
    std::thread::scope(|scope| {
        let shutting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| executor.shutdown(Pending::Run)))
            .collect();
        drop(hold);
        shutting.into_iter().for_each(|thread| thread.join().expect("ends"));
        assert_eq!(last.result(Wait::No), Ok(Some(Val::U32(1))));
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime
        .block_on(executor.shutdown_async(Pending::Run))
        .expect("a thread");
}

#[test]
fn after_a_shutdown_no_interpreter_is_left() {
    for path in [Path::Direct, Path::Fiber] {
        for _ in 0..200 {
            let executor = builder(&PLUGIN)
                .path(path)
                .reuse(Reuse::ALWAYS)
                .build()
                .expect("an executor");
            let _futures = [(); 2].map(|()| submit(&executor, "spin", u32(0)));
            executor.shutdown(Pending::Run);
            assert_eq!((executor.pool().alive(), executor.pool().budget().used()), (0, 0));
        }
    }
}

/// test_shutdown.ThreadPoolShutdownTest.test_del_shutdown, test_context_manager_shutdown
#[test]
fn when_the_last_handle_goes_what_was_submitted_runs_on() {
    let pool = pool();
    let executor = Executor::builder(&pool, &PLUGIN)
        .interpreters(1)
        .reuse(Reuse::ALWAYS)
        .build()
        .expect("fits");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, _held) = gate(&executor, &nothing);
    let futures: Vec<_> = (0..20).map(|at| submit(&executor, "spin", u32(at + 100))).collect();
    let other = executor.clone();
    drop(executor);
    drop(submit(&other, "spin", u32(1)));
    drop(other);
    drop(hold);
    for (at, future) in (0..).zip(&futures) {
        assert_eq!(future.result(LONG), Ok(Some(Val::U32(at + 100))));
    }
    eventually("nothing is left", || (pool.alive(), pool.budget().used()) == (0, 0));
}

/// What runs when its pool ends: two that run, on either path, and some that wait.
fn busy(path: Path) -> (Executor, Vec<wasm_pool::Future<wasm_pool::calls::Returned>>) {
    let program = if path == Path::Direct { &*PLUGIN } else { &*PLUGIN_WASI };
    let executor = builder(program).path(path).build().expect("an executor");
    let mut futures = vec![submit(&executor, "spin", u32(23))];
    futures.push(match path {
        Path::Direct => submit(&executor, "spin", u32(23)),
        _ => submit(&executor, "pause", u32(600_000)),
    });
    eventually("both run", || futures.iter().all(wasm_pool::Future::running));
    futures.extend((0..5).map(|_| submit(&executor, "spin", u32(0))));
    (executor, futures)
}

fn all_have_ended(futures: &[wasm_pool::Future<wasm_pool::calls::Returned>]) {
    for (at, future) in futures.iter().enumerate() {
        match future.result(LONG) {
            // What ran was killed, what waited was not begun.
            Err(FutureError::Ended(Outcome::Killed)) if at < 2 => {}
            Err(FutureError::Closed(_)) if at >= 2 => {}
            other => panic!("{at}: {other:?}"),
        }
    }
}

#[test]
fn dropping_the_pool_ends_what_runs() {
    for path in [Path::Direct, Path::Fiber] {
        let (executor, futures) = busy(path);
        let began = Instant::now();
        // It has the last handle on its pool.
        drop(executor);
        assert!(began.elapsed() < Duration::from_secs(5));
        all_have_ended(&futures);
    }
}

#[test]
fn dropping_the_pool_while_a_hundred_run_ends_them_and_returns() {
    let executor = builder(&PLUGIN_WASI).interpreters(100).build().expect("an executor");
    let futures: Vec<_> = (0..200)
        .map(|at| match at % 2 {
            0 => submit(&executor, "pause", u32(600_000)),
            _ => submit(&executor, "spin", u32(23)),
        })
        .collect();
    let run = || futures.iter().filter(|future| future.running()).count();
    eventually("a hundred run", || run() == 100);
    drop(executor);
    let killed = futures.iter().filter(|future| match future.result(LONG) {
        Err(FutureError::Ended(Outcome::Killed)) => true,
        Err(FutureError::Closed(_)) => false,
        other => panic!("{other:?}"),
    });
    assert_eq!(killed.count(), 100);
}

#[test]
fn killing_all_ends_what_runs_and_takes_nothing_more() {
    for path in [Path::Direct, Path::Fiber] {
        let (executor, futures) = busy(path);
        executor.pool().kill_all();
        all_have_ended(&futures);
        let nothing = executor.function("nothing").expect("a function");
        let refused = executor.submit(&nothing, vec![]).expect_err("refuses");
        assert_eq!(refused.kind(), ErrorKind::Closed);
        executor.shutdown(Pending::Run);
        assert_eq!((executor.pool().alive(), executor.pool().budget().used()), (0, 0));
    }
}

#[test]
fn a_pool_shuts_down_beside_an_idle_executor() {
    for how in [Shutdown::Wait, Shutdown::Grace(Duration::from_secs(60)), Shutdown::Now] {
        for path in [Path::Direct, Path::Fiber] {
            let executor = builder(&PLUGIN)
                .path(path)
                .reuse(Reuse::ALWAYS)
                .build()
                .expect("an executor");
            assert!(call(&executor, "next", vec![]).is_ok());
            rests(&executor);
            let (began, pool) = (Instant::now(), executor.pool().clone());
            pool.shutdown(how);
            assert!(began.elapsed() < Duration::from_secs(5));
            let future = executor
                .function("next")
                .and_then(|next| executor.submit(&next, vec![]));
            match future {
                Ok(future) => assert!(matches!(future.result(LONG), Err(FutureError::Closed(_)))),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Closed),
            }
            drop(executor);
            assert_eq!((pool.alive(), pool.budget().used()), (0, 0));
        }
    }
}

#[test]
fn a_pool_that_shuts_down_gives_running_calls_their_time() {
    for path in [Path::Direct, Path::Fiber] {
        let setup = crate::deadline(Duration::from_millis(100));
        let executor = builder(&PLUGIN).path(path).setup(setup).build().expect("an executor");
        let spins = submit(&executor, "spin", u32(23));
        eventually("it runs", || spins.running());
        let began = Instant::now();
        executor.pool().shutdown(Shutdown::Wait);
        assert_eq!(ended(spins.result(LONG)), Outcome::Deadline(Duration::from_millis(100)));

        let executor = builder(&PLUGIN).path(path).build().expect("an executor");
        let spins = submit(&executor, "spin", u32(23));
        eventually("it runs", || spins.running());
        executor.pool().shutdown(Shutdown::Grace(Duration::from_millis(50)));
        assert_eq!(ended(spins.result(LONG)), Outcome::Killed);
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn an_executor_may_be_dropped_by_a_callback_of_its_own() {
    for path in [Path::Direct, Path::Fiber] {
        let pool = pool();
        let executor = Executor::builder(&pool, &PLUGIN)
            .path(path)
            .build()
            .expect("an executor");
        let nothing = executor.function("nothing").expect("a function");
        let (hold, held) = gate(&executor, &nothing);
        let (sender, receiver) = std::sync::mpsc::channel();
        held.add_done_callback(move |_| {
            drop(executor);
            sender.send(()).expect("somebody listens");
        });
        drop(hold);
        receiver.recv_timeout(crate::harness::PATIENCE).expect("it ends");
        eventually("nothing is left", || (pool.alive(), pool.budget().used()) == (0, 0));
    }
}

#[test]
fn a_pool_may_be_dropped_by_a_callback_of_a_call_in_it() {
    for path in [Path::Direct, Path::Fiber] {
        // The executor has the only handle of its pool.
        let executor = builder(&PLUGIN).path(path).build().expect("an executor");
        let nothing = executor.function("nothing").expect("a function");
        let spinning = submit(&executor, "spin", u32(23));
        eventually("it spins", || spinning.running());
        let (hold, held) = gate(&executor, &nothing);
        let (sender, receiver) = std::sync::mpsc::channel();
        held.add_done_callback(move |_| {
            drop(executor);
            sender.send(()).expect("somebody listens");
        });
        drop(hold);
        receiver.recv_timeout(crate::harness::PATIENCE).expect("it ends");
        assert_eq!(ended(spinning.result(LONG)), Outcome::Killed);
    }
}

#[test]
fn an_executor_of_a_pool_that_takes_nothing_new_takes_nothing_new() {
    let pool = pool();
    let executor = Executor::builder(&pool, &PLUGIN).build().expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, held) = gate(&executor, &nothing);
    pool.close();
    let refused = executor.submit(&nothing, Vec::new()).expect_err("the pool is closed");
    assert_eq!(refused.kind(), ErrorKind::Closed);
    drop(hold);
    pool.shutdown(Shutdown::Wait);
    assert_eq!(held.result(LONG), Ok(()));
}
