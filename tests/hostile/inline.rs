//! Guests whose file calls run on their worker hold up nobody else.

use std::time::{Duration, Instant};

use wasm_pool::{Engine, FileCalls, Grants, Limits, Outcome, Pool, Program, Setup};

use crate::harness::probe_p1;

/// The probe with file calls on its worker.
fn inline(args: &[&str]) -> Setup {
    Setup {
        file_calls: FileCalls::Inline,
        grants: Grants {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            ..Grants::default()
        },
        ..Setup::default()
    }
}

#[test]
fn a_sleep_beside_file_calls_on_the_worker_holds_no_worker() {
    let engine = Engine::builder().instances(10).build().expect("an engine");
    let program = Program::from_file(&engine, probe_p1(), &Limits::default()).expect("a program");
    let pool = Pool::builder(&engine).workers(1).build().expect("a pool");
    let began = Instant::now();
    let sleeps = |deadline| {
        let mut setup = inline(&["sleep", "30000"]);
        setup.limits.deadline = deadline;
        pool.spawn(&program, setup).expect("starts")
    };
    let neighbour = || pool.run(&program, inline(&["args"])).expect("starts").outcome;
    let killed = sleeps(None);
    let late = sleeps(Some(Duration::from_millis(100)));
    assert_eq!(neighbour(), Outcome::Exited(0));
    assert_eq!(late.join().outcome, Outcome::Deadline(Duration::from_millis(100)));
    killed.kill();
    assert_eq!(killed.join().outcome, Outcome::Killed);
    let last = sleeps(None);
    assert_eq!(neighbour(), Outcome::Exited(0));
    drop(pool);
    assert_eq!(last.join().outcome, Outcome::Killed);
    assert!(began.elapsed() < Duration::from_secs(20));
}
