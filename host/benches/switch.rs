//! How soon is a guest that waits served beside guests that spin?
#![allow(clippy::disallowed_types)] // ranks are for the locks of the library
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{SPIN, figure, millis, percentile, program};
use criterion::{Criterion, criterion_group, criterion_main};
use parking_lot::Mutex;
use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::{Engine, Pool, Setup};

/// Sleeps 10 ms and writes a byte, 100 times.
const PULSE: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $left i32)
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 10000000))
      (i32.store (i32.const 256) (i32.const 300))
      (i32.store (i32.const 260) (i32.const 1))
      (local.set $left (i32.const 100))
      (loop $next
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
        (drop (call $write (i32.const 1) (i32.const 256) (i32.const 1) (i32.const 264)))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"#;

/// How late each pulse of one guest comes.
fn lateness(pool: &Pool, pulse: &wasm_pool::Program) -> Vec<Duration> {
    let times = Arc::new(Mutex::new(vec![Instant::now()]));
    let noted = Arc::clone(&times);
    let pipe = OutputPipe::new(1 << 20, move || noted.lock().push(Instant::now()));
    let stdio = Stdio {
        stdout: Output::Pipe(pipe.clone()),
        ..Stdio::default()
    };
    let guest = pool
        .spawn(
            pulse,
            Setup {
                stdio,
                ..Setup::default()
            },
        )
        .expect("starts");
    // The pipe tells of the next byte only once this one was taken.
    while guest.join_timeout(Duration::from_micros(200)).is_none() {
        pipe.take_all();
    }
    let times = times.lock();
    times
        .windows(2)
        .skip(1)
        .map(|pair| (pair[1] - pair[0]).saturating_sub(Duration::from_millis(10)))
        .collect()
}

fn switch(criterion: &mut Criterion) {
    let engine = Engine::builder().instances(20).build().expect("an engine");
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    let (spin, pulse) = (program(&engine, SPIN.as_bytes()), program(&engine, PULSE.as_bytes()));
    let alone = lateness(&pool, &pulse);
    let spinners: Vec<_> = (0..8)
        .map(|_| pool.spawn(&spin, Setup::default()).expect("starts"))
        .collect();
    let beside = lateness(&pool, &pulse);
    figure(
        "a guest that waits, alone, late at the median",
        millis(percentile(alone, 50)),
        "",
    );
    figure(
        "a guest that waits, beside 8 spinning ones, late at the median",
        millis(percentile(beside.clone(), 50)),
        "<= 10 ms",
    );
    figure(
        "a guest that waits, beside 8 spinning ones, late at the 99th percentile",
        millis(percentile(beside, 99)),
        "",
    );

    pool.kill_all();
    spinners.iter().for_each(|guest| drop(guest.join()));

    let engine = Engine::builder().instances(10).build().expect("an engine");
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    let spin = program(&engine, SPIN.as_bytes());
    let mut group = criterion.benchmark_group("switch");
    group.sample_size(20);
    group.bench_function("kill a spinning guest", |bench| {
        bench.iter(|| {
            let guest = pool.spawn(&spin, Setup::default()).expect("starts");
            guest.kill();
            guest.join()
        });
    });
    group.finish();
}

criterion_group!(benches, switch);
criterion_main!(benches);
