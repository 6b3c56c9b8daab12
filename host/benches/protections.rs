//! What do the walls cost where nobody runs against them? Each beside Wasmtime without it.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{cpu, figure, median};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_pool::{Engine, Limits, Pool, Program, Setup};
use wasmtime::{Config, Instance, Module, ResourceLimiter, Store, UpdateDeadline};

/// Adds up, with a call in each round: what looks at the epoch at loops and calls.
const COMPUTES: &str = r#"(module
    (memory (export "memory") 1)
    (func $mix (param i64 i64) (result i64)
      (i64.add (i64.mul (local.get 0) (i64.const 6364136223846793005)) (local.get 1)))
    (func (export "_start") (local $left i64) (local $sum i64)
      (local.set $left (i64.const 40000000))
      (loop $next
        (local.set $sum (call $mix (local.get $sum) (local.get $left)))
        (br_if $next (i64.ne (local.tee $left (i64.sub (local.get $left) (i64.const 1))) (i64.const 0))))
      (i64.store (i32.const 0) (local.get $sum))))"#;

/// Grows by a page at a time.
const GROWS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start") (local $left i32)
      (local.set $left (i32.const 2000))
      (loop $next
        (drop (memory.grow (i32.const 1)))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"#;

/// Lets everything pass.
struct Open;

impl ResourceLimiter for Open {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// Which walls stand.
#[derive(Clone, Copy)]
struct Walls {
    epoch: bool,
    fuel: bool,
    limiter: bool,
}

const NONE: Walls = Walls {
    epoch: false,
    fuel: false,
    limiter: false,
};

/// Runs a module once with Wasmtime alone; processor time.
fn bare(source: &str, walls: Walls) -> Duration {
    let mut config = Config::new();
    config.epoch_interruption(walls.epoch).consume_fuel(walls.fuel);
    let engine = wasmtime::Engine::new(&config).expect("an engine");
    let module = Module::new(&engine, source).expect("compiles");
    let mut store = Store::new(&engine, Open);
    if walls.limiter {
        store.limiter(|open| open);
    }
    if walls.epoch {
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
    }
    if walls.fuel {
        store.set_fuel(u64::MAX).expect("fuel");
    }
    let instance = Instance::new(&mut store, &module, &[]).expect("instantiates");
    let start = instance
        .get_typed_func::<(), ()>(&mut store, "_start")
        .expect("a command");
    let before = cpu();
    start.call(&mut store, ()).expect("runs");
    cpu() - before
}

/// Runs it in a pool, with everything that bounds it.
fn pooled(source: &str) -> impl FnMut() -> Duration {
    let engine = Engine::builder().instances(2).build().expect("an engine");
    let program = Program::from_bytes(&engine, "guest", source.as_bytes(), &Limits::default()).expect("loads");
    let pool = Pool::builder(&engine).workers(1).build().expect("a pool");
    move || {
        let ending = pool.run(&program, Setup::default()).expect("starts");
        assert!(ending.outcome.is_success(), "{ending:?}");
        ending.cpu
    }
}

fn ratio(mut ours: impl FnMut() -> Duration, mut floor: impl FnMut() -> Duration) -> String {
    let ratios = (0..11).map(|_| {
        let below = floor().as_secs_f64();
        ours().as_secs_f64() / below
    });
    format!("{:.2}", median(ratios.collect()))
}

fn protections(criterion: &mut Criterion) {
    let none = || bare(COMPUTES, NONE);
    let epoch = Walls { epoch: true, ..NONE };
    let fuel = Walls { fuel: true, ..NONE };
    let limiter = Walls { limiter: true, ..NONE };
    figure(
        "computing, epoch looked at / not",
        ratio(|| bare(COMPUTES, epoch), none),
        "",
    );
    figure(
        "computing, fuel counted (off by default) / not",
        ratio(|| bare(COMPUTES, fuel), none),
        "",
    );
    figure(
        "computing, in a pool with all limits / bare Wasmtime without any",
        ratio(pooled(COMPUTES), none),
        "",
    );
    figure(
        "the same / bare Wasmtime with the epoch alone",
        ratio(pooled(COMPUTES), || bare(COMPUTES, epoch)),
        "",
    );
    let free = || bare(GROWS, NONE);
    figure(
        "growing by a page, a limiter asked / not",
        ratio(|| bare(GROWS, limiter), free),
        "",
    );
    figure(
        "growing by a page, in a pool with its budget / bare Wasmtime without any",
        ratio(pooled(GROWS), free),
        "",
    );

    let mut group = criterion.benchmark_group("protections");
    group.sample_size(10);
    let mut run = pooled(COMPUTES);
    group.bench_function("computing in a pool", |bench| {
        bench.iter_custom(|rounds| (0..rounds).map(|_| run()).sum());
    });
    group.finish();
}

criterion_group!(benches, protections);
criterion_main!(benches);
