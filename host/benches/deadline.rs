//! How far over its deadline does a guest end beside 100 that spin: one that spins too, one that sleeps, one that waits at a queue?
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use bytesize::ByteSize;
use common::{SPIN, figure, guest, millis, percentile, program};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_pool::queue::{QueueOptions, Unbound};
use wasm_pool::{Engine, Grants, Limits, Outcome, Pool, Program, Setup};

/// Sleeps for an hour.
const SLEEP: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 3600000000000))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;

/// So many guests, one after the other, each with a deadline of some milliseconds; how far over it each ended.
fn over(pool: &Pool, program: &Program, grants: &Grants) -> Vec<Duration> {
    let one = |number: u64| {
        let deadline = Duration::from_millis(20 + number % 7);
        let setup = Setup {
            limits: Limits {
                deadline: Some(deadline),
                ..Limits::default()
            },
            grants: grants.clone(),
            ..Setup::default()
        };
        let ending = pool.run(program, setup).expect("starts");
        assert_eq!(ending.outcome, Outcome::Deadline(deadline));
        ending.wall.saturating_sub(deadline)
    };
    (0..200).map(one).collect()
}

fn deadline(criterion: &mut Criterion) {
    let engine = Engine::builder().instances(300).build().expect("an engine");
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    let options = QueueOptions {
        max_size: 1,
        max_bytes: ByteSize::mib(1),
        unbound: Unbound::Keep,
    };
    // A handle of ours could still fill it: nobody is deadlocked.
    let _queue = pool.queues().create_named("empty", &options).expect("a queue");
    let spin = program(&engine, SPIN.as_bytes());
    let spinners: Vec<_> = (0..100)
        .map(|_| pool.spawn(&spin, Setup::default()).expect("starts"))
        .collect();
    let waits = Grants {
        args: ["consume", "empty"].map(str::to_owned).to_vec(),
        queues: vec!["empty".to_owned()],
        ..Grants::default()
    };
    for (what, program, grants) in [
        ("spins", spin.clone(), Grants::default()),
        ("sleeps", program(&engine, SLEEP.as_bytes()), Grants::default()),
        (
            "waits at a queue",
            program(&engine, &guest("tests/guests/talker.wasm")),
            waits,
        ),
    ] {
        let over = over(&pool, &program, &grants);
        for (percent, goal) in [(50, ""), (99, "<= 10 ms")] {
            figure(
                &format!("over its deadline beside 100 spinning ones, one that {what}, {percent} %"),
                millis(percentile(over.clone(), percent)),
                goal,
            );
        }
    }
    pool.kill_all();
    spinners.iter().for_each(|guest| drop(guest.join()));

    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    let mut group = criterion.benchmark_group("deadline");
    group.sample_size(20);
    group.bench_function("a guest that is ended when it begins", |bench| {
        let limits = Limits {
            deadline: Some(Duration::ZERO),
            ..Limits::default()
        };
        let setup = std::sync::Arc::new(Setup {
            limits,
            ..Setup::default()
        });
        bench.iter(|| pool.run(&spin, std::sync::Arc::clone(&setup)).expect("starts"));
    });
    group.finish();
}

criterion_group!(benches, deadline);
criterion_main!(benches);
