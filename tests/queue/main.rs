//! Queues through the host's door: every operation, blocking and async, against what PEP 734 and crossbeam's own checklist ask.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod bounds;
mod cancellation;
mod checklist;
mod model;
mod volume;

use std::sync::OnceLock;
use std::time::Duration;

use wasm_pool::{ByteSize, Engine, Pool, Queue, QueueOptions, Wait};

/// A pool without guests.
fn pool() -> Pool {
    Pool::builder(engine()).workers(1).build().expect("a pool")
}

/// One engine for all: it compiles nothing here.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::builder().instances(1).build().expect("an engine"))
}

/// A queue bounded by `max_size` items.
fn queue(pool: &Pool, max_size: u32) -> Queue {
    let options = QueueOptions {
        max_size,
        ..QueueOptions::default()
    };
    pool.queues().create(&options).expect("a queue")
}

/// A queue bounded by bytes only.
fn queue_of_bytes(pool: &Pool, bytes: u64) -> Queue {
    let options = QueueOptions {
        max_size: 0,
        max_bytes: ByteSize::b(bytes),
        ..QueueOptions::default()
    };
    pool.queues().create(&options).expect("a queue")
}

/// Longer than anything here takes, unless something hangs.
const LONG: Wait = Wait::For(harness::PATIENCE);

/// Long enough to be seen, short enough to be waited for.
const SHORT: Duration = Duration::from_millis(20);

/// What came, as a number.
fn number(received: wasm_pool::Received) -> i64 {
    match received.item() {
        Some(wasm_pool::Item::S64(number)) => number,
        other => panic!("no number: {other:?}"),
    }
}

/// Runs a future to its end on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}
