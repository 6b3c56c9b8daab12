//! Two guests draw different numbers.

use std::collections::HashSet;

use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::{Allocation, Engine, Limits, Outcome, Pool, Program, Setup};

/// Prints 32 random bytes.
const DRAWS: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\20\00\00\00")
    (func (export "_start")
      (if (call $random (i32.const 64) (i32.const 32)) (then (unreachable)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

#[test]
fn guests_one_after_the_other_and_beside_each_other_draw_different_numbers() {
    for allocation in [Allocation::OnDemand, Allocation::Pooling] {
        let engine = Engine::builder().instances(8).allocation(allocation).build();
        let engine = engine.expect("an engine");
        let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
        let program = Program::from_bytes(&engine, "draws", DRAWS.as_bytes(), &Limits::default()).expect("a program");
        let mut drawn = HashSet::new();
        for _ in 0..10 {
            let outputs = [(); 4].map(|()| OutputPipe::unbounded());
            let guests = outputs.each_ref().map(|output| {
                let stdio = Stdio {
                    stdout: Output::Pipe(output.clone()),
                    ..Stdio::default()
                };
                let setup = Setup {
                    stdio,
                    ..Setup::default()
                };
                pool.spawn(&program, setup).expect("starts")
            });
            for (guest, output) in guests.iter().zip(&outputs) {
                assert_eq!(guest.join().outcome, Outcome::Exited(0));
                let numbers = output.take_all();
                assert_eq!(numbers.len(), 32);
                assert!(drawn.insert(numbers), "drawn twice");
            }
        }
    }
}
