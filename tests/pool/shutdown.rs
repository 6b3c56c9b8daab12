//! How pools end.

use std::time::{Duration, Instant};

use wasm_pool::{ErrorKind, Outcome, Setup, Shutdown};

use crate::harness::{PATIENCE, SPIN};
use crate::{doing, pool_for, probe};

#[test]
fn wait_lets_everybody_finish() {
    let (pool, program) = pool_for(&probe(), 10, 2);
    let guests: Vec<_> = (0..5)
        .map(|_| pool.spawn(&program, doing(&["sleep", "50"])).expect("starts"))
        .collect();
    pool.shutdown(Shutdown::Wait);
    assert!(guests.iter().all(|guest| guest.join().outcome == Outcome::Exited(0)));
    assert_eq!(
        pool.spawn(&program, doing(&["args"])).expect_err("is closed").kind(),
        ErrorKind::Closed
    );
    // Again is no error.
    pool.shutdown(Shutdown::Now);
}

#[test]
fn grace_ends_those_that_do_not_end() {
    let (pool, program) = pool_for(&probe(), 10, 2);
    let good = pool.spawn(&program, doing(&["sleep", "20"])).expect("starts");
    let bad = pool.spawn(&program, doing(&["spin"])).expect("starts");
    pool.shutdown(Shutdown::Grace(Duration::from_millis(500)));
    assert_eq!(
        (good.join().outcome, bad.join().outcome),
        (Outcome::Exited(0), Outcome::Killed)
    );
}

#[test]
fn dropping_a_pool_ends_what_runs_and_hangs_nowhere() {
    let began = Instant::now();
    for _ in 0..20 {
        let (pool, program) = pool_for(SPIN.as_bytes(), 100, 2);
        let guests: Vec<_> = (0..50)
            .map(|_| pool.spawn(&program, Setup::default()).expect("starts"))
            .collect();
        drop(pool);
        assert!(guests.iter().all(|guest| guest.join().outcome == Outcome::Killed));
    }
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn a_pool_may_be_dropped_on_its_own_worker() {
    let (pool, program) = pool_for(&probe(), 10, 1);
    let (sender, receiver) = std::sync::mpsc::channel();
    let last = pool.clone();
    pool.spawn_then(&program, doing(&["sleep", "30"]), move |_, _| {
        drop(last);
        sender.send(()).expect("is heard");
    })
    .expect("starts");
    drop(pool);
    receiver.recv_timeout(PATIENCE).expect("the callback ends");
}

#[test]
fn shutting_down_without_blocking() {
    let (pool, program) = pool_for(&probe(), 10, 1);
    let guest = pool.spawn(&program, doing(&["sleep", "600000"])).expect("starts");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime
        .block_on(pool.shutdown_async(Shutdown::Now))
        .expect("shuts down");
    assert_eq!(guest.join().outcome, Outcome::Killed);
}
