//! What is submitted to call with types of its own.

use std::time::Duration;

use wasm_pool::{ErrorKind, Executor, FutureError, Outcome, Path, Reuse};

use crate::harness::eventually;
use crate::{COUNTER, LONG, PLUGIN, PLUGIN_WASI, builder, deadline, ended, executor, gate};

mod bindings {
    #![allow(missing_docs, unreachable_pub)]

    // A part of the world `plugin`: the whole has a function `enum`, which the macro does not escape.
    wasmtime::component::bindgen!({
        inline: "
            package tests:calls;
            world called {
                export next: func() -> u32;
                export trap: func(at: u32) -> u32;
                export spin: func(at: u32) -> u32;
            }",
        exports: { default: async },
    });
}

use bindings::Called as Plugin;

/// Two calls, one after the other, in one interpreter: what `next` gives the second time, times `by`.
fn twice(executor: &Executor, by: u32) -> Result<u32, FutureError> {
    let typed = executor.submit_typed(move |store, instance| {
        Box::pin(async move {
            let plugin = Plugin::new(&mut *store, instance)?;
            plugin.call_next(&mut *store).await?;
            Ok(plugin.call_next(&mut *store).await? * by)
        })
    });
    typed.expect("submits").result(LONG)
}

/// A typed call that does not end.
fn spins(executor: &Executor) -> wasm_pool::Future<u32> {
    let typed = executor.submit_typed(|store, instance| {
        Box::pin(async move {
            let plugin = Plugin::new(&mut *store, instance)?;
            plugin.call_spin(&mut *store, 23).await
        })
    });
    typed.expect("submits")
}

#[test]
fn a_typed_call_has_an_interpreter_as_long_as_it_runs() {
    for path in [Path::Auto, Path::Direct, Path::Fiber] {
        let fresh = builder(&PLUGIN).path(path).build().expect("an executor");
        assert_eq!([(); 3].map(|()| twice(&fresh, 10)), [Ok(20), Ok(20), Ok(20)], "{path}");
        let always = builder(&PLUGIN)
            .path(path)
            .interpreters(1)
            .reuse(Reuse::ALWAYS)
            .build()
            .expect("an executor");
        assert_eq!([(); 3].map(|()| twice(&always, 10)), [Ok(20), Ok(40), Ok(60)], "{path}");
    }
    let waits = executor(&PLUGIN_WASI);
    assert_eq!(twice(&waits, 1), Ok(2));
}

#[test]
fn typed_calls_are_ended_like_others() {
    for path in [Path::Direct, Path::Fiber] {
        let short = Duration::from_millis(50);
        let executor = builder(&PLUGIN)
            .path(path)
            .setup(deadline(short))
            .build()
            .expect("an executor");
        assert_eq!(ended(spins(&executor).result(LONG)), Outcome::Deadline(short));
        let executor = builder(&PLUGIN).path(path).build().expect("an executor");
        let spinning = spins(&executor);
        eventually("it runs", || spinning.running());
        assert!(spinning.kill());
        assert_eq!(ended(spinning.result(LONG)), Outcome::Killed);
        assert_eq!(twice(&executor, 1), Ok(2));
    }
}

#[test]
fn a_typed_call_that_fails_traps_or_panics_fails_alone() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&PLUGIN)
            .path(path)
            .interpreters(1)
            .reuse(Reuse::ALWAYS)
            .build()
            .expect("an executor");
        for _ in 0..2 {
            let traps = executor.submit_typed(|store, instance| {
                Box::pin(async move {
                    let plugin = Plugin::new(&mut *store, instance)?;
                    plugin.call_trap(&mut *store, 17).await
                })
            });
            let outcome = ended(traps.expect("submits").result(LONG));
            assert!(matches!(outcome, Outcome::Trapped(_)), "{outcome}");
            let fails = executor.submit_typed(|_, _| Box::pin(async { wasmtime::bail!("on purpose") }));
            let fails: wasm_pool::Future<()> = fails.expect("submits");
            assert!(
                fails
                    .result(LONG)
                    .is_err_and(|why| why.to_string().contains("on purpose"))
            );
            let panics = executor.submit_typed(|_, _| Box::pin(async { panic!("on purpose") }));
            let panics: wasm_pool::Future<()> = panics.expect("submits");
            match ended(panics.result(LONG)) {
                Outcome::HostError(why) => assert!(why.contains("on purpose"), "{why}"),
                other => panic!("{other}"),
            }
            assert_eq!(twice(&executor, 1), Ok(2));
            let again = executor
                .submit_typed(|_, _| Box::pin(async { Ok(7) }))
                .expect("submits");
            assert_eq!(again.result(LONG), Ok(7));
        }
    }
}

#[test]
fn one_that_waits_for_us_waits_on_a_fiber_and_not_on_a_thread() {
    let waits = |executor: &Executor| {
        let (sender, receiver) = tokio::sync::oneshot::channel::<u32>();
        let future = executor.submit_typed(move |_, _| Box::pin(async move { Ok(receiver.await?) }));
        (sender, future.expect("submits"))
    };
    let fibers = executor(&PLUGIN);
    let (sender, future) = waits(&fibers);
    eventually("it runs", || future.running());
    sender.send(5).expect("it listens");
    assert_eq!(future.result(LONG), Ok(5));
    // Nobody could wake it there.
    let direct = builder(&PLUGIN).path(Path::Direct).build().expect("an executor");
    let (_sender, future) = waits(&direct);
    match ended(future.result(LONG)) {
        Outcome::HostError(why) => assert!(why.contains("waited"), "{why}"),
        other => panic!("{other}"),
    }
    assert_eq!(twice(&direct, 1), Ok(2));
}

#[test]
fn typed_calls_wait_their_turn_and_can_be_cancelled() {
    let executor = builder(&PLUGIN).interpreters(1).build().expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, _held) = gate(&executor, &nothing);
    let never = executor
        .submit_typed(|_, _| Box::pin(async { Ok(1) }))
        .expect("submits");
    let waits = executor
        .submit_typed(|_, _| Box::pin(async { Ok(2) }))
        .expect("submits");
    assert!(never.cancel());
    drop(hold);
    assert_eq!(
        (never.result(LONG), waits.result(LONG)),
        (Err(FutureError::Cancelled), Ok(2))
    );
}

#[test]
fn a_core_module_has_no_typed_calls() {
    let executor = executor(&COUNTER);
    let refused = executor
        .submit_typed(|_, _| Box::pin(async { Ok(()) }))
        .expect_err("refuses");
    assert_eq!(refused.kind(), ErrorKind::Usage);
}
