//! Files that do not answer, and guests on whose worker file calls run, hold up nobody else.

use std::time::{Duration, Instant};

use wasm_pool::grants::{Access, DirGrant};
use wasm_pool::{FileCalls, Outcome, Setup};

use crate::harness::{PATIENCE, folder, tool};
use crate::{doing, pool_for, printing, probe, within};

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

#[test]
fn named_pipes_stop_nobodys_file_calls() {
    let data = folder();
    tool("mkfifo", &[&data.path().join("fifo").display().to_string()]);
    std::fs::write(data.path().join("f"), "hello\n").expect("writes");
    let reading = |path: &str, time| {
        let mut setup = within(time, doing(&["read", path]));
        setup.grants.dirs.push(DirGrant {
            host: data.path().to_owned(),
            guest: "/d".to_owned(),
            access: Access::ReadWrite,
        });
        setup
    };
    let (pool, program) = pool_for(&probe(), 700, 2);
    // More than there are threads for file calls.
    let guests: Vec<_> = (0..600)
        .map(|_| {
            let setup = reading("/d/fifo", Duration::from_secs(5));
            pool.spawn(&program, setup).expect("starts")
        })
        .collect();
    let (setup, output) = printing(reading("/d/f", PATIENCE));
    assert_eq!(pool.run(&program, setup).expect("starts").outcome, Outcome::Exited(0));
    assert_eq!(output.take_all(), b"hello\n");
    assert!(guests.iter().all(|guest| guest.join().outcome == Outcome::Exited(0)));
}
