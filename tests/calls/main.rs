//! Calls of a program's functions, through the library's door. A test that mirrors one of CPython's says so by name; where it
//! says nothing, CPython has no such test.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod batch;
mod caller;
mod context;
mod exact;
mod executor;
mod function;
mod future;
mod initializer;
mod kill;
mod limits;
mod map;
mod path;
mod replace;
mod reuse;
mod room;
mod shutdown;
mod survive;
mod time;
mod turns;
mod typed;
mod values;
mod volume;
mod waiting;

use std::sync::LazyLock;
use std::sync::mpsc;
use std::time::Duration;

use wasm_pool::calls::{Batch, ExecutorBuilder, Returned};
use wasm_pool::value::Val;
use wasm_pool::{
    Engine, Executor, Function, Future, FutureError, LimitKind, Limits, Outcome, Path, Pool, Program, Setup, Wait,
};

/// As long as anything here takes unless it hangs.
const LONG: Wait = Wait::For(harness::PATIENCE);

/// One engine and one copy of each program: compiling takes longer than most tests.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("an engine"));
static PLUGIN: LazyLock<Program> = LazyLock::new(|| load("plugin.wasm"));
static PLUGIN_WASI: LazyLock<Program> = LazyLock::new(|| load("plugin-wasi.wasm"));
static NUMBERS: LazyLock<Program> = LazyLock::new(|| load("numbers.wat"));

/// Counts down from a number, and gives it back: a call that takes as long as one likes, and has a result of its own.
static COUNTER: LazyLock<Program> = LazyLock::new(|| {
    wat(
        r#"(module (func (export "count") (param i32) (result i32) (local $left i32)
        (local.set $left (local.get 0))
        (loop $next
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $next (i32.gt_s (local.get $left) (i32.const 0))))
        (local.get 0)))"#,
    )
});

fn load(guest: &str) -> Program {
    let path = harness::root().join("tests/guests").join(guest);
    Program::from_file(&ENGINE, path, &Limits::default()).expect("a program")
}

fn wat(source: &str) -> Program {
    on(&ENGINE, source)
}

fn on(engine: &Engine, source: &str) -> Program {
    Program::from_bytes(engine, "guest", source.as_bytes(), &Limits::default()).expect("a program")
}

/// A pool of two workers.
fn pool() -> Pool {
    Pool::builder(&ENGINE).workers(2).build().expect("a pool")
}

/// An executor of two interpreters, on a pool of its own.
fn builder(program: &Program) -> ExecutorBuilder {
    Executor::builder(&pool(), program).interpreters(2)
}

fn executor(program: &Program) -> Executor {
    builder(program).build().expect("an executor")
}

fn submit(executor: &Executor, name: &str, arguments: Vec<Val>) -> Future<Returned> {
    let function = executor.function(name).expect("a function");
    executor.submit(&function, arguments).expect("there is room")
}

/// Pure on both paths, and with WASI.
fn ways() -> [(&'static Program, Path); 3] {
    [
        (&PLUGIN, Path::Direct),
        (&PLUGIN, Path::Fiber),
        (&PLUGIN_WASI, Path::Auto),
    ]
}

/// What a call gives, or why it gives nothing.
fn call(executor: &Executor, name: &str, arguments: Vec<Val>) -> Result<Returned, FutureError> {
    submit(executor, name, arguments).result(LONG)
}

/// Which limit a call reached.
#[track_caller]
fn limit<T: std::fmt::Debug>(result: Result<T, FutureError>) -> LimitKind {
    match ended(result) {
        Outcome::Limit(hit) => hit.kind,
        other => panic!("{other}"),
    }
}

/// How a call was ended.
#[track_caller]
fn ended<T: std::fmt::Debug>(result: Result<T, FutureError>) -> Outcome {
    match result {
        Err(FutureError::Ended(outcome)) => outcome,
        other => panic!("{other:?}"),
    }
}

fn u32(value: u32) -> Vec<Val> {
    vec![Val::U32(value)]
}

fn s32(value: i32) -> Vec<Val> {
    vec![Val::S32(value)]
}

/// What a function gives that gives a `u32`.
#[track_caller]
fn number(result: Result<Returned, FutureError>) -> u32 {
    match result {
        Ok(Some(Val::U32(number))) => number,
        other => panic!("{other:?}"),
    }
}

fn within(limits: Limits) -> Setup {
    Setup {
        limits,
        ..Setup::default()
    }
}

fn deadline(time: Duration) -> Setup {
    within(Limits {
        deadline: Some(time),
        ..Limits::default()
    })
}

/// A batch that makes no call, and has its interpreter's place until it is let go.
struct Gate(mpsc::Receiver<()>);

impl Batch for Gate {
    type Output = ();

    fn next(&mut self, _: &mut Vec<Val>) -> bool {
        // Whoever holds the other end drops it.
        let _ = self.0.recv_timeout(harness::PATIENCE);
        false
    }

    fn done(&mut self, _: Result<Returned, Outcome>) {}

    fn finish(self) {}
}

/// Takes an interpreter's place, until the sender is dropped.
fn gate(executor: &Executor, function: &Function) -> (mpsc::Sender<()>, Future<()>) {
    let (sender, receiver) = mpsc::channel();
    let future = executor.submit_batch(function, Gate(receiver)).expect("there is room");
    harness::eventually("the gate runs", || future.running());
    (sender, future)
}

/// Waits until none of its interpreters works.
#[track_caller]
fn rests(executor: &Executor) {
    harness::eventually("the executor rests", || format!("{executor:?}").contains("working: 0"));
}

/// Random numbers, the same each time.
struct Dice(u64);

impl Dice {
    fn new() -> Dice {
        Dice(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}
