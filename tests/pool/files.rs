//! Guests whose file calls run on their worker hold up nobody else.

use std::time::{Duration, Instant};

use wasm_pool::{FileCalls, Outcome, Setup};

use crate::{doing, pool_for, probe, within};

/// The probe with file calls on its worker.
fn inline(args: &[&str]) -> Setup {
    Setup {
        file_calls: FileCalls::Inline,
        ..doing(args)
    }
}

#[test]
fn a_sleep_beside_file_calls_on_the_worker_holds_no_worker() {
    let (pool, program) = pool_for(&probe(), 10, 1);
    let began = Instant::now();
    let sleeps = |setup| pool.spawn(&program, setup).expect("starts");
    let killed = sleeps(inline(&["sleep", "30000"]));
    let late = sleeps(within(Duration::from_millis(100), inline(&["sleep", "30000"])));
    assert_eq!(
        pool.run(&program, doing(&["args"])).expect("starts").outcome,
        Outcome::Exited(0)
    );
    assert_eq!(late.join().outcome, Outcome::Deadline(Duration::from_millis(100)));
    killed.kill();
    assert_eq!(killed.join().outcome, Outcome::Killed);
    let last = sleeps(inline(&["sleep", "30000"]));
    pool.run(&program, doing(&["args"])).expect("starts");
    drop(pool);
    assert_eq!(last.join().outcome, Outcome::Killed);
    assert!(began.elapsed() < Duration::from_secs(20));
}
