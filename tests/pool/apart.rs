//! What one tenant holds takes nothing from its neighbours, and what it may hold is the same however memory is got.

use wasm_pool::{Allocation, Engine, ErrorKind, Limits, Outcome, Pool, Program, Setup};

/// A component of so many core instances, each with a table, that does this.
fn crowd(instances: usize, does: &str) -> String {
    let each = "(core instance (instantiate $small))".repeat(instances);
    format!(
        r#"(component
        (core module $small (table 1 funcref))
        {each}
        (core module $m (func (export "run") (result i32) {does} (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance (export "wasi:cli/run@0.2.6") (export "run" (func $run))))"#
    )
}

#[test]
fn one_that_takes_all_it_may_leaves_its_neighbours_theirs() {
    for allocation in crate::allocations() {
        let engine = Engine::builder()
            .instances(8)
            .allocation(allocation)
            .build()
            .expect("an engine");
        let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
        let program = |source: String| {
            Program::from_bytes(&engine, "crowd", source.as_bytes(), &Limits::default()).expect("a program")
        };
        let (hostile, honest) = (program(crowd(90, "(loop (br 0))")), program(crowd(3, "")));
        let crowds = [(); 4].map(|()| pool.spawn(&hostile, Setup::default()).expect("starts"));
        let guests = [(); 4].map(|()| pool.spawn(&honest, Setup::default()).expect("starts"));
        for guest in guests {
            assert_eq!(guest.join().outcome, Outcome::Exited(0), "{allocation:?}");
        }
        // Nor were the others refused what they may have.
        assert_eq!(pool.alive(), 4);
        pool.kill_all();
        for crowd in crowds {
            assert_eq!(crowd.join().outcome, Outcome::Killed);
        }
    }
}

/// A command with so many memories and so many tables.
fn several(memories: usize, tables: usize) -> String {
    let (memories, tables) = ("(memory 1)".repeat(memories), "(table 1 funcref)".repeat(tables));
    format!(r#"(module {memories} {tables} (func (export "_start")))"#)
}

#[test]
fn several_memories_and_tables_are_one_program_s_however_memory_is_got() {
    for allocation in crate::allocations() {
        let builder = Engine::builder().instances(2).allocation(allocation);
        let (pool, program) = crate::pool_on(builder, several(3, 3).as_bytes(), 1);
        let ending = pool.run(&program, Setup::default()).expect("runs");
        assert_eq!(ending.outcome, Outcome::Exited(0), "{allocation:?}");
    }
}

#[test]
fn more_memories_or_tables_than_each_may_have_are_refused_before_they_run() {
    for allocation in crate::allocations() {
        let builder = Engine::builder().instances(8).allocation(allocation);
        let engine = builder.build().expect("an engine");
        let mut component = "(core module $m (memory 1)) ".to_owned();
        component.push_str(&"(core instance (instantiate $m))".repeat(17));
        for (source, said) in [
            (several(17, 0), "17 memories are more than the 16"),
            (format!("(component {component})"), "17 memories are more than the 16"),
            (
                crowd(100, "").replacen("(table 1 funcref)", "(table 1 funcref) (table 1 funcref)", 1),
                "200 tables are more than the 100",
            ),
        ] {
            let refused = Program::from_bytes(&engine, "many", source.as_bytes(), &Limits::default());
            let refused = refused.expect_err("too many");
            assert_eq!(refused.kind(), ErrorKind::Refused);
            assert!(refused.to_string().contains(said), "{allocation:?}: {refused}");
        }
    }
}

#[test]
fn an_allocator_that_is_full_is_no_fault_of_the_guest_s() {
    let builder = Engine::builder().instances(2).allocation(Allocation::Pooling);
    let (pool, program) = crate::pool_on(builder, several(1, 0).as_bytes(), 1);
    // A service that uses Wasmtime's engine itself takes what was prepared for guests.
    let engine = program.engine();
    let module = wasmtime::Module::new(engine.wasmtime(), "(module (memory 1))").expect("a module");
    let mut store = wasmtime::Store::new(engine.wasmtime(), ());
    for _ in 0..engine.memories() {
        wasmtime::Instance::new(&mut store, &module, &[]).expect("an instance");
    }
    match pool.run(&program, Setup::default()).expect("runs").outcome {
        Outcome::HostError(why) => assert!(why.contains("no room left"), "{why}"),
        other => panic!("{other}"),
    }
    drop(store);
    let ending = pool.run(&program, Setup::default()).expect("runs");
    assert_eq!(ending.outcome, Outcome::Exited(0));
}
