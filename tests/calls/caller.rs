//! Calls on the caller's own thread, with types of his own.

use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use wasm_pool::{Engine, ErrorKind, Executor, HostCalls, LimitKind, Limits, Outcome, Path, Pool, Reuse};

use crate::harness::eventually;
use crate::{COUNTER, ENGINE, PLUGIN, PLUGIN_WASI, builder, deadline, executor, on, pool, u32, within};

mod bindings {
    #![allow(missing_docs, unreachable_pub)]

    // A part of the world `plugin`: the whole has a function `enum`, which the macro does not escape.
    wasmtime::component::bindgen!({
        path: "../tests/guests/plugin/wit",
        inline: "
            package tests:calls;
            world called {
                export add: func(a: s32, b: s32) -> s32;
                export greet: func(name: string) -> string;
                export next: func() -> u32;
                export fails: func(what: string) -> result<u32, string>;
                export trap: func(at: u32) -> u32;
                export spin: func(at: u32) -> u32;
                export hold: func(bytes: u32) -> u32;
                export checksum: func(data: list<u8>) -> u32;
                export value: func() -> u32;
                export demo:plugin/geometry@0.1.0;
            }",
        world: "tests:calls/called",
    });
}

use bindings::Called as Plugin;

/// A caller with Wasmtime's bindings.
fn caller(executor: &Executor) -> wasm_pool::Caller<Plugin> {
    executor
        .caller(|store, instance| Plugin::new(store, instance))
        .expect("a caller")
}

/// How often the interpreter was called.
fn next(caller: &mut wasm_pool::Caller<Plugin>) -> u32 {
    caller.call(|store, plugin| plugin.call_next(store)).expect("well")
}

#[test]
fn calls_have_types() {
    use bindings::exports::demo::plugin::geometry::Point;
    let executor = executor(&PLUGIN);
    let mut caller = caller(&executor);
    assert_eq!(caller.call(|store, plugin| plugin.call_add(store, 2, -3)), Ok(-1));
    let greeting = caller.call(|store, plugin| plugin.call_greet(store, "you"));
    assert_eq!(greeting.as_deref(), Ok("Hello, you!"));
    let fails = caller.call(|store, plugin| plugin.call_fails(store, "bad"));
    assert_eq!(fails, Ok(Err("\"bad\" is bad".to_owned())));
    let points = [(0.0, 0.0), (3.0, 4.0)].map(|(x, y)| Point { x, y });
    let distance =
        caller.call(|store, plugin| plugin.demo_plugin_geometry().call_distance(store, points[0], points[1]));
    assert_eq!(distance, Ok(5.0));
}

#[test]
fn wasmtime_s_typed_functions_will_do() {
    let executor = executor(&PLUGIN);
    let bind = |store: &mut wasmtime::Store<wasm_pool::Guest>, instance: &wasmtime::component::Instance| {
        instance.get_typed_func::<(i32, i32), (i32,)>(store, "add")
    };
    let mut caller = executor.caller(bind).expect("a caller");
    for number in 0..1_000 {
        let sum = caller.call(|store, add| add.call(store, (number, 1)).map(|(sum,)| sum));
        assert_eq!(sum, Ok(number + 1));
    }
    let bind = |store: &mut wasmtime::Store<wasm_pool::Guest>, instance: &wasmtime::component::Instance| {
        instance.get_typed_func::<(i32,), (i32,)>(store, "subtract")
    };
    let mut caller = executor.caller(bind).expect("a caller");
    for _ in 0..2 {
        let failed = caller.call(|store, none| none.call(store, (1,)));
        assert!(matches!(failed, Err(Outcome::HostError(_))), "{failed:?}");
    }
}

#[test]
fn interpreters_are_fresh_or_kept_as_the_executor_says() {
    let fresh = executor(&PLUGIN);
    let mut fresh = caller(&fresh);
    assert_eq!([(); 5].map(|()| next(&mut fresh)), [1; 5]);
    let always = builder(&PLUGIN).reuse(Reuse::ALWAYS).build().expect("an executor");
    let mut always = caller(&always);
    assert_eq!([(); 5].map(|()| next(&mut always)), [1, 2, 3, 4, 5]);
    let some = Reuse::Always {
        calls: NonZeroU32::new(2),
        memory: None,
    };
    let some = builder(&PLUGIN)
        .reuse(some)
        .initializer("setup", u32(7))
        .build()
        .expect("an executor");
    let mut some = caller(&some);
    assert_eq!([(); 5].map(|()| next(&mut some)), [1, 2, 1, 2, 1]);
    assert_eq!(some.call(|store, plugin| plugin.call_value(store)), Ok(7));
}

#[test]
fn after_whatever_went_wrong_there_is_a_new_interpreter() {
    let limits = Limits {
        deadline: Some(Duration::from_millis(200)),
        memory: wasm_pool::ByteSize::mib(8),
        ..Limits::default()
    };
    let executor = builder(&PLUGIN)
        .reuse(Reuse::ALWAYS)
        .setup(within(limits))
        .build()
        .expect("an executor");
    let mut caller = caller(&executor);
    for _ in 0..2 {
        assert_eq!((next(&mut caller), next(&mut caller)), (1, 2));
        let trapped = caller.call(|store, plugin| plugin.call_trap(store, 17));
        assert!(matches!(trapped, Err(Outcome::Trapped(_))));
        assert_eq!(next(&mut caller), 1);
        let began = Instant::now();
        let late = caller.call(|store, plugin| plugin.call_spin(store, 23));
        assert_eq!(late, Err(Outcome::Deadline(Duration::from_millis(200))));
        assert!(began.elapsed() >= Duration::from_millis(200) && began.elapsed() < Duration::from_secs(5));
        assert_eq!(next(&mut caller), 1);
        let full = caller.call(|store, plugin| plugin.call_hold(store, 16 << 20));
        assert!(matches!(full, Err(Outcome::Limit(hit)) if hit.kind == LimitKind::Memory));
        // A mistake of ours has no second chance in there either.
        assert_eq!(next(&mut caller), 1);
        let ours = caller.call(|store, plugin| {
            plugin.call_next(&mut *store)?;
            wasmtime::bail!("on purpose");
            #[allow(unreachable_code)]
            Ok(())
        });
        assert!(ours.is_err());
    }
    drop(caller);
    assert_eq!(executor.pool().budget().used(), 0);
}

#[test]
fn a_panic_in_a_call_leaves_no_interpreter_that_is_used_again() {
    let executor = builder(&PLUGIN).reuse(Reuse::ALWAYS).build().expect("an executor");
    let mut caller = caller(&executor);
    assert_eq!(next(&mut caller), 1);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = caller.call(|store, plugin| -> wasmtime::Result<()> {
            plugin.call_next(store)?;
            panic!("on purpose")
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(next(&mut caller), 1);
}

#[test]
fn fuel_and_processor_time_are_each_call_s_own() {
    let limits = Limits {
        cpu_time: Some(Duration::from_millis(200)),
        fuel: Some(1_000_000),
        ..Limits::default()
    };
    let engine = Engine::builder().limits(&limits).build().expect("an engine");
    let path = crate::harness::root().join("tests/guests/plugin.wasm");
    let plugin = wasm_pool::Program::from_file(&engine, path, &Limits::default()).expect("a program");
    let pool = Pool::builder(&engine).workers(1).build().expect("a pool");
    let builder = Executor::builder(&pool, &plugin)
        .reuse(Reuse::ALWAYS)
        .setup(within(limits));
    let executor = builder.build().expect("an executor");
    let mut typed = caller(&executor);
    let data = vec![1; 10_000];
    for _ in 0..20 {
        let sum = typed.call(|store, plugin| plugin.call_checksum(store, &data));
        assert_eq!(sum, Ok(10_000));
    }
    let out_of_fuel = typed.call(|store, plugin| plugin.call_spin(store, 23));
    assert!(matches!(out_of_fuel, Err(Outcome::Limit(hit)) if hit.kind == LimitKind::Fuel));

    let limits = Limits {
        cpu_time: Some(Duration::from_millis(200)),
        ..Limits::default()
    };
    let executor = crate::builder(&PLUGIN)
        .setup(within(limits))
        .build()
        .expect("an executor");
    let late = caller(&executor).call(|store, plugin| plugin.call_spin(store, 23));
    assert!(matches!(late, Err(Outcome::Limit(hit)) if hit.kind == LimitKind::CpuTime));
}

#[test]
fn killing_all_ends_it_and_it_calls_no_more() {
    let executor = executor(&PLUGIN);
    let mut caller = caller(&executor);
    let pool = executor.pool().clone();
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let spinning = scope.spawn(move || {
            assert_eq!(next(&mut caller), 1);
            sender.send(()).expect("somebody listens");
            let killed = caller.call(|store, plugin| plugin.call_spin(store, 23));
            (killed, caller.call(|store, plugin| plugin.call_next(store)))
        });
        receiver.recv_timeout(crate::harness::PATIENCE).expect("it calls");
        // It has just begun, or is about to.
        pool.kill_all();
        assert_eq!(
            spinning.join().expect("ends"),
            (Err(Outcome::Killed), Err(Outcome::Killed))
        );
    });
    let closed = executor.caller(|_, _| Ok(()));
    assert_eq!(closed.expect_err("refuses").kind(), ErrorKind::Closed);
}

#[test]
fn one_for_each_thread_of_a_rayon_pool() {
    let executor = builder(&PLUGIN).reuse(Reuse::ALWAYS).build().expect("an executor");
    let threads = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("threads");
    let sum: u64 = threads.install(|| {
        (0..20_000i32)
            .into_par_iter()
            .map_init(
                || caller(&executor),
                |caller, number| {
                    let sum = caller.call(|store, plugin| plugin.call_add(store, number, 1));
                    u64::try_from(sum.expect("well")).expect("positive")
                },
            )
            .sum()
    });
    assert_eq!(sum, (1..=20_000).sum::<u64>());
    eventually("nothing is left", || executor.pool().budget().used() == 0);
}

#[test]
fn what_can_wait_and_what_has_no_types_is_refused() {
    let waits = executor(&PLUGIN_WASI).caller(|_, _| Ok(())).expect_err("refuses");
    assert_eq!(waits.kind(), ErrorKind::Usage);
    assert!(waits.to_string().contains("cannot be called on this thread"), "{waits}");
    let core = executor(&COUNTER).caller(|_, _| Ok(())).expect_err("refuses");
    assert_eq!(core.kind(), ErrorKind::Usage);
}

#[test]
fn callers_have_places_like_interpreters() {
    let engine = Engine::builder().instances(3).build().expect("an engine");
    let component = on(
        &engine,
        r#"(component
        (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#,
    );
    let pool = Pool::builder(&engine).workers(1).build().expect("a pool");
    let executor = Executor::builder(&pool, &component)
        .interpreters(1)
        .build()
        .expect("fits");
    let bind = |store: &mut wasmtime::Store<wasm_pool::Guest>, instance: &wasmtime::component::Instance| {
        instance.get_typed_func::<(), ()>(store, "f")
    };
    let callers = [(); 2].map(|()| executor.caller(bind).expect("fits"));
    assert_eq!(executor.caller(bind).expect_err("refuses").kind(), ErrorKind::Saturated);
    drop(callers);
    let mut caller = executor.caller(bind).expect("fits again");
    assert_eq!(caller.call(|store, f| f.call(store, ())), Ok(()));
}

#[test]
fn a_caller_goes_on_with_the_program_that_it_was_made_with() {
    let pool = pool();
    let executor = Executor::builder(&pool, &PLUGIN)
        .setup(deadline(Duration::from_secs(60)))
        .build()
        .expect("fits");
    let mut typed = caller(&executor);
    let other = wasm_pool::Program::from_file(
        &ENGINE,
        crate::harness::root().join("tests/guests/plugin.wasm"),
        &Limits::default(),
    );
    executor.replace(&other.expect("a program")).expect("takes over");
    assert_eq!(next(&mut typed), 1);
    assert_eq!(next(&mut caller(&executor)), 1);
}

/// `f` overflows its stack; `sink` takes most of it and then asks the host for another call.
const DEEP: &str = r#"(component
    (import "demo:deep/host" (instance $host (export "again" (func))))
    (core func $again (canon lower (func $host "again")))
    (core module $m
      (import "host" "again" (func $again))
      (func $f (export "f") (call $f) (call $f))
      (func $sink (param i32)
        (if (local.get 0)
          (then (call $sink (i32.sub (local.get 0) (i32.const 1))))
          (else (call $again)))
        (drop (i32.const 0)))
      (func (export "sink") (call $sink (i32.const 5000))))
    (core instance $i (instantiate $m (with "host" (instance (export "again" (func $again))))))
    (func (export "f") (canon lift (core func $i "f")))
    (func (export "sink") (canon lift (core func $i "sink"))))"#;

/// Calls `name` on this thread.
fn deep(executor: &Executor, name: &'static str) -> Result<(), Outcome> {
    let mut caller = executor
        .caller(move |store, instance| instance.get_typed_func::<(), ()>(store, name))
        .expect("a caller");
    caller.call(|store, func| func.call(store, ()))
}

/// An executor of [`DEEP`], whose calls of the host lead to `again`.
fn deep_executor(again: impl Fn() -> wasmtime::Result<()> + Send + Sync + 'static) -> Executor {
    let again = std::sync::Arc::new(again);
    let engine = Engine::builder()
        .host_functions("demo:deep/host", HostCalls::Prompt, move |linker| {
            let again = std::sync::Arc::clone(&again);
            let mut host = linker.instance("demo:deep/host")?;
            host.func_wrap("again", move |_, ()| again())
        })
        .build()
        .expect("an engine");
    let pool = Pool::builder(&engine).workers(1).build().expect("a pool");
    let program = on(&engine, DEEP);
    Executor::builder(&pool, &program).build().expect("an executor")
}

/// Whether the guest overflowed its stack, and nothing else did.
fn overflowed<T>(result: Result<T, Outcome>) -> bool {
    matches!(result, Err(Outcome::Limit(hit)) if hit.kind == LimitKind::Stack)
}

#[test]
fn a_guest_has_its_whole_stack_on_a_small_thread_too() {
    let executor = deep_executor(|| Ok(()));
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    let small = thread.spawn(move || overflowed(deep(&executor, "f"))).expect("starts");
    assert!(small.join().expect("ends"));
}

#[test]
fn calls_within_calls_on_one_thread_have_each_their_stack() {
    static EXECUTOR: OnceLock<Executor> = OnceLock::new();
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    let executor = EXECUTOR.get_or_init(|| {
        deep_executor(|| {
            let executor = EXECUTOR.get().expect("it calls");
            let more = LEFT
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok();
            let ended = if more {
                deep(executor, "sink")
            } else {
                deep(executor, "f")
            };
            match ended {
                Ok(()) => Ok(()),
                // The innermost.
                Err(_) if !more => Ok(()),
                Err(outcome) => wasmtime::bail!("{outcome}"),
            }
        })
    });
    // On this thread, on a thread of the pool, and on a fiber.
    LEFT.store(20, Ordering::Relaxed);
    assert_eq!(deep(executor, "sink"), Ok(()));
    for path in [Path::Direct, Path::Fiber] {
        LEFT.store(20, Ordering::Relaxed);
        let outer = Executor::builder(executor.pool(), &executor.program())
            .path(path)
            .build()
            .expect("an executor");
        assert_eq!(crate::call(&outer, "sink", vec![]), Ok(None));
        assert_eq!(LEFT.load(Ordering::Relaxed), 0);
    }
}
