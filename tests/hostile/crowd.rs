//! Many programs at once: compiled, run and dropped by many threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wasm_pool::{Engine, Limits, Outcome, Pool, Program, Setup};

/// Ends with a code of its own, has types of its own, and calls through a table.
fn source(number: u32) -> String {
    let params = "i32 ".repeat(number as usize % 7);
    let zeros = "(i32.const 0) ".repeat(number as usize % 7);
    let code = number % 100;
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (type $t (func (param {params}) (result i32)))
        (memory (export "memory") 1)
        (table funcref (elem $f))
        (func $f (type $t) (i32.const {code}))
        (func (export "_start") (call $exit (call_indirect (type $t) {zeros} (i32.const 0)))))"#
    )
}

#[test]
fn programs_are_compiled_run_and_dropped_by_many_threads_at_once() {
    let engine = Engine::builder().instances(64).build().expect("an engine");
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    let (until, lives) = (Instant::now() + Duration::from_secs(3), AtomicUsize::new(0));
    thread::scope(|scope| {
        for thread in 0..4u32 {
            let (engine, pool, lives) = (&engine, &pool, &lives);
            scope.spawn(move || {
                for number in (thread * 31..).take_while(|_| Instant::now() < until) {
                    let program = Program::from_bytes(engine, "one", source(number).as_bytes(), &Limits::default());
                    let program = program.expect("compiles");
                    let guests = [0, 1].map(|_| pool.spawn(&program, Setup::default()).expect("starts"));
                    // The last handle of the program goes while its guests run.
                    drop(program);
                    for guest in guests {
                        let code = i32::try_from(number % 100).expect("small");
                        assert_eq!(guest.join().outcome, Outcome::Exited(code));
                    }
                    lives.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
    });
    assert!(lives.load(Ordering::Relaxed) > 8);
    assert_eq!((pool.alive(), pool.budget().used()), (0, 0));
}
