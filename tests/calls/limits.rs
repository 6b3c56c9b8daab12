//! What else ends a call, and what it may use.

use std::sync::Arc;

use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::value::Val;
use wasm_pool::{ByteSize, Engine, Executor, Grants, LimitKind, Limits, Outcome, Path, Pool, Reuse, Setup};

use crate::{LONG, PLUGIN_WASI, builder, call, ended, limit, number, u32, ways, within};

#[test]
fn memory_is_an_interpreter_s_and_the_pool_s() {
    let limits = Limits {
        memory: ByteSize::mib(8),
        ..Limits::default()
    };
    for (program, path) in ways() {
        let setup = within(limits.clone());
        let executor = builder(program)
            .path(path)
            .interpreters(1)
            .reuse(Reuse::ALWAYS)
            .setup(setup)
            .build()
            .expect("fits");
        assert_eq!(limit(call(&executor, "hold", u32(16 << 20))), LimitKind::Memory);
        for _ in 0..2 {
            assert_eq!(number(call(&executor, "hold", u32(4 << 20))), 4 << 20);
            // It holds what the call before took.
            assert_eq!(limit(call(&executor, "hold", u32(6 << 20))), LimitKind::Memory);
        }
    }
    let pool = Pool::builder(&crate::ENGINE)
        .workers(2)
        .memory(ByteSize::mib(8))
        .build()
        .expect("a pool");
    for (program, path) in ways() {
        let executor = Executor::builder(&pool, program)
            .path(path)
            .build()
            .expect("an executor");
        assert_eq!(limit(call(&executor, "hold", u32(16 << 20))), LimitKind::PoolMemory);
        assert_eq!(number(call(&executor, "hold", u32(100))), 100);
        executor.shutdown(wasm_pool::calls::Pending::Run);
        assert_eq!(pool.budget().used(), 0);
    }
}

#[test]
fn a_program_that_does_not_fit_fails_its_calls_and_nothing_else() {
    let limits = Limits {
        memory: ByteSize::kib(64),
        ..Limits::default()
    };
    let large = crate::wat(r#"(module (memory 2) (func (export "f")))"#);
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&large)
            .path(path)
            .setup(within(limits.clone()))
            .build()
            .expect("an executor");
        for _ in 0..3 {
            assert_eq!(limit(call(&executor, "f", vec![])), LimitKind::Memory);
        }
        let f = executor.function("f").expect("a function");
        let results = executor
            .submit_all(&f, vec![vec![]; 3])
            .expect("submits")
            .result(LONG)
            .expect("all");
        assert!(results.iter().all(|result| matches!(result, Err(Outcome::Limit(_)))));
    }
}

#[test]
fn a_trap_says_what_happened_and_where() {
    let traps = crate::wat(
        r#"(module (memory 1) (table 1 funcref)
        (func (export "unreachable") (unreachable))
        (func (export "divide") (drop (i32.div_s (i32.const 1) (i32.const 0))))
        (func (export "overflow") (drop (i32.trunc_f32_s (f32.const inf))))
        (func (export "load") (drop (i32.load (i32.const -1))))
        (func (export "indirect") (call_indirect (i32.const 0)))
        (func $deep (param i32)
          (if (i32.eqz (local.get 0)) (then (unreachable)))
          (call $deep (i32.sub (local.get 0) (i32.const 1))))
        (func (export "deep") (call $deep (i32.const 100))))"#,
    );
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&traps).path(path).build().expect("an executor");
        for (name, reason) in [
            ("unreachable", "`unreachable` instruction executed"),
            ("divide", "integer divide by zero"),
            ("overflow", "integer overflow"),
            ("load", "out of bounds memory access"),
            ("indirect", "uninitialized element"),
            ("deep", "`unreachable` instruction executed"),
        ] {
            match ended(call(&executor, name, vec![])) {
                Outcome::Trapped(trapped) => {
                    assert!(trapped.reason.contains(reason), "{trapped}");
                    assert!((1..=20).contains(&trapped.backtrace.len()), "{trapped:?}");
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
}

#[test]
fn a_stack_that_overflows_ends_the_call() {
    let deep = crate::wat(r#"(module (func $f (export "f") (call $f) (call $f)))"#);
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&deep).path(path).build().expect("an executor");
        for _ in 0..3 {
            assert_eq!(limit(call(&executor, "f", vec![])), LimitKind::Stack);
        }
    }
}

#[test]
fn a_stack_larger_than_a_thread_s_overflows_as_any_other() {
    let limits = Limits {
        stack: ByteSize::mib(8),
        ..Limits::default()
    };
    let engine = Engine::builder().limits(&limits).build().expect("an engine");
    let deep = crate::on(&engine, r#"(module (func $f (export "f") (call $f) (call $f)))"#);
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    for path in [Path::Direct, Path::Fiber] {
        let executor = Executor::builder(&pool, &deep)
            .path(path)
            .setup(within(limits.clone()))
            .build()
            .expect("an executor");
        for _ in 0..3 {
            assert_eq!(limit(call(&executor, "f", vec![])), LimitKind::Stack);
        }
    }
}

#[test]
fn an_interpreter_has_the_grants_and_the_streams_of_the_setup_and_no_others() {
    let name = || vec![Val::String("SECRET".to_owned())];
    assert_eq!(
        call(&crate::executor(&PLUGIN_WASI), "env", name()),
        Ok(Some(Val::Option(None)))
    );
    let output = OutputPipe::unbounded();
    let setup = Setup {
        grants: Grants {
            env: vec![("SECRET".to_owned(), "42".to_owned())],
            ..Grants::default()
        },
        stdio: Stdio {
            stdout: Output::Pipe(output.clone()),
            ..Stdio::default()
        },
        ..Setup::default()
    };
    let executor = builder(&PLUGIN_WASI)
        .setup(Arc::new(setup))
        .build()
        .expect("an executor");
    let granted = Val::Option(Some(Box::new(Val::String("42".to_owned()))));
    assert_eq!(call(&executor, "env", name()), Ok(Some(granted)));
    for line in ["one", "two"] {
        assert_eq!(call(&executor, "print", vec![Val::String(line.to_owned())]), Ok(None));
    }
    assert_eq!(output.take_all(), b"one\ntwo\n");
}

#[test]
fn a_host_call_that_panics_fails_its_call_and_nothing_else() {
    let output = OutputPipe::new(1024, || panic!("on purpose"));
    let setup = Setup {
        stdio: Stdio {
            stdout: Output::Pipe(output.clone()),
            ..Stdio::default()
        },
        ..Setup::default()
    };
    let executor = builder(&PLUGIN_WASI)
        .interpreters(1)
        .reuse(Reuse::ALWAYS)
        .setup(setup)
        .build()
        .expect("fits");
    for _ in 0..3 {
        assert_eq!(number(call(&executor, "next", vec![])), 1);
        match ended(call(&executor, "print", vec![Val::String("x".to_owned())])) {
            Outcome::HostError(why) => assert!(why.contains("on purpose"), "{why}"),
            other => panic!("{other}"),
        }
        // Whoever has taken it is told of more.
        output.take_all();
    }
}

#[test]
fn what_was_refused_one_call_does_not_explain_the_end_of_another() {
    let program = crate::wat(
        r#"(module (memory 1)
            (func (export "grow") (result i32) (memory.grow (i32.const 60000)))
            (func (export "crash") unreachable))"#,
    );
    let executor = crate::builder(&program)
        .interpreters(1)
        .reuse(wasm_pool::Reuse::ALWAYS)
        .build()
        .expect("an executor");
    assert_eq!(crate::call(&executor, "grow", vec![]), Ok(Some(Val::S32(-1))));
    let ended = crate::ended(crate::call(&executor, "crash", vec![]));
    assert!(matches!(ended, Outcome::Trapped(_)), "{ended}");
}
