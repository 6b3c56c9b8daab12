//! What does the command line cost as a whole process? A cached hello program, beside `wasmtime run` of the same file.
//!
//! Set `WASMTIME` to the path of a `wasmtime` 48 to have it measured; without one, only our own figures are printed.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{figure, median, ratio};
use criterion::{Criterion, criterion_group, criterion_main};

/// Processor time of all children so far.
fn children() -> Duration {
    let usage = |path: &str| std::fs::read_to_string(path).expect("reads");
    // Fields 16 and 17 are user and system time of waited-for children, in clock ticks; too coarse for one child, fine
    // for many.
    let stat = usage("/proc/self/stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 = fields[13].parse::<u64>().expect("a number") + fields[14].parse::<u64>().expect("a number");
    Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second())
}

/// Processor time of `times` runs.
fn runs(times: u32, program: &Path, args: &[&str]) -> Duration {
    let before = children();
    for _ in 0..times {
        let status = Command::new(program)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("starts").success());
    }
    children() - before
}

fn process(criterion: &mut Criterion) {
    let ours = Path::new(env!("CARGO_BIN_EXE_wasm-pool"));
    let hello = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/02-primes/primes.wasm")
        .display()
        .to_string();
    let (one, eight) = (
        ["run", "-q", &hello, "--", "100"],
        ["run", "-q", &hello, "-n", "8", "--", "100"],
    );
    runs(3, ours, &one);
    let of_eight = ratio(9, || runs(60, ours, &eight), || runs(60, ours, &one));
    figure(
        "8 instances of a small command / one, processor time of the process",
        format!("{of_eight:.2}"),
        "<= 1.3",
    );
    let unlocked = ["run", "-q", "--no-lockdown", &hello, "--", "100"];
    // Enough of them for clock ticks to tell tenths of a millisecond.
    const MANY: u32 = 300;
    let extra = |_| {
        let (with, without) = (runs(MANY, ours, &one), runs(MANY, ours, &unlocked));
        (with.as_secs_f64() - without.as_secs_f64()) * 1e3 / f64::from(MANY)
    };
    figure(
        "what the lockdown takes, processor time of the process, ms",
        format!("{:.2}", median((0..5).map(extra).collect())),
        "<= 0.3",
    );
    match std::env::var_os("WASMTIME") {
        Some(wasmtime) => {
            let (wasmtime, theirs) = (Path::new(&wasmtime), ["run", "-C", "cache=y", &hello, "100"]);
            runs(3, wasmtime, &theirs);
            let beside = ratio(9, || runs(60, ours, &one), || runs(60, wasmtime, &theirs));
            figure(
                "`wasm-pool run` / `wasmtime run`, processor time of the process",
                format!("{beside:.2}"),
                "<= 0.8",
            );
        }
        None => println!("`wasmtime run` was not measured: WASMTIME names no binary"),
    }
    let mut group = criterion.benchmark_group("process");
    group.sample_size(20);
    group.bench_function("wasm-pool run, one instance, wall", |bench| {
        bench.iter(|| runs(1, ours, &one))
    });
    group.finish();
}

criterion_group!(benches, process);
criterion_main!(benches);
