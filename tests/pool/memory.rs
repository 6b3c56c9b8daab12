//! What lives leave behind: nothing.

use std::time::Duration;

use wasm_pool::{Allocation, Engine, Limits, Outcome, Setup};

use crate::{allocations, doing, pool_on, probe, within};

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("reads");
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .expect("a number");
    pages * rustix::param::page_size() as u64
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("lists").count()
}

/// Ends with 66 when its memory holds anything of an earlier tenant, and fills all of it.
const REMEMBERS: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 16)
    (func (export "_start") (local $at i32)
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (call $exit (i32.const 66))))
        (i64.store (local.get $at) (i64.const -1))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const 1048576))))
      (if (i32.and (i32.const 1) (i32.load (i32.const 8))) (then (unreachable)))))"#;

#[test]
fn the_next_tenant_reads_zeros() {
    for allocation in allocations() {
        let (pool, program) = pool_on(
            Engine::builder().instances(4).allocation(allocation),
            REMEMBERS.as_bytes(),
            2,
        );
        for _ in 0..300 {
            let ending = pool.run(&program, Setup::default()).expect("starts");
            assert_eq!(ending.outcome, Outcome::Exited(0), "{allocation:?}");
        }
    }
}

#[test]
fn thousands_of_lives_leave_nothing() {
    // In a process of its own: what other tests open and take is not counted.
    const ALONE: &str = "WASM_POOL_TEST_IS_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let status = std::process::Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "memory::thousands_of_lives_leave_nothing", "--nocapture"])
            .env(ALONE, "1")
            .status()
            .expect("starts");
        assert!(status.success());
        return;
    }
    let (pool, program) = pool_on(
        Engine::builder().instances(64).allocation(Allocation::Pooling),
        &probe(),
        2,
    );
    let round = |lives: usize| {
        for _ in 0..lives / 50 {
            let crew: Vec<_> = (0..50)
                .map(|number| {
                    let setup = match number % 5 {
                        0 => doing(&["panic", "x"]),
                        1 => within(Duration::from_millis(2), doing(&["sleep", "1000"])),
                        2 => doing(&["allocate", "300000"]),
                        3 => doing(&["exit", "3"]),
                        _ => doing(&["args", "x"]),
                    };
                    pool.spawn(&program, setup).expect("starts")
                })
                .collect();
            crew.iter().for_each(|guest| drop(guest.join()));
        }
    };
    round(500);
    let (memory, files) = (resident(), descriptors());
    round(5_000);
    let grown = resident().saturating_sub(memory);
    assert!(grown < 8 << 20, "{grown} bytes more");
    assert!(
        descriptors() <= files + 2,
        "{files} files before, {} after",
        descriptors()
    );
    assert_eq!((pool.alive(), pool.budget().used()), (0, 0));
}

#[test]
fn the_budget_is_shared_and_returned() {
    let (pool, program) = pool_on(Engine::builder().instances(10), &probe(), 2);
    let guests: Vec<_> = (0..3)
        .map(|_| pool.spawn(&program, doing(&["sleep", "100"])).expect("starts"))
        .collect();
    guests.iter().for_each(|guest| drop(guest.join()));
    assert!(pool.budget().peak() >= 3 * program.initial_memory());
    assert_eq!(pool.budget().used(), 0);
    assert!(pool.budget().limit() <= Limits::default().pool_memory.as_u64());
}
