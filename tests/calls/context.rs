//! What host functions know of who calls them.

use std::sync::Arc;

use wasm_pool::value::Val;
use wasm_pool::{Engine, Executor, Guest, HostCalls, Path, Pool, Reuse, Setup};

use crate::{LONG, on};

/// Its `ask` gives what the host's `who` gives.
const ASKS: &str = r#"(component
    (import "tests:calls/host" (instance $host (export "who" (func (result u32)))))
    (core func $who (canon lower (func $host "who")))
    (core module $m
        (import "host" "who" (func $who (result i32)))
        (func (export "ask") (result i32) (call $who)))
    (core instance $i (instantiate $m (with "host" (instance (export "who" (func $who))))))
    (func (export "ask") (result u32) (canon lift (core func $i "ask"))))"#;

/// For whom a call is, or an executor.
struct For(u32);

fn who(guest: &Guest) -> u32 {
    guest.context::<For>().map_or(0, |caller| caller.0)
}

/// One interpreter, used again and again.
fn executor(path: Path, context: Option<Arc<For>>) -> Executor {
    let engine = Engine::builder()
        .host_functions("tests:calls/host", HostCalls::Prompt, |linker| {
            linker
                .instance("tests:calls/host")?
                .func_wrap("who", |store, (): ()| Ok((who(store.data()),)))
        })
        .build()
        .expect("an engine");
    let program = on(&engine, ASKS);
    let setup = Setup {
        context: context.map(|context| context as Arc<_>),
        ..Setup::default()
    };
    Executor::builder(&Pool::new(&engine).expect("a pool"), &program)
        .setup(setup)
        .path(path)
        .interpreters(1)
        .reuse(Reuse::ALWAYS)
        .build()
        .expect("an executor")
}

fn ask(executor: &Executor, caller: Option<u32>) -> u32 {
    let asks = executor.submit_typed(move |store, instance| {
        Box::pin(async move {
            if let Some(caller) = caller {
                store.data_mut().set_context(For(caller));
            }
            let ask = instance.get_typed_func::<(), (u32,)>(&mut *store, "ask")?;
            Ok(ask.call_async(store, ()).await?.0)
        })
    });
    asks.expect("submits").result(LONG).expect("a number")
}

#[test]
fn host_functions_know_for_whom_a_call_is() {
    for path in [Path::Direct, Path::Fiber] {
        for (context, own) in [(None, 0), (Some(Arc::new(For(23))), 23)] {
            let executor = executor(path, context);
            assert_eq!(ask(&executor, None), own);
            assert_eq!([1, 2].map(|caller| ask(&executor, Some(caller))), [1, 2]);
            // No call is taken for the one before it, though the interpreter is the same.
            assert_eq!(ask(&executor, None), own);
            let function = executor.function("ask").expect("a function");
            let asks = executor.submit(&function, Vec::new()).expect("submits");
            assert_eq!(asks.result(LONG), Ok(Some(Val::U32(own))));
        }
    }
}

#[test]
fn a_handle_may_call_for_somebody() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = executor(path, Some(Arc::new(For(23))));
        let function = executor.function("ask").expect("a function");
        let asks = |executor: &Executor| {
            let asks = executor.submit(&function, Vec::new()).expect("submits");
            asks.result(LONG).expect("a number")
        };
        let (one, two) = (executor.with_context(For(1)), executor.with_context(For(2)));
        assert_eq!(
            [&one, &two, &executor].map(asks),
            [1, 2, 23].map(|caller| Some(Val::U32(caller)))
        );
        let mapped: Vec<_> = two.map(&function, [vec![], vec![]]).collect();
        assert_eq!(mapped, [Ok(Some(Val::U32(2))), Ok(Some(Val::U32(2)))]);
    }
}
