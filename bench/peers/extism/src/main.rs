//! The peer `Extism`, by the `Pool` of its Rust crate: `WORK COUNT`, by `compare` in the folder above.

use std::io::{Read, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Pool, PoolBuilder, Wasm};

const WORKERS: usize = 2;

/// Numbers below this are looked at for primes, of which there are so many.
const PRIMES: (u64, u64) = (5_000, 669);

/// What a call may take where one of them never ends.
const TIMEOUT: Duration = Duration::from_millis(250);

const WAIT: Duration = Duration::from_secs(60);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [work, count] = words.as_slice() else {
        return println!("`bench/peers/compare` runs this");
    };
    let count = count.parse().expect("a number");
    match work.as_str() {
        "call" => println!("{}", calls(count)),
        "submit" => unable("its pool has no threads: a call runs on the thread that asks"),
        "bytes" => println!("{}", bytes(count)),
        "map" => println!("{}", shared_out(&pool(None), count, primes)),
        "life" => println!("{}", lives(count)),
        "ping-pong" | "one-to-one" | "eight-to-eight" => {
            unable("it has no queues: plugins talk through functions of their host")
        }
        "idle" => idle(count),
        "hostile" => hostile(count),
        other => panic!("there is no work `{other}`"),
    }
}

/// What the driver takes for "this peer has no such thing".
fn unable(why: &str) {
    println!("{why}");
    std::process::exit(77);
}

fn compiled(timeout: Option<Duration>) -> CompiledPlugin {
    let mut manifest = Manifest::new([Wasm::data(include_bytes!("../plugin.wat").as_slice())]);
    if let Some(timeout) = timeout {
        manifest = manifest.with_timeout(timeout);
    }
    CompiledPlugin::new(PluginBuilder::new(manifest).with_wasi(false)).expect("compiles")
}

fn pool(timeout: Option<Duration>) -> Pool {
    let compiled = compiled(timeout);
    let new = move || Plugin::new_from_compiled(&compiled);
    PoolBuilder::new().with_max_instances(WORKERS).build(new)
}

fn call(pool: &Pool, function: &str, value: u64) -> Result<u64, extism::Error> {
    let answer = pool.with_plugin(WAIT, |plugin| {
        plugin.call::<_, Vec<u8>>(function, value.to_le_bytes().as_slice())
    })?;
    let answer = answer.expect("a plugin is free in time");
    Ok(u64::from_le_bytes(answer.as_slice().try_into().expect("eight bytes")))
}

fn calls(count: u64) -> u64 {
    let pool = pool(None);
    (0..count).map(|value| call(&pool, "next", value).expect("adds")).sum()
}

fn bytes(count: u64) -> u64 {
    let (pool, data) = (pool(None), (0..64 << 10).map(|at: u32| at as u8).collect::<Vec<_>>());
    for _ in 0..count {
        let back = pool.with_plugin(WAIT, |plugin| plugin.call::<_, Vec<u8>>("echo", data.as_slice()));
        assert_eq!(back.expect("comes back"), Some(data.clone()));
    }
    count
}

fn primes(pool: &Pool, _: u64) -> u64 {
    call(pool, "primes", PRIMES.0).expect("counts")
}

/// Items on two threads, each of which takes the next one; the sum of the results.
fn shared_out<S: Sync>(shared: &S, count: u64, one: impl Fn(&S, u64) -> u64 + Sync) -> u64 {
    let next = AtomicU64::new(0);
    let thread = || {
        let items = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|item| *item < count));
        items.map(|item| one(shared, item)).sum::<u64>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().expect("ends")).sum()
    })
}

fn lives(count: u64) -> u64 {
    shared_out(&compiled(None), count, |compiled, value| {
        let mut plugin = Plugin::new_from_compiled(compiled).expect("starts");
        let answer: Vec<u8> = plugin.call("next", value.to_le_bytes().as_slice()).expect("adds");
        u64::from_le_bytes(answer.try_into().expect("eight bytes"))
    })
}

/// Plugins that were called once.
fn idle(count: u64) {
    let compiled = compiled(None);
    let mut all: Vec<_> = (0..count)
        .map(|_| Plugin::new_from_compiled(&compiled).expect("starts"))
        .collect();
    for plugin in &mut all {
        let answer: Vec<u8> = plugin.call("next", 1u64.to_le_bytes().as_slice()).expect("adds");
        assert_eq!(answer, 2u64.to_le_bytes());
    }
    println!("ready");
    std::io::stdout().flush().expect("is read");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Honest calls alone, and beside one that never ends.
fn hostile(count: u64) {
    let pool = pool(Some(TIMEOUT));
    let timed = |spins: u64| {
        let (began, ended) = (Instant::now(), OnceLock::new());
        let sum = shared_out(&pool, count + spins, |pool, item| {
            if item >= spins {
                return primes(pool, item);
            }
            call(pool, "spin", 0).expect_err("it never ends by itself");
            ended.get_or_init(|| began.elapsed().as_secs_f64());
            0
        });
        assert_eq!(sum, PRIMES.1 * count);
        (began.elapsed().as_secs_f64(), ended.into_inner())
    };
    let ((alone, _), (beside, ended)) = (timed(0), timed(1));
    let ended = ended.expect("was ended");
    println!(
        r#"{{"alone": {alone}, "beside": {beside}, "ended": {ended}, "how": "a timeout of 250 ms in its manifest"}}"#
    );
}
