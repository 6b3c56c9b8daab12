//! The peer `wasm-pool`, its library: `WORK COUNT`, by `compare` beside this file. README.md says what each work is.
//! `binary FILE` writes WebAssembly text as a binary, for peers that read no text.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::value::Val;
use wasm_pool::{
    Engine, Executor, Function, Grants, Interpreter, Limits, Pool, Program, QueueOptions, Reuse, Setup, Unbound, Wait,
};

const WORKERS: usize = 2;

/// Numbers below this are looked at for primes, of which there are so many.
const PRIMES: (i32, i32) = (5_000, 669);

/// What a call may take where one of them never ends.
const DEADLINE: Duration = Duration::from_millis(250);

const WORK: &str = include_str!("work.wat");

/// Says that it is there, as one that was called before, and sleeps for an hour.
const SLEEP: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 3600000000000))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [work, count] = words.as_slice() else {
        return println!("`bench/peers/compare` runs this");
    };
    if work == "binary" {
        let binary = wat::parse_file(count).expect("is text");
        return std::io::stdout().write_all(&binary).expect("is written");
    }
    let count = count.parse().expect("a number");
    match work.as_str() {
        "call" => println!("{}", call(count)),
        "submit" => println!("{}", submit(count)),
        "bytes" => println!("{}", bytes(count)),
        "map" => println!("{}", map(count)),
        "life" => println!("{}", life(count)),
        "ping-pong" => println!("{}", ping_pong(count)),
        "one-to-one" => println!("{}", pass(1, count)),
        "eight-to-eight" => println!("{}", pass(8, count)),
        "idle" => idle(count),
        "hostile" => hostile(count),
        other => panic!("there is no work `{other}`"),
    }
}

fn engine(instances: u32) -> Engine {
    Engine::builder().instances(instances).build().expect("an engine")
}

fn program(engine: &Engine, bytes: &[u8]) -> Program {
    Program::from_bytes(engine, "guest", bytes, &Limits::default()).expect("loads")
}

fn guest(engine: &Engine, name: &str) -> Program {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/guests")
        .join(name);
    program(engine, &std::fs::read(path).expect("reads the guest"))
}

fn pool(engine: &Engine) -> Pool {
    Pool::builder(engine).workers(WORKERS).build().expect("a pool")
}

fn executor(program: &Program, reuse: Reuse) -> Executor {
    let builder = Executor::builder(&pool(program.engine()), program).reuse(reuse);
    builder.interpreters(WORKERS).build().expect("an executor")
}

fn number(value: Option<Val>) -> i32 {
    match value {
        Some(Val::S32(number)) => number,
        other => panic!("no number: {other:?}"),
    }
}

/// On the thread that asks, with the caller's own types.
fn call(count: i32) -> i64 {
    let executor = executor(&guest(&engine(16), "plugin.wasm"), Reuse::ALWAYS);
    let bind = |store: &mut wasmtime::Store<wasm_pool::Guest>, instance: &wasmtime::component::Instance| {
        instance.get_typed_func::<(i32, i32), (i32,)>(store, "add")
    };
    let mut caller = executor.caller(bind).expect("a caller");
    let mut next = |number| caller.call(|store, add| add.call(store, (number, 1))).expect("adds").0;
    (0..count).map(|number| i64::from(next(number))).sum()
}

/// On another thread, one after the other.
fn submit(count: i32) -> i64 {
    let executor = executor(&program(&engine(16), WORK.as_bytes()), Reuse::ALWAYS);
    let next = executor.function("next").expect("is there");
    let one = |value| {
        let call = executor.submit(&next, vec![Val::S32(value)]).expect("is taken");
        i64::from(number(call.into_result(Wait::Forever).expect("adds")))
    };
    (0..count).map(one).sum()
}

/// 64 KiB in and the same out.
fn bytes(count: i32) -> i64 {
    let executor = executor(&guest(&engine(16), "plugin.wasm"), Reuse::ALWAYS);
    type Echo = wasmtime::component::TypedFunc<(Vec<u8>,), (Vec<u8>,)>;
    let bind = |store: &mut wasmtime::Store<wasm_pool::Guest>,
                instance: &wasmtime::component::Instance|
     -> wasmtime::Result<Echo> {
        let kinds = instance.get_export_index(&mut *store, None, "demo:plugin/kinds@0.1.0");
        let bytes = instance.get_export_index(&mut *store, kinds.as_ref(), "bytes");
        instance.get_typed_func(store, bytes.expect("is there"))
    };
    let mut caller = executor.caller(bind).expect("a caller");
    let data: Vec<u8> = (0..64 << 10).map(|at: u32| at as u8).collect();
    for _ in 0..count {
        let given = (data.clone(),);
        let (back,) = caller.call(|store, echo| echo.call(store, given)).expect("comes back");
        assert_eq!(back, data);
    }
    i64::from(count)
}

fn primes(executor: &Executor, function: &Function, count: i32) -> i64 {
    let results = executor.map(function, (0..count).map(|_| vec![Val::S32(PRIMES.0)]));
    results.map(|found| i64::from(number(found.expect("counts")))).sum()
}

fn map(count: i32) -> i64 {
    let executor = executor(&program(&engine(16), WORK.as_bytes()), Reuse::ALWAYS);
    primes(&executor, &executor.function("primes").expect("is there"), count)
}

/// An interpreter for each tiny call.
fn life(count: i32) -> i64 {
    let executor = executor(&program(&engine(16), WORK.as_bytes()), Reuse::Fresh);
    let next = executor.function("next").expect("is there");
    let results = executor.map(&next, (0..count).map(|value| vec![Val::S32(value)]));
    results.map(|result| i64::from(number(result.expect("adds")))).sum()
}

/// Two workers, the talker of the tests, and queues that it may open.
struct Talk {
    pool: Pool,
    talker: Program,
}

impl Talk {
    fn new() -> Talk {
        let engine = engine(32);
        let (pool, talker) = (pool(&engine), guest(&engine, "talker.wasm"));
        for name in QUEUES {
            let made = pool.queues().create_named(name, &kept());
            made.expect("a queue");
        }
        Talk { pool, talker }
    }

    /// A guest that does what these words say, and what it prints.
    fn start(&self, words: &[&str]) -> (Interpreter, OutputPipe) {
        let pipe = OutputPipe::unbounded();
        let setup = Setup {
            grants: Grants {
                args: words.iter().map(|word| (*word).to_owned()).collect(),
                queues: QUEUES.map(str::to_owned).to_vec(),
                ..Grants::default()
            },
            stdio: Stdio {
                stdout: Output::Pipe(pipe.clone()),
                ..Stdio::default()
            },
            ..Setup::default()
        };
        (self.pool.spawn(&self.talker, setup).expect("starts"), pipe)
    }
}

/// What a guest has put in stays when it has ended.
fn kept() -> QueueOptions {
    QueueOptions {
        unbound: Unbound::Keep,
        ..QueueOptions::default()
    }
}

const QUEUES: [&str; 2] = ["there", "back"];

/// Waits for its end; the last number that it printed.
fn said((life, pipe): (Interpreter, OutputPipe)) -> i64 {
    let ending = life.join();
    assert!(ending.outcome.is_success(), "{ending:?}");
    let text = String::from_utf8(pipe.take_all().to_vec()).expect("text");
    let numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    numbers.fold(0, |_, number| number)
}

/// A number there and back; how often.
fn ping_pong(count: i32) -> i64 {
    let talk = Talk::new();
    let pong = talk.start(&["bench-pong", "there", "back"]);
    let rounds = said(talk.start(&["ping", "there", "back", &count.to_string()]));
    said(pong);
    rounds
}

/// Numbers from so many guests to as many others through one queue; their sum.
fn pass(pairs: usize, count: i32) -> i64 {
    let talk = Talk::new();
    let each = (count.unsigned_abs() as usize / pairs).to_string();
    let takers: Vec<_> = (0..pairs).map(|_| talk.start(&["consume", "there"])).collect();
    let givers: Vec<_> = (0..pairs).map(|_| talk.start(&["produce", "there", &each])).collect();
    for giver in givers {
        said(giver);
    }
    talk.pool.queues().open("there").expect("is there").close();
    takers.into_iter().map(said).sum()
}

fn idle(count: i32) {
    let engine = engine(count.unsigned_abs().max(16));
    let (pool, sleep) = (pool(&engine), program(&engine, SLEEP.as_bytes()));
    let spawn = |_| pool.spawn(&sleep, Setup::default()).expect("starts");
    let _all: Vec<_> = (0..count).map(spawn).collect();
    ready();
    pool.kill_all();
}

/// Says that all are there, and waits until they have been looked at.
fn ready() {
    println!("ready");
    std::io::stdout().flush().expect("is read");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Honest calls alone, and beside one that never ends.
fn hostile(count: i32) {
    let work = program(&engine(16), WORK.as_bytes());
    let setup = Setup {
        limits: Limits {
            deadline: Some(DEADLINE),
            ..Limits::default()
        },
        ..Setup::default()
    };
    let builder = Executor::builder(&pool(work.engine()), &work)
        .reuse(Reuse::ALWAYS)
        .setup(setup);
    let executor = builder.interpreters(WORKERS).build().expect("an executor");
    let (honest, spin) = (executor.function("primes"), executor.function("spin"));
    let (honest, spin) = (honest.expect("is there"), spin.expect("is there"));
    let timed = || {
        let began = Instant::now();
        assert_eq!(
            primes(&executor, &honest, count),
            i64::from(PRIMES.1) * i64::from(count)
        );
        began.elapsed().as_secs_f64()
    };
    let alone = timed();
    let began = Instant::now();
    let endless = executor.submit(&spin, Vec::new()).expect("is taken");
    let watch = std::thread::spawn(move || (endless.into_result(Wait::Forever), began.elapsed()));
    let beside = timed();
    let (ending, ended) = watch.join().expect("is ended");
    let how = ending.expect_err("it never ends by itself");
    println!(
        r#"{{"alone": {alone}, "beside": {beside}, "ended": {}, "how": "its deadline of 250 ms: {how}"}}"#,
        ended.as_secs_f64()
    );
}
