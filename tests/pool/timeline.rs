//! What a pool records of its interpreters, and tells while they run.

use std::collections::HashMap;
use std::time::Duration;

use wasm_pool::timeline::{Does, Life, State, Stretch, Timeline, WaitsFor};
use wasm_pool::{
    Ending, Engine, Grants, InterpreterId, Item, Limits, Outcome, Pool, Program, QueueOptions, Setup, Wait,
};

use crate::harness::{SPIN, eventually, probe_p1, root};
use crate::{doing, within};

const EMPTY: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

fn engine(instances: u32) -> Engine {
    Engine::builder().instances(instances).build().expect("an engine")
}

fn program(engine: &Engine, source: &[u8]) -> Program {
    Program::from_bytes(engine, "guest", source, &Limits::default()).expect("a program")
}

fn recording(engine: &Engine, workers: usize) -> Pool {
    let pool = Pool::builder(engine).workers(workers).timeline(true).build();
    pool.expect("a pool")
}

fn told(pool: &Pool) -> Timeline {
    pool.timeline().expect("it records")
}

/// The stretches follow each other from the begin to the end; what was charged is what was told.
fn check_life(life: &Life, ending: &Ending) {
    let (end, label) = life.ended.as_ref().expect("it has ended");
    assert_eq!(*label, ending.outcome.label());
    assert_eq!(life.well, ending.outcome.is_success());
    let mut at = life.made;
    for Stretch { from, to, .. } in &life.stretches {
        assert!(*from == at && from < to, "{life:#?}");
        at = *to;
    }
    assert_eq!(at, *end, "{life:#?}");
    let [ran, ready, waited] = life.sums();
    assert_eq!(ran + ready + waited, *end - life.made);
    assert_eq!(life.cpu, ending.cpu);
    assert!(ran >= life.cpu, "{life:#?}");
}

/// No worker runs two at once.
fn check_workers(timeline: &Timeline) {
    let mut of_worker: HashMap<usize, Vec<(Duration, Duration)>> = HashMap::new();
    for stretch in timeline.interpreters().iter().flat_map(|life| &life.stretches) {
        if let Does::Runs(worker) = stretch.does {
            of_worker.entry(worker).or_default().push((stretch.from, stretch.to));
        }
    }
    assert!(!of_worker.is_empty());
    for turns in of_worker.values_mut() {
        turns.sort_unstable();
        assert!(turns.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    }
}

fn life_of(timeline: &Timeline, id: InterpreterId) -> &Life {
    let mut lives = timeline.interpreters().iter();
    lives.find(|life| life.id == id).expect("it is told of")
}

#[test]
fn every_moment_of_a_life_is_told_and_its_processor_time_adds_up() {
    let engine = engine(8);
    let probe = std::fs::read(probe_p1()).expect("reads");
    let (probe, spin) = (program(&engine, &probe), program(&engine, SPIN.as_bytes()));
    let pool = recording(&engine, 2);
    let mut lives = Vec::new();
    for _ in 0..4 {
        let setup = within(Duration::from_millis(60), Setup::default());
        lives.push(pool.spawn(&spin, setup).expect("starts"));
    }
    lives.push(pool.spawn(&probe, doing(&["sleep", "20"])).expect("starts"));
    let endings: Vec<_> = lives.iter().map(|life| (life.id(), life.join())).collect();
    let timeline = told(&pool);
    assert_eq!(timeline.interpreters().len(), lives.len());
    for (id, ending) in &endings {
        check_life(life_of(&timeline, *id), ending);
    }
    check_workers(&timeline);
    // Four that spin on two workers wait for them; one that sleeps does so for as long as it says.
    let spun = life_of(&timeline, endings[0].0);
    assert!(spun.turns > 1 && spun.sums()[1] > Duration::from_millis(1), "{spun:#?}");
    let slept = &life_of(&timeline, endings[4].0).stretches;
    let slept = slept.iter().filter(|part| part.does == Does::Waits(WaitsFor::Poll));
    assert!(slept.map(|part| part.to - part.from).sum::<Duration>() >= Duration::from_millis(19));
}

/// A talker that may use these queues.
fn talking(words: &[&str]) -> Setup {
    Setup {
        grants: Grants {
            args: words.iter().map(|word| (*word).to_owned()).collect(),
            queues: ["there", "back"].map(str::to_owned).to_vec(),
            ..Grants::default()
        },
        ..Setup::default()
    }
}

fn with_queues(pool: &Pool, max_size: u32) {
    for name in ["there", "back"] {
        let options = QueueOptions {
            max_size,
            ..QueueOptions::default()
        };
        pool.queues().create_named(name, &options).expect("a queue");
    }
}

#[test]
fn a_wait_is_told_with_its_queue_while_it_lasts_and_afterwards() {
    let engine = engine(4);
    let talker = std::fs::read(root().join("tests/guests/talker.wasm")).expect("reads");
    let talker = program(&engine, &talker);
    let pool = recording(&engine, 2);
    with_queues(&pool, 1);
    let [there, back] = ["there", "back"].map(|name| pool.queues().open(name).expect("is there"));
    let life = pool
        .spawn(&talker, talking(&["relay", "there", "back"]))
        .expect("starts");
    let does = |waits: WaitsFor| {
        let status = pool.status().expect("it records");
        let one = status.interpreters.first().cloned();
        one.is_some_and(|one| one.id == life.id() && one.state == State::Waiting(waits))
    };
    eventually("it waits for an item", || does(WaitsFor::Item(there.id())));
    let waiting = there.status();
    assert_eq!((waiting.items, waiting.getters, waiting.putters), (0, 1, 0));
    // One result has room, the second has none.
    for number in 0..2 {
        there.put(Item::S64(number), Wait::Forever).expect("puts");
    }
    eventually("it waits for room", || does(WaitsFor::Room(back.id())));
    let status = pool.status().expect("it records");
    let full = status
        .queues
        .iter()
        .find(|queue| queue.name == "back")
        .expect("is there");
    assert_eq!((full.items, full.putters), (1, 1));
    assert_eq!(status.workers.len(), 2);
    let one = &status.interpreters[0];
    assert!(one.peak_memory.as_u64() >= 65_536 && one.wall > one.cpu);
    there.close();
    for _ in 0..2 {
        back.get(Wait::Forever).expect("gets");
    }
    let ending = life.join();
    assert_eq!(ending.outcome, Outcome::Exited(0));
    let timeline = told(&pool);
    let told = life_of(&timeline, life.id());
    check_life(told, &ending);
    for waits in [WaitsFor::Item(there.id()), WaitsFor::Room(back.id())] {
        assert!(
            told.stretches.iter().any(|part| part.does == Does::Waits(waits)),
            "{told:#?}"
        );
    }
    assert!(pool.status().is_some_and(|status| status.interpreters.is_empty()));
}

#[test]
fn ten_thousand_lives_are_told_and_their_picture_is_one_page() {
    let engine = engine(100);
    let empty = program(&engine, EMPTY.as_bytes());
    let pool = recording(&engine, 2);
    let mut endings = HashMap::new();
    for _ in 0..100 {
        let lives: Vec<_> = (0..100)
            .map(|_| pool.spawn(&empty, Setup::default()).expect("starts"))
            .collect();
        endings.extend(lives.iter().map(|life| (life.id(), life.join())));
    }
    let timeline = told(&pool);
    assert_eq!(timeline.interpreters().len(), 10_000);
    for life in timeline.interpreters() {
        check_life(life, &endings[&life.id]);
    }
    check_workers(&timeline);
    let mut picture = Vec::new();
    timeline.write_svg(&mut picture).expect("writes");
    assert!(picture.len() < 1 << 20, "{}", picture.len());
    assert!(String::from_utf8_lossy(&picture).contains("10000 interpreters on 2 workers"));
}

#[test]
fn a_run_of_more_turns_than_there_is_room_for_keeps_its_sums() {
    let engine = engine(4);
    let talker = std::fs::read(root().join("tests/guests/talker.wasm")).expect("reads");
    let talker = program(&engine, &talker);
    let pool = recording(&engine, 1);
    with_queues(&pool, 16);
    // Each round is two turns, and there is room for 65,536 on the only worker.
    let ping = pool
        .spawn(&talker, talking(&["ping", "there", "back", "50000"]))
        .expect("starts");
    let pong = pool
        .spawn(&talker, talking(&["bench-pong", "there", "back"]))
        .expect("starts");
    let endings = [&ping, &pong].map(|life| (life.id(), life.join()));
    let timeline = told(&pool);
    assert!(!timeline.grain().is_zero());
    for (id, ending) in &endings {
        let life = life_of(&timeline, *id);
        check_life(life, ending);
        assert!(life.turns >= 50_000 && life.stretches.len() < 200_000, "{}", life.turns);
    }
    let mut trace = Vec::new();
    timeline.write_trace(&mut trace).expect("writes");
    assert!(trace.len() < 64 << 20, "{}", trace.len());
}

#[test]
fn calls_are_told_on_either_path() {
    let engine = engine(16);
    let plugin = std::fs::read(root().join("tests/guests/plugin.wasm")).expect("reads");
    let plugin = program(&engine, &plugin);
    for path in [wasm_pool::Path::Direct, wasm_pool::Path::Fiber] {
        let pool = recording(&engine, 2);
        let executor = wasm_pool::Executor::builder(&pool, &plugin)
            .path(path)
            .interpreters(2)
            .build();
        let executor = executor.expect("an executor");
        let (function, values) =
            wasm_pool::value::parse_call(&plugin, "distance({x: 1, y: 2}, {x: 4, y: 6})").expect("a call");
        for _ in 0..20 {
            let future = executor.submit(&function, values.clone()).expect("takes it");
            future.into_result(Wait::Forever).expect("gives something");
        }
        let timeline = told(&pool);
        let callers = timeline.interpreters();
        assert!((1..=2).contains(&callers.len()), "{path:?}: {callers:#?}");
        assert!(callers.iter().all(|life| life.name.starts_with("caller ")));
        assert!(
            callers.iter().map(|life| life.turns).sum::<u64>() >= 1,
            "{path:?}: {callers:#?}"
        );
    }
}

#[test]
fn a_pool_that_was_not_asked_to_records_nothing() {
    let engine = engine(1);
    let pool = Pool::new(&engine).expect("a pool");
    assert!(pool.timeline().is_none() && pool.status().is_none());
}
