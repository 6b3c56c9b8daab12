//! What do ten thousand waiting guests cost? Memory while they sleep, processor time to wake and finish them.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{cpu, figure, program};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_pool::{Engine, Interpreter, Pool, Setup};

const GUESTS: u32 = 10_000;

/// Sleeps until `nanos` (of the wall clock when `at`, from now when not) by WASI's `poll_oneoff`, and ends.
fn sleeper(nanos: u128, at: bool) -> String {
    let (clock, flags) = if at { (0, 1) } else { (1, 0) };
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start")
              (i32.store (i32.const 16) (i32.const {clock}))
              (i64.store (i32.const 24) (i64.const {nanos}))
              (i32.store16 (i32.const 40) (i32.const {flags}))
              (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#
    )
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("reads");
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .expect("a number");
    pages * rustix::param::page_size() as u64
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("lists").count()
}

fn spawn(pool: &Pool, program: &wasm_pool::Program, guests: u32) -> Vec<Interpreter> {
    (0..guests)
        .map(|_| pool.spawn(program, Setup::default()).expect("starts"))
        .collect()
}

fn sleepers(criterion: &mut Criterion) {
    let engine = Engine::builder().instances(GUESTS).build().expect("an engine");
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    let wake = SystemTime::now() + Duration::from_secs(4);
    let nanos = wake.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let program = program(&engine, sleeper(nanos, true).as_bytes());

    let (memory, tasks) = (resident(), threads());
    let guests = spawn(&pool, &program, GUESTS);
    // All are asleep when no processor time passes any more; they wake together.
    let mut before = cpu();
    loop {
        std::thread::park_timeout(Duration::from_millis(100));
        let now = cpu();
        if now - before < Duration::from_millis(5) {
            break;
        }
        before = now;
    }
    assert!(SystemTime::now() < wake, "they were not all asleep before they woke");
    let (asleep, more_threads) = (resident().saturating_sub(memory), threads().saturating_sub(tasks));
    let before = cpu();
    pool.join_all();
    let waking = cpu() - before;
    assert!(guests.iter().all(|guest| guest.join().outcome.is_success()));
    // One page of linear memory is the guest's own.
    let each = asleep as f64 / f64::from(GUESTS) / 1024.0 - 4.0;
    figure(
        "10,000 sleeping guests, resident memory each beyond the guest's pages",
        format!("{each:.1} KiB"),
        "<= 24 KiB",
    );
    figure("10,000 sleeping guests, threads more", more_threads.to_string(), "0");
    let each = waking.as_secs_f64() * 1e6 / f64::from(GUESTS);
    figure(
        "10,000 sleeping guests, processor time each to wake and finish",
        format!("{each:.1} us"),
        "<= 15 us",
    );

    let short = common::program(&engine, sleeper(1_000_000, false).as_bytes());
    let mut group = criterion.benchmark_group("sleepers");
    group.sample_size(10);
    group.bench_function("1,000 guests that sleep a millisecond", |bench| {
        bench.iter(|| spawn(&pool, &short, 1_000).iter().for_each(|guest| drop(guest.join())));
    });
    group.finish();
}

criterion_group!(benches, sleepers);
criterion_main!(benches);
