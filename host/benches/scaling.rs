//! Does it scale, and fairly? Equal guests that only compute, on two workers.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{figure, guest, median, program, ratio, took};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_pool::{Ending, Engine, Grants, Pool, Program, Setup};

/// Equal work: every guest counts the same primes.
fn equal(limit: &str) -> Setup {
    Setup {
        grants: Grants {
            args: vec![limit.to_owned()],
            ..Grants::default()
        },
        ..Setup::default()
    }
}

fn together(pool: &Pool, program: &Program, guests: usize, limit: &str) -> Vec<Ending> {
    let guests: Vec<_> = (0..guests)
        .map(|_| pool.spawn(program, equal(limit)).expect("starts"))
        .collect();
    guests.iter().map(wasm_pool::Interpreter::join).collect()
}

fn scaling(criterion: &mut Criterion) {
    let engine = Engine::builder().instances(100).build().expect("an engine");
    let program = program(&engine, &guest("examples/02-primes/primes.wasm"));
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    let limit = "20000000";

    let mut group = criterion.benchmark_group("two guests that compute, wall time");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.bench_function("one after the other", |bench| {
        bench.iter(|| (0..2).for_each(|_| drop(together(&pool, &program, 1, limit))));
    });
    group.bench_function("together", |bench| bench.iter(|| together(&pool, &program, 2, limit)));
    group.finish();

    let wall = |guests: usize, limit: &str| took(|| drop(together(&pool, &program, guests, limit))).0;
    let two = ratio(15, || wall(2, limit), || wall(1, limit) + wall(1, limit));
    figure(
        "two guests together / one after the other, wall",
        format!("{two:.2}"),
        "<= 0.55",
    );
    // Perfect packing: the processor time of all, over two workers.
    let packing = (0..7).map(|_| {
        let mut used = Duration::ZERO;
        let (wall, _) = took(|| {
            used = together(&pool, &program, 64, "3000000")
                .iter()
                .map(|ending| ending.cpu)
                .sum()
        });
        wall.as_secs_f64() / (used.as_secs_f64() / 2.0)
    });
    figure(
        "64 guests on two workers / perfect packing, wall",
        format!("{:.3}", median(packing.collect())),
        "<= 1.05",
    );
    let spread = (0..7).map(|_| {
        let walls: Vec<_> = together(&pool, &program, 8, "50000000")
            .iter()
            .map(|ending| ending.wall.as_secs_f64())
            .collect();
        let (first, last) = walls
            .iter()
            .fold((f64::MAX, 0f64), |(min, max), wall| (min.min(*wall), max.max(*wall)));
        last / first
    });
    figure(
        "8 equal guests, the slowest / the fastest, wall",
        format!("{:.2}", median(spread.collect())),
        "<= 1.20",
    );
}

/// As many guests as the longest run needs, on one worker, two, four and so on up to the cores.
fn curve(_: &mut Criterion) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let engine = Engine::builder().instances(64).build().expect("an engine");
    let program = program(&engine, &guest("examples/02-primes/primes.wasm"));
    let all = (0..)
        .map(|power| 1 << power)
        .take_while(|workers| *workers < cores)
        .chain([cores]);
    let wall = |workers: usize| {
        let pool = Pool::builder(&engine).workers(workers).build().expect("a pool");
        took(|| drop(together(&pool, &program, 32, "3000000"))).0
    };
    for workers in all {
        let faster = ratio(5, || wall(1), || wall(workers));
        figure(
            &format!("32 guests on {workers} workers, faster than on one"),
            format!("{faster:.2}"),
            "",
        );
    }
}

criterion_group!(benches, scaling, curve);
criterion_main!(benches);
