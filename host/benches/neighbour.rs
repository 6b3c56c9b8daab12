//! What does an honest guest that computes get of the workers beside hostile ones? Its processor time, of its fair share.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{SPIN, figure, guest, program};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_pool::queue::QueueOptions;
use wasm_pool::stdio::{Output, Stdio};
use wasm_pool::{Engine, Grants, Limits, Pool, Program, Setup};

/// Grows and fills what it got, over and over.
const FILLS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start")
      (loop $for_ever
        (drop (memory.grow (i32.const 16)))
        (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))
        (br $for_ever))))"#;

/// Asks for the time and yields, over and over.
const YIELDS: &str = r#"(module
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (loop $for_ever
        (drop (call $time (i32.const 1) (i64.const 1) (i32.const 0)))
        (drop (call $yield))
        (br $for_ever))))"#;

/// How long each case lasts.
const LASTS: Duration = Duration::from_millis(1_500);

/// Runs an honest guest beside `hostile` ones for a while; its processor time, of the share that each may have.
fn share(engine: &Engine, hostile: &Program, words: &[&[&str]], copies: usize) -> f64 {
    let pool = Pool::builder(engine).workers(2).build().expect("a pool");
    for name in ["there", "back"] {
        pool.queues()
            .create_named(name, &QueueOptions::default())
            .expect("a queue");
    }
    let setup = |args: &[&str]| Setup {
        limits: Limits {
            deadline: Some(LASTS),
            ..Limits::default()
        },
        grants: Grants {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            queues: ["there", "back"].map(str::to_owned).to_vec(),
            ..Grants::default()
        },
        stdio: Stdio {
            stdout: Output::Discard,
            ..Stdio::default()
        },
        ..Setup::default()
    };
    let all: Vec<_> = (0..copies)
        .flat_map(|_| words.iter())
        .map(|words| pool.spawn(hostile, setup(words)).expect("starts"))
        .collect();
    let honest = pool
        .spawn(&program(engine, SPIN.as_bytes()), setup(&[]))
        .expect("starts");
    let got = honest.join().cpu;
    let others: Duration = all.iter().map(|guest| guest.join().cpu).sum();
    // Nobody can use more than one worker.
    let most = LASTS.as_secs_f64();
    let fair = ((got + others).as_secs_f64() / (all.len() + 1) as f64).min(most);
    got.as_secs_f64() / fair
}

fn neighbour(criterion: &mut Criterion) {
    let engine = Engine::builder().instances(100).build().expect("an engine");
    let wat = |source: &str| program(&engine, source.as_bytes());
    let talker = program(&engine, &guest("tests/guests/talker.wasm"));
    let probe = program(&engine, &guest("tests/guests/probe-p1.wasm"));
    let none: &[&str] = &[];
    let cases: [(&str, &Program, &[&[&str]], usize); 5] = [
        ("spin", &wat(SPIN), &[none], 8),
        ("grow and fill memory", &wat(FILLS), &[none], 8),
        ("ask for the time and yield", &wat(YIELDS), &[none], 8),
        ("flood their output", &probe, &[&["flood", "100000000000"]], 8),
        (
            "pass messages back and forth",
            &talker,
            &[
                &["ping", "there", "back", "1000000000"],
                &["bench-pong", "there", "back"],
            ],
            4,
        ),
    ];
    for (what, program, words, copies) in cases {
        let shares = (0..3).map(|_| share(&engine, program, words, copies));
        let share = common::median(shares.collect());
        figure(
            &format!("processor time of an honest guest beside 8 that {what}, of its fair share"),
            format!("{share:.2}"),
            ">= 0.9",
        );
    }
    let mut group = criterion.benchmark_group("neighbour");
    group.sample_size(10);
    let spin = wat(SPIN);
    group.bench_function("an honest guest's share beside 8 that spin", |bench| {
        bench.iter_custom(|rounds| {
            let shares = (0..rounds).map(|_| share(&engine, &spin, &[none], 8));
            shares.map(|share| LASTS.div_f64(share)).sum()
        });
    });
    group.finish();
}

criterion_group!(benches, neighbour);
criterion_main!(benches);
