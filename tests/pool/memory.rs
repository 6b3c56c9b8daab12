//! What lives leave behind: nothing.

use wasm_pool::{Engine, Limits, Outcome, Setup};

use crate::{allocations, doing, pool_on, probe};

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
