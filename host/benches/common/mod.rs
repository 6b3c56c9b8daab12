//! What the benches share: guests, and ratios that hold on a noisy machine.
#![allow(dead_code)] // each bench uses its part

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, Instant};

use wasm_pool::{Engine, Limits, Program};

/// A command that does nothing.
pub(crate) const EMPTY: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// Spins for ever.
pub(crate) const SPIN: &str = r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;

/// A file of the repository.
pub(crate) fn guest(path: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read(path).expect("reads the guest")
}

/// A program for this engine.
pub(crate) fn program(engine: &Engine, bytes: &[u8]) -> Program {
    Program::from_bytes(engine, "guest", bytes, &Limits::default()).expect("loads")
}

/// Processor time of this process, all threads together.
pub(crate) fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Runs `work` and says what it took: wall time, and processor time of this process.
pub(crate) fn took(work: impl FnOnce()) -> (Duration, Duration) {
    let (wall, before) = (Instant::now(), cpu());
    work();
    (wall.elapsed(), cpu() - before)
}

/// The median of `rounds` ratios of `ours` to `floor`, each measured just after the other.
pub(crate) fn ratio(rounds: usize, mut ours: impl FnMut() -> Duration, mut floor: impl FnMut() -> Duration) -> f64 {
    let ratios = (0..rounds).map(|_| {
        let below = floor().as_secs_f64();
        ours().as_secs_f64() / below
    });
    let ratios: Vec<_> = ratios.collect();
    ROUNDS.set(ratios.clone());
    median(ratios)
}

thread_local! {
    /// What the next figure is the median of.
    static ROUNDS: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

/// The middle one.
pub(crate) fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("comparable"));
    values[values.len() / 2]
}

/// The value that so many per cent do not exceed.
pub(crate) fn percentile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort_unstable();
    values[(values.len() - 1) * percent / 100]
}

/// As people read it.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Prints one figure beside what it should be; where `WASM_POOL_BENCH_JSON` names a file, it is added to that as a line of JSON, with the
/// rounds that it is the median of, where they are ratios.
pub(crate) fn figure(what: &str, value: String, goal: &str) {
    println!("{what:<72} {value:>12}   goal {goal}");
    let rounds = ROUNDS.take();
    let Some(path) = std::env::var_os("WASM_POOL_BENCH_JSON") else {
        return;
    };
    let figure = serde_json::json!({"bench": name(), "what": what, "value": value, "goal": goal, "rounds": rounds});
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    writeln!(file.expect("opens the file for figures"), "{figure}").expect("is written");
}

/// The bench's name: what cargo built, without its hash.
fn name() -> String {
    let program = std::env::current_exe().expect("its own path");
    let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    name.rsplit_once('-').map_or(name.clone(), |(name, _)| name.to_owned())
}
