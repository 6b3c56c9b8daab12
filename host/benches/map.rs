//! What does a map of many tiny items cost, with a fresh interpreter for each item and with one that is used again, beside bare
//! Wasmtime; how does it gain from a second core; and does its memory stay flat?
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{cpu, figure, guest, program, ratio, took};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_pool::calls::{Batch, Returned};
use wasm_pool::value::Val;
use wasm_pool::{Engine, Executor, Outcome, Pool, Program, Reuse, Wait};
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder, UpdateDeadline};

/// Items a round.
const ITEMS: u32 = 50_000;

type Host = (wasmtime_wasi::p1::WasiP1Ctx, StoreLimits);

/// A fresh instance, one call, the end: with Wasmtime alone, on this thread, with a context for WASI and limits as a pool's
/// interpreters have them.
fn bare(engine: &wasmtime::Engine, pre: &InstancePre<Host>, items: u32) -> Duration {
    let index = pre.component().get_export_index(None, "add").expect("it exports `add`");
    let before = cpu();
    for item in 0..items {
        let wasi = wasmtime_wasi::WasiCtxBuilder::new().arg("guest").build_p1();
        let mut store = Store::new(engine, (wasi, StoreLimitsBuilder::new().memory_size(256 << 20).build()));
        store.limiter(|(_, limits)| limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        let instance = pre.instantiate(&mut store).expect("instantiates");
        let add = instance.get_func(&mut store, index).expect("is there");
        let mut sum = [Val::Bool(false)];
        add.call(&mut store, &[Val::S32(item as i32), Val::S32(1)], &mut sum)
            .expect("adds");
        assert_eq!(sum, [Val::S32(item as i32 + 1)]);
    }
    cpu() - before
}

fn map(executor: &Executor, items: u32) {
    let add = executor.function("add").expect("it exports `add`");
    let arguments = (0..items).map(|item| vec![Val::S32(item as i32), Val::S32(1)]);
    let results = executor.map(&add, arguments).chunk(256);
    for (item, result) in results.enumerate() {
        assert_eq!(result, Ok(Some(Val::S32(item as i32 + 1))));
    }
}

/// Wall time of the same on so many threads.
fn bare_wall(engine: &wasmtime::Engine, pre: &InstancePre<Host>, items: u32, threads: u32) -> Duration {
    let work = || {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| bare(engine, pre, items / threads));
            }
        });
    };
    took(work).0
}

/// So many calls, whose arguments are made and whose results are looked at where the calls are made.
struct Part(std::ops::Range<u32>, u32);

impl Batch for Part {
    type Output = ();

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        let next = self.0.next();
        if let Some(next) = next {
            self.1 = next;
            arguments.extend([Val::S32(next as i32), Val::S32(1)]);
        }
        next.is_some()
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        assert_eq!(result, Ok(Some(Val::S32(self.1 as i32 + 1))));
    }

    fn finish(self) {}
}

/// A map in batches, as `wasm-pool map` makes it: this thread only hands them out.
fn in_batches(executor: &Executor, items: u32) {
    const BATCH: u32 = 256;
    let add = executor.function("add").expect("it exports `add`");
    let parts = (0..items).step_by(BATCH as usize).map(|from| {
        let part = Part(from..items.min(from + BATCH), from);
        executor.submit_batch(&add, part).expect("is taken")
    });
    for part in parts.collect::<Vec<_>>() {
        part.into_result(Wait::Forever).expect("adds");
    }
}

fn executor(engine: &Engine, program: &Program, workers: usize, reuse: Reuse) -> Executor {
    let pool = Pool::builder(engine).workers(workers).build().expect("a pool");
    let builder = Executor::builder(&pool, program).reuse(reuse);
    builder.interpreters(workers).build().expect("an executor")
}

/// Wall time of a map in batches.
fn wall(executor: &Executor, items: u32) -> Duration {
    took(|| in_batches(executor, items)).0
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("reads");
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .expect("pages");
    pages * rustix::param::page_size() as u64
}

fn maps(criterion: &mut Criterion) {
    let engine = Engine::builder().instances(64).build().expect("an engine");
    let bytes = guest("tests/guests/plugin.wasm");
    let program = program(&engine, &bytes);
    let component = Component::new(engine.wasmtime(), &bytes).expect("compiles");
    let pre = Linker::new(engine.wasmtime())
        .instantiate_pre(&component)
        .expect("resolves");
    let one = executor(&engine, &program, 1, Reuse::Fresh);
    let two = executor(&engine, &program, 2, Reuse::Fresh);
    let again = executor(&engine, &program, 2, Reuse::ALWAYS);

    let mut group = criterion.benchmark_group("an item of a map, processor time");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.bench_function("bare Wasmtime, a fresh instance", |bench| {
        bench.iter_custom(|items| bare(engine.wasmtime(), &pre, items as u32));
    });
    group.bench_function("a fresh interpreter", |bench| {
        bench.iter_custom(|items| took(|| map(&one, items as u32)).1);
    });
    group.bench_function("an interpreter that is used again", |bench| {
        bench.iter_custom(|items| took(|| map(&again, items as u32)).1);
    });
    group.finish();

    let fresh = ratio(
        11,
        || took(|| map(&one, ITEMS)).1,
        || bare(engine.wasmtime(), &pre, ITEMS),
    );
    figure(
        "an item of a map, a fresh interpreter, processor time / bare",
        format!("{fresh:.2}"),
        "<= 1.3",
    );
    let gain = ratio(11, || wall(&one, ITEMS), || wall(&two, ITEMS));
    figure(
        "a map in batches on two workers, faster than on one",
        format!("{gain:.2}"),
        ">= 1.8",
    );
    let gain = ratio(
        11,
        || bare_wall(engine.wasmtime(), &pre, ITEMS, 1),
        || bare_wall(engine.wasmtime(), &pre, ITEMS, 2),
    );
    figure(
        "bare Wasmtime on two threads, faster than on one",
        format!("{gain:.2}"),
        "",
    );
    let gain = ratio(11, || took(|| map(&one, ITEMS)).0, || took(|| map(&two, ITEMS)).0);
    figure(
        "a map through `Map`, where one more thread makes arguments, on two",
        format!("{gain:.2}"),
        ">= 1.8",
    );
    map(&again, 10_000);
    let before = resident();
    map(&again, 1_000_000);
    let grown = resident().saturating_sub(before) as f64 / f64::from(1 << 20);
    figure(
        "memory that a map of 1,000,000 takes beyond one of 10,000",
        format!("{grown:.1} MiB"),
        "<= 8 MiB",
    );
}

criterion_group!(benches, maps);
criterion_main!(benches);
