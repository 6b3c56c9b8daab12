//! What does it cost to record what interpreters do? Processor time with a recorder, of that without one, each measured just after
//! the other.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{EMPTY, figure, guest, ratio, took};
use wasm_pool::stdio::{Output, Stdio};
use wasm_pool::{Engine, Grants, Pool, Program, QueueOptions, Setup};

/// Rounds of a case, of which the median ratio counts.
const ROUNDS: usize = 15;

/// What is run, and how often something happens in it.
struct Case {
    what: &'static str,
    count: u64,
    run: fn(&Floor, bool, u64),
}

const CASES: [Case; 3] = [
    Case {
        what: "two guests that answer each other, recorded",
        count: 20_000,
        run: ping,
    },
    Case {
        what: "messages from guest to guest, recorded",
        count: 100_000,
        run: pass,
    },
    Case {
        what: "guests that do nothing, recorded",
        count: 4_000,
        run: spawn,
    },
];

/// What all cases stand on.
struct Floor {
    engine: Engine,
    talker: Program,
    empty: Program,
}

impl Floor {
    fn new() -> Floor {
        let engine = Engine::builder().instances(64).build().expect("an engine");
        Floor {
            talker: common::program(&engine, &guest("tests/guests/talker.wasm")),
            empty: common::program(&engine, EMPTY.as_bytes()),
            engine,
        }
    }

    fn pool(&self, recorded: bool) -> Pool {
        let pool = Pool::builder(&self.engine).workers(1).timeline(recorded).build();
        let pool = pool.expect("a pool");
        for name in ["there", "back"] {
            let options = QueueOptions::default();
            pool.queues().create_named(name, &options).expect("a queue");
        }
        pool
    }

    fn talk(&self, recorded: bool, all: &[&[&str]]) {
        let pool = self.pool(recorded);
        let setup = |words: &[&str]| Setup {
            grants: Grants {
                args: words.iter().map(|word| (*word).to_owned()).collect(),
                queues: ["there", "back"].map(str::to_owned).to_vec(),
                ..Grants::default()
            },
            stdio: Stdio {
                stdout: Output::Discard,
                ..Stdio::default()
            },
            ..Setup::default()
        };
        let lives = all
            .iter()
            .map(|words| pool.spawn(&self.talker, setup(words)).expect("starts"));
        for life in lives.collect::<Vec<_>>() {
            let ending = life.join();
            assert!(ending.outcome.is_success(), "{ending:?}");
        }
    }
}

fn ping(floor: &Floor, recorded: bool, rounds: u64) {
    let rounds = rounds.to_string();
    floor.talk(
        recorded,
        &[&["ping", "there", "back", &rounds], &["bench-pong", "there", "back"]],
    );
}

fn pass(floor: &Floor, recorded: bool, count: u64) {
    let count = count.to_string();
    let (put, get) = (["bench-put", "there", &count, "64", "1"], ["bench-get", "there", "1"]);
    floor.talk(recorded, &[&put, &get]);
}

fn spawn(floor: &Floor, recorded: bool, count: u64) {
    let pool = floor.pool(recorded);
    for _ in 0..count {
        let life = pool.spawn(&floor.empty, Setup::default()).expect("starts");
        assert!(life.join().outcome.is_success());
    }
}

fn main() {
    let floor = Floor::new();
    for case in CASES {
        let used = |recorded| -> Duration { took(|| (case.run)(&floor, recorded, case.count)).1 };
        used(true);
        let ratio = ratio(ROUNDS, || used(true), || used(false));
        figure(case.what, format!("{ratio:.3}x"), "<= 1.03x");
    }
}
