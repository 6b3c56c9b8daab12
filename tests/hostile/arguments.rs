//! Arguments and variables that are larger than the guest that asks for them.

use wasm_pool::{ByteSize, Engine, Grants, Limits, Outcome, Pool, Program, Setup};

#[test]
fn arguments_and_variables_larger_than_a_guests_memory_end_it_and_nothing_else() {
    let engine = Engine::builder().instances(4).build().expect("an engine");
    let pool = Pool::builder(&engine).workers(1).build().expect("a pool");
    for call in ["args_get", "environ_get"] {
        let source = format!(
            r#"(module
            (import "wasi_snapshot_preview1" "{call}" (func $get (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (drop (call $get (i32.const 0) (i32.const 64)))))"#
        );
        let program = Program::from_bytes(&engine, "small", source.as_bytes(), &Limits::default()).expect("a program");
        let huge = "x".repeat(10 << 20);
        let setup = Setup {
            limits: Limits {
                memory: ByteSize::mib(1),
                ..Limits::default()
            },
            grants: Grants {
                args: vec![huge.clone()],
                env: vec![("HUGE".to_owned(), huge)],
                ..Grants::default()
            },
            ..Setup::default()
        };
        let outcome = pool.run(&program, setup).expect("starts").outcome;
        assert!(matches!(outcome, Outcome::Trapped(_)), "{call}: {outcome:?}");
        assert_eq!((pool.alive(), pool.budget().used()), (0, 0));
    }
}
