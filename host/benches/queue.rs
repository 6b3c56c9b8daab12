//! What does a message cost, from guest to guest? Beside it: two bare component calls that copy the same bytes, and
//! crossbeam-channel between them.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{cpu, figure, guest, median, took};
use criterion::{Criterion, criterion_group, criterion_main};
use crossbeam_channel::{Receiver, Sender, bounded};
use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::{ByteSize, Engine, Grants, Limits, Pool, Program, QueueOptions, Setup, Unbound, Wait};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

const QUEUE_SIZE: u32 = 1_024;

/// So many large messages fit into a core's cache.
const FEW: u32 = 8;

/// Our side: a pool with two workers and the talker.
struct Ours {
    pool: Pool,
    talker: Program,
    names: u32,
}

impl Ours {
    fn new() -> Ours {
        let engine = Engine::builder().instances(11_000).build().expect("an engine");
        let talker = common::program(&engine, &guest("tests/guests/talker.wasm"));
        let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
        Ours { pool, talker, names: 0 }
    }

    fn queue(&mut self, max_size: u32) -> String {
        self.names += 1;
        let name = format!("q{}", self.names);
        let options = QueueOptions {
            max_size,
            max_bytes: ByteSize::gib(1),
            unbound: Unbound::Keep,
        };
        self.pool.queues().create_named(&name, &options).expect("a queue");
        name
    }

    /// Runs talkers with these words, all at once, to their ends.
    fn talk(&self, all: &[Vec<String>]) {
        let pipe = OutputPipe::unbounded();
        let lives: Vec<_> = all
            .iter()
            .map(|words| {
                let grants = Grants {
                    args: words.clone(),
                    queues: words.iter().filter(|word| word.starts_with('q')).cloned().collect(),
                    ..Grants::default()
                };
                let limits = Limits {
                    messages: ByteSize::gib(1),
                    ..Limits::default()
                };
                let stdio = Stdio {
                    stdout: Output::Pipe(pipe.clone()),
                    ..Stdio::default()
                };
                let setup = Setup {
                    grants,
                    limits,
                    stdio,
                    ..Setup::default()
                };
                self.pool.spawn(&self.talker, setup).expect("starts")
            })
            .collect();
        for life in lives {
            let ending = life.join();
            assert!(ending.outcome.is_success(), "{ending:?}");
        }
    }

    /// Passes messages from one guest to another; processor time for each.
    fn pass(&mut self, count: u64, size: u64, batch: u64, max_size: u32) -> Duration {
        let queue = self.queue(max_size);
        let put = [
            "bench-put",
            &queue,
            &count.to_string(),
            &size.to_string(),
            &batch.to_string(),
        ];
        let get = ["bench-get", &queue, &batch.to_string()];
        let all = [words(&put), words(&get)];
        let (_, used) = took(|| self.talk(&all));
        each(used, count)
    }

    fn ping(&mut self, rounds: u64) -> (Duration, Duration) {
        let (there, back) = (self.queue(QUEUE_SIZE), self.queue(QUEUE_SIZE));
        let all = [
            words(&["ping", &there, &back, &rounds.to_string()]),
            words(&["bench-pong", &there, &back]),
        ];
        let (wall, used) = took(|| self.talk(&all));
        (each(wall, rounds), each(used, rounds))
    }

    /// So many guests wait at one queue, and are woken by as many items; processor time for each until it waits again.
    fn wake(&mut self, count: u64) -> Duration {
        let (first, second) = (self.queue(QUEUE_SIZE), self.queue(QUEUE_SIZE));
        let open = |name: &str| self.pool.queues().open(name).expect("is there");
        let (queue, last) = (open(&first), open(&second));
        let all = vec![words(&["get-then-wait", &first, &second]); usize::try_from(count).expect("fits")];
        std::thread::scope(|scope| {
            let ours = &*self;
            let running = scope.spawn(move || ours.talk(&all));
            while (self.pool.alive() as u64) < count {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            quiet();
            let before = cpu();
            for number in 0..count {
                queue.put(number as i64, Wait::No).expect("somebody waits");
            }
            quiet();
            let used = cpu() - before;
            assert!(queue.is_empty());
            last.close();
            running.join().expect("ends");
            each(used, count)
        })
    }
}

/// Waits until everybody waits: nothing uses the processor any more.
fn quiet() {
    let mut before = cpu();
    loop {
        std::thread::park_timeout(Duration::from_millis(20));
        let now = cpu();
        if now - before < Duration::from_micros(500) {
            return;
        }
        before = now;
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn each(time: Duration, count: u64) -> Duration {
    time / u32::try_from(count).expect("fits")
}

/// The floor: Wasmtime alone, synchronous calls, a thread each, a crossbeam channel between them.
struct Bare {
    engine: wasmtime::Engine,
    component: Component,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    sender: Option<Sender<Vec<u8>>>,
    receiver: Option<Receiver<Vec<u8>>>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Bare {
    fn new() -> Bare {
        let mut config = Config::new();
        config.concurrency_support(false);
        let engine = wasmtime::Engine::new(&config).expect("an engine");
        let component = Component::new(&engine, guest("tests/guests/bare.wasm")).expect("compiles");
        Bare { engine, component }
    }

    fn run(&self, words: &[&str], sender: Option<Sender<Vec<u8>>>, receiver: Option<Receiver<Vec<u8>>>) {
        let mut linker = Linker::<State>::new(&self.engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("links");
        let mut root = linker.root();
        root.func_wrap("put", |store, (bytes,): (Vec<u8>,)| {
            let sender = store.data().sender.as_ref();
            sender.map(|sender| sender.send(bytes));
            Ok(())
        })
        .expect("links");
        root.func_wrap("get", |store, ()| {
            let receiver = store.data().receiver.as_ref();
            Ok((receiver.and_then(|receiver| receiver.recv().ok()),))
        })
        .expect("links");
        let state = State {
            wasi: WasiCtx::builder().arg("bare").args(words).build(),
            table: ResourceTable::new(),
            sender,
            receiver,
        };
        let mut store = Store::new(&self.engine, state);
        let command = Command::instantiate(&mut store, &self.component, &linker).expect("instantiates");
        command
            .wasi_cli_run()
            .call_run(&mut store)
            .expect("runs")
            .expect("ends well");
    }

    fn pass(&self, count: u64, size: u64, max_size: u32) -> Duration {
        let (sender, receiver) = bounded(max_size as usize);
        let (_, used) = took(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| self.run(&["put", &count.to_string(), &size.to_string()], Some(sender), None));
                scope.spawn(|| self.run(&["get"], None, Some(receiver)));
            });
        });
        each(used, count)
    }
}

fn ns(time: Duration) -> String {
    format!("{} ns", time.as_nanos())
}

fn queue(_: &mut Criterion) {
    let (mut ours, bare) = (Ours::new(), Bare::new());
    let rounds = 7;
    let (mut single, mut batched, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(bare.pass(400_000, 16, QUEUE_SIZE));
        single.push(ours.pass(400_000, 16, 1, QUEUE_SIZE));
        batched.push(ours.pass(400_000, 16, 64, QUEUE_SIZE));
    }
    let ratio = |ours: &[Duration], floor: &[Duration]| {
        let ratios = ours
            .iter()
            .zip(floor)
            .map(|(ours, floor)| ours.as_secs_f64() / floor.as_secs_f64());
        format!("{:.2}", median(ratios.collect()))
    };
    figure(
        "16 bytes, guest to guest, processor time",
        ns(median(single.clone())),
        "",
    );
    figure("the same: two bare calls and crossbeam", ns(median(floor.clone())), "");
    figure("ratio", ratio(&single, &floor), "<= 1.5");
    figure("16 bytes in batches of 64", ns(median(batched.clone())), "");
    figure("ratio to one by one", ratio(&batched, &single), "<= 0.25");

    let (mut large, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        copies.push(bare.pass(20_000, 64 << 10, FEW));
        large.push(ours.pass(20_000, 64 << 10, 1, FEW));
    }
    figure("64 KiB, guest to guest, processor time", ns(median(large.clone())), "");
    figure("the same: two bare calls and crossbeam", ns(median(copies.clone())), "");
    figure("ratio", ratio(&large, &copies), "<= 1.3");

    let pings: Vec<_> = (0..rounds).map(|_| ours.ping(100_000)).collect();
    figure(
        "ping-pong between two guests, processor time a round trip",
        ns(median(pings.iter().map(|ping| ping.1).collect())),
        "<= 2000 ns",
    );
    figure(
        "the same, wall time",
        ns(median(pings.iter().map(|ping| ping.0).collect())),
        "",
    );

    let began = Instant::now();
    let wakes: Vec<_> = (0..3).map(|_| ours.wake(10_000)).collect();
    figure(
        "10,000 guests wait at one queue, woken by 10,000 puts, processor time each",
        ns(median(wakes)),
        "<= 3000 ns",
    );
    println!("({:.1} s)", began.elapsed().as_secs_f64());
}

criterion_group!(benches, queue);
criterion_main!(benches);
