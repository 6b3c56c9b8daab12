//! The peer `Wasmtime, embedded`: what somebody writes who has Wasmtime and no pool. `WORK COUNT`, by `compare` beside this file.
//!
//! The same Wasmtime with the same settings that matter: a pooling allocator, the epoch looked at, a limiter.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use wasmtime::{
    Config, Engine, Instance, InstanceAllocationStrategy, InstancePre, Linker, Module, PoolingAllocationConfig, Store,
    StoreLimits, StoreLimitsBuilder, UpdateDeadline,
};

const WORKERS: i32 = 2;

/// Numbers below this are looked at for primes, of which there are so many.
const PRIMES: (i32, i64) = (5_000, 669);

/// Ticks of a millisecond that a call may take where one of them never ends.
const DEADLINE: u64 = 250;

/// What a queue holds, as wasm-pool's by default.
const QUEUE: usize = 1_024;

const WORK: &str = include_str!("work.wat");

/// Numbers through functions of the host.
const TALK: &str = r#"(module
    (import "queue" "put" (func $put (param i64)))
    (import "queue" "get" (func $get (result i64)))
    (func (export "produce") (param $count i64) (local $number i64)
      (block $end
        (loop $next
          (br_if $end (i64.ge_u (local.get $number) (local.get $count)))
          (call $put (local.get $number))
          (local.set $number (i64.add (local.get $number) (i64.const 1)))
          (br $next))))
    (func (export "consume") (result i64) (local $number i64) (local $sum i64)
      (loop $next
        (local.set $number (call $get))
        (if (i64.lt_s (local.get $number) (i64.const 0)) (then (return (local.get $sum))))
        (local.set $sum (i64.add (local.get $sum) (local.get $number)))
        (br $next))
      (unreachable))
    (func (export "ping") (param $count i64) (result i64) (local $number i64)
      (loop $next
        (call $put (local.get $number))
        (if (i64.ne (call $get) (local.get $number)) (then (unreachable)))
        (local.set $number (i64.add (local.get $number) (i64.const 1)))
        (br_if $next (i64.lt_u (local.get $number) (local.get $count))))
      (local.get $number))
    (func (export "pong") (local $number i64)
      (loop $next
        (local.set $number (call $get))
        (if (i64.lt_s (local.get $number) (i64.const 0)) (then (return)))
        (call $put (local.get $number))
        (br $next))))"#;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [work, count] = words.as_slice() else {
        return println!("`bench/peers/compare` runs this");
    };
    let count = count.parse().expect("a number");
    match work.as_str() {
        "call" => println!("{}", calls(count)),
        "submit" => unable("it has no threads of its own: somebody who embeds it writes them, and the queue to them"),
        "bytes" => println!("{}", bytes(count)),
        "map" => println!("{}", shared_out(&Work::new(2), count, primes)),
        "life" => println!(
            "{}",
            shared_out(&Work::new(16), count, |work, value| i64::from(work.start().next(value)))
        ),
        "ping-pong" => println!("{}", ping_pong(count)),
        "one-to-one" => println!("{}", pass(1, count)),
        "eight-to-eight" => println!("{}", pass(8, count)),
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

fn engine(instances: u32) -> Engine {
    let mut pooling = PoolingAllocationConfig::default();
    pooling
        .total_core_instances(instances)
        .total_memories(instances)
        .total_tables(instances)
        .total_stacks(0);
    pooling
        .total_component_instances(instances)
        .linear_memory_keep_resident(1 << 20)
        .pagemap_scan(wasmtime::Enabled::Auto);
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    Engine::new(&config).expect("an engine")
}

fn store(engine: &Engine) -> Store<StoreLimits> {
    let mut store = Store::new(engine, StoreLimitsBuilder::new().memory_size(256 << 20).build());
    store.limiter(|limits| limits);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
    store
}

/// The module that all peers call.
struct Work {
    engine: Engine,
    pre: InstancePre<StoreLimits>,
}

struct Started {
    store: Store<StoreLimits>,
    instance: Instance,
}

impl Work {
    fn new(instances: u32) -> Work {
        let engine = engine(instances);
        let module = Module::new(&engine, WORK).expect("compiles");
        let pre = Linker::new(&engine).instantiate_pre(&module).expect("imports nothing");
        Work { engine, pre }
    }

    fn start(&self) -> Started {
        let mut store = store(&self.engine);
        let instance = self.pre.instantiate(&mut store).expect("instantiates");
        Started { store, instance }
    }
}

impl Started {
    fn next(&mut self, value: i32) -> i32 {
        let next = self.instance.get_typed_func::<i32, i32>(&mut self.store, "next");
        next.expect("is there").call(&mut self.store, value).expect("adds")
    }

    fn primes(&mut self) -> wasmtime::Result<i32> {
        let primes = self.instance.get_typed_func::<i32, i32>(&mut self.store, "primes")?;
        primes.call(&mut self.store, PRIMES.0)
    }
}

/// The plugin of the tests, with this function.
fn component<P, R>(interface: Option<&str>, name: &str) -> (Store<StoreLimits>, wasmtime::component::TypedFunc<P, R>)
where
    P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower,
    R: wasmtime::component::ComponentNamedList + wasmtime::component::Lift,
{
    let engine = engine(16);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/plugin.wasm");
    let component = wasmtime::component::Component::from_file(&engine, path).expect("compiles");
    let mut store = store(&engine);
    let linker = wasmtime::component::Linker::new(&engine);
    let instance = linker.instantiate(&mut store, &component).expect("instantiates");
    let within = interface.map(|name| instance.get_export_index(&mut store, None, name).expect("is there"));
    let function = instance
        .get_export_index(&mut store, within.as_ref(), name)
        .expect("is there");
    let function = instance.get_typed_func(&mut store, function).expect("has this type");
    (store, function)
}

fn calls(count: i32) -> i64 {
    let (mut store, add) = component::<(i32, i32), (i32,)>(None, "add");
    (0..count)
        .map(|value| i64::from(add.call(&mut store, (value, 1)).expect("adds").0))
        .sum()
}

fn bytes(count: i32) -> i64 {
    let (mut store, echo) = component::<(Vec<u8>,), (Vec<u8>,)>(Some("demo:plugin/kinds@0.1.0"), "bytes");
    let data: Vec<u8> = (0..64 << 10).map(|at: u32| at as u8).collect();
    for _ in 0..count {
        let (back,) = echo.call(&mut store, (data.clone(),)).expect("comes back");
        assert_eq!(back, data);
    }
    i64::from(count)
}

/// Items on two threads, each of which takes the next one; the sum of the results.
fn shared_out(work: &Work, count: i32, one: impl Fn(&Work, i32) -> i64 + Sync) -> i64 {
    let next = AtomicI32::new(0);
    let thread = || {
        let items = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|item| *item < count));
        items.map(|item| one(work, item)).sum::<i64>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().expect("ends")).sum()
    })
}

thread_local! {
    /// The instance of a thread, which goes on to its next item.
    static KEPT: std::cell::RefCell<Option<Started>> = const { std::cell::RefCell::new(None) };
}

fn primes(work: &Work, _: i32) -> i64 {
    KEPT.with_borrow_mut(|kept| i64::from(kept.get_or_insert_with(|| work.start()).primes().expect("counts")))
}

/// Modules that talk, a thread for each.
struct Talk {
    engine: Engine,
    module: Module,
}

struct Ends {
    sender: Option<Sender<i64>>,
    receiver: Option<Receiver<i64>>,
}

impl Talk {
    fn new() -> Talk {
        let engine = engine(32);
        let module = Module::new(&engine, TALK).expect("compiles");
        Talk { engine, module }
    }

    fn start(&self, ends: Ends) -> (Store<Ends>, Instance) {
        let mut linker = Linker::new(&self.engine);
        let put = |caller: wasmtime::Caller<'_, Ends>, number: i64| {
            caller
                .data()
                .sender
                .as_ref()
                .map_or((), |to| to.send(number).unwrap_or(()))
        };
        let get = |caller: wasmtime::Caller<'_, Ends>| {
            caller
                .data()
                .receiver
                .as_ref()
                .and_then(|from| from.recv().ok())
                .unwrap_or(-1)
        };
        linker.func_wrap("queue", "put", put).expect("links");
        linker.func_wrap("queue", "get", get).expect("links");
        let mut store = Store::new(&self.engine, ends);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        let instance = linker.instantiate(&mut store, &self.module).expect("instantiates");
        (store, instance)
    }

    fn produce(&self, sender: Sender<i64>, count: i64) {
        let (mut store, instance) = self.start(Ends {
            sender: Some(sender),
            receiver: None,
        });
        let produce = instance.get_typed_func::<i64, ()>(&mut store, "produce");
        produce.expect("is there").call(&mut store, count).expect("ends");
    }

    fn consume(&self, receiver: Receiver<i64>) -> i64 {
        let (mut store, instance) = self.start(Ends {
            sender: None,
            receiver: Some(receiver),
        });
        let consume = instance.get_typed_func::<(), i64>(&mut store, "consume");
        consume.expect("is there").call(&mut store, ()).expect("ends")
    }

    fn ping(&self, ends: Ends, count: i64) -> i64 {
        let (mut store, instance) = self.start(ends);
        let ping = instance.get_typed_func::<i64, i64>(&mut store, "ping");
        ping.expect("is there").call(&mut store, count).expect("ends")
    }

    fn pong(&self, ends: Ends) {
        let (mut store, instance) = self.start(ends);
        let pong = instance.get_typed_func::<(), ()>(&mut store, "pong");
        pong.expect("is there").call(&mut store, ()).expect("ends");
    }
}

fn ping_pong(count: i32) -> i64 {
    let talk = Talk::new();
    let ((there, asked), (back, answered)) = (bounded(QUEUE), bounded(QUEUE));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            talk.pong(Ends {
                sender: Some(back),
                receiver: Some(asked),
            })
        });
        talk.ping(
            Ends {
                sender: Some(there),
                receiver: Some(answered),
            },
            count.into(),
        )
    })
}

fn pass(pairs: i64, count: i32) -> i64 {
    let talk = Talk::new();
    let (sender, receiver) = bounded(QUEUE);
    std::thread::scope(|scope| {
        for _ in 0..pairs {
            let (talk, sender) = (&talk, sender.clone());
            scope.spawn(move || talk.produce(sender, i64::from(count) / pairs));
        }
        drop(sender);
        let takers: Vec<_> = (0..pairs)
            .map(|_| scope.spawn(|| talk.consume(receiver.clone())))
            .collect();
        takers.into_iter().map(|taker| taker.join().expect("ends")).sum()
    })
}

/// Instances that were called once; nobody waits in them, so there is no thread and no stack.
fn idle(count: i32) {
    let work = Work::new(count.unsigned_abs().max(16));
    let mut all: Vec<_> = (0..count).map(|_| work.start()).collect();
    assert!(all.iter_mut().zip(0..).all(|(one, value)| one.next(value) == value + 1));
    println!("ready");
    std::io::stdout().flush().expect("is read");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Honest calls alone, and beside one that never ends and has one of the two threads until its epoch is over.
fn hostile(count: i32) {
    let work = Work::new(16);
    let ticking = work.engine.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(1));
            ticking.increment_epoch();
        }
    });
    let timed = |spins: bool| {
        let (began, ended) = (Instant::now(), Arc::new(std::sync::OnceLock::new()));
        let first = AtomicI32::new(i32::from(spins));
        let sum = shared_out(&work, count + i32::from(spins), |work, item| {
            if first.swap(0, Ordering::Relaxed) == 0 {
                return primes(work, item);
            }
            let mut one = work.start();
            one.store.set_epoch_deadline(DEADLINE);
            one.store.epoch_deadline_trap();
            let spin = one.instance.get_typed_func::<(), ()>(&mut one.store, "spin");
            spin.expect("is there")
                .call(&mut one.store, ())
                .expect_err("it never ends by itself");
            ended.get_or_init(|| began.elapsed());
            0
        });
        assert_eq!(sum, PRIMES.1 * i64::from(count));
        (began.elapsed().as_secs_f64(), ended.get().copied())
    };
    let ((alone, _), (beside, ended)) = (timed(false), timed(true));
    println!(
        r#"{{"alone": {alone}, "beside": {beside}, "ended": {}, "how": "an epoch deadline, with a thread that ticks"}}"#,
        ended.expect("was ended").as_secs_f64()
    );
}
