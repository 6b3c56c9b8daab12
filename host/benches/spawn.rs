//! What does a life cost beside bare Wasmtime? Instantiate, run an empty command, drop; same engine, same WASI.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{EMPTY, cpu, figure, guest, program, ratio};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_pool::{Engine, Grants, Pool, Program, Setup};
use wasmtime::{Linker, Module, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::WasiP1Ctx;

/// Lives a round.
const LIVES: u32 = 2_000;

/// Lives that are started before they are waited for, as a service does that admits so many.
const BURST: u32 = 100;

/// `lives` lives with Wasmtime alone, on this thread: its own limiter and its own yielding, as an embedder would have
/// them for code that he does not trust.
fn bare(
    engine: &wasmtime::Engine,
    pre: &wasmtime::InstancePre<(WasiP1Ctx, StoreLimits)>,
    lives: u32,
    args: &[&str],
) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let before = cpu();
    runtime.block_on(async {
        for _ in 0..lives {
            let wasi = WasiCtxBuilder::new().arg("guest").args(args).build_p1();
            let mut store = Store::new(engine, (wasi, StoreLimitsBuilder::new().memory_size(256 << 20).build()));
            store.limiter(|(_, limits)| limits);
            store.set_epoch_deadline(5);
            store.epoch_deadline_async_yield_and_update(5);
            let instance = pre.instantiate_async(&mut store).await.expect("instantiates");
            let start = instance
                .get_typed_func::<(), ()>(&mut store, "_start")
                .expect("a command");
            start.call_async(&mut store, ()).await.expect("runs");
        }
    });
    cpu() - before
}

/// The same on two threads at once, as a pool of two workers has it: they share the allocator's locks and the caches.
fn bare_on_two(
    engine: &wasmtime::Engine,
    pre: &wasmtime::InstancePre<(WasiP1Ctx, StoreLimits)>,
    lives: u32,
    args: &[&str],
) -> Duration {
    let before = cpu();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| bare(engine, pre, lives / 2, args));
        }
    });
    cpu() - before
}

/// The same through a pool.
fn pooled(pool: &Pool, program: &Program, lives: u32, args: &[&str]) -> Duration {
    let setup = Arc::new(Setup {
        grants: Grants {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            ..Grants::default()
        },
        ..Setup::default()
    });
    let before = cpu();
    for started in 0..lives {
        if started % BURST == 0 {
            pool.join_all();
        }
        let well = |_, ending: &wasm_pool::Ending| assert!(ending.outcome.is_success());
        pool.spawn_then(program, Arc::clone(&setup), well).expect("starts");
    }
    pool.join_all();
    cpu() - before
}

fn spawn(criterion: &mut Criterion) {
    for (name, bytes, args) in [
        ("an empty command", EMPTY.as_bytes().to_vec(), &[][..]),
        (
            "a Rust command that prints an argument",
            guest("tests/guests/probe-p1.wasm"),
            &["args", "x"][..],
        ),
    ] {
        let engine = Engine::builder().instances(BURST).build().expect("an engine");
        let program = program(&engine, &bytes);
        let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
        let mut linker = Linker::new(engine.wasmtime());
        wasmtime_wasi::p1::add_to_linker_async(&mut linker, |(wasi, _): &mut (WasiP1Ctx, StoreLimits)| wasi)
            .expect("WASI");
        let module = Module::new(engine.wasmtime(), &bytes).expect("compiles");
        let pre = linker.instantiate_pre(&module).expect("resolves");

        let mut group = criterion.benchmark_group(format!("life of {name}, processor time"));
        group.sample_size(20).measurement_time(Duration::from_secs(3));
        group.bench_function("bare Wasmtime", |bench| {
            bench.iter_custom(|lives| bare(engine.wasmtime(), &pre, lives as u32, args));
        });
        group.bench_function("through the pool", |bench| {
            bench.iter_custom(|lives| pooled(&pool, &program, lives as u32, args));
        });
        group.finish();
        let ratio = ratio(
            21,
            || pooled(&pool, &program, LIVES, args),
            || bare(engine.wasmtime(), &pre, LIVES, args),
        );
        figure(
            &format!("a life of {name}, through the pool / bare"),
            format!("{ratio:.2}"),
            "<= 1.25",
        );
        let ratio = common::ratio(
            21,
            || pooled(&pool, &program, LIVES, args),
            || bare_on_two(engine.wasmtime(), &pre, LIVES, args),
        );
        figure(
            &format!("a life of {name}, through the pool / bare on two threads"),
            format!("{ratio:.2}"),
            "<= 1.25",
        );
    }
}

criterion_group!(benches, spawn);
criterion_main!(benches);
