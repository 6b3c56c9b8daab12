//! crossbeam-channel's list of what a channel must do, for each flavour of queue.

use std::thread;
use std::time::Instant;

use wasm_pool::queue::{GetError, PutError};
use wasm_pool::{Item, Pool, Queue, Received, Wait};

use super::{LONG, SHORT, block_on, number, queue, queue_of_bytes};
use crate::harness::eventually;

/// A flavour: how a queue of it is made, and how many small items it holds.
#[derive(Clone, Copy)]
struct Flavour {
    make: fn(&Pool) -> Queue,
    holds: i64,
}

const ONE: Flavour = Flavour {
    make: |pool| queue(pool, 1),
    holds: 1,
};
const MANY: Flavour = Flavour {
    make: |pool| queue(pool, 100),
    holds: 100,
};
const BYTES: Flavour = Flavour {
    make: |pool| queue_of_bytes(pool, 50 * 64),
    holds: 50,
};

macro_rules! for_each_flavour {
    ($($name:ident),* $(,)?) => {
        mod one {
            $(#[test] fn $name() { super::$name(super::ONE) })*
        }
        mod many {
            $(#[test] fn $name() { super::$name(super::MANY) })*
        }
        mod bytes {
            $(#[test] fn $name() { super::$name(super::BYTES) })*
        }
    };
}

for_each_flavour!(
    smoke,
    capacity,
    len_empty_full,
    try_recv,
    recv,
    recv_timeout,
    try_send,
    send,
    send_timeout,
    send_after_disconnect,
    recv_after_disconnect,
    disconnect_wakes_sender,
    disconnect_wakes_receiver,
    spsc,
    mpmc,
    stress_timeout,
    drops,
    linearizable,
    fairness,
    waiting_receivers_are_served_in_order,
    waiting_senders_are_served_in_order,
    channel_through_channel,
    iterates_until_closed,
    works_without_blocking,
);

fn made(flavour: Flavour) -> (Pool, Queue) {
    let pool = super::pool();
    let queue = (flavour.make)(&pool);
    (pool, queue)
}

// CPython: test_queues.TestQueueOps.test_put_get_main
fn smoke(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    queue.put(7i64, Wait::No).expect("puts");
    assert_eq!(number(queue.get(Wait::No).expect("gets")), 7);
    queue.put("text", LONG).expect("puts");
    assert_eq!(queue.get(LONG), Ok(Received::Item("text".into())));
    assert_eq!(queue.get(Wait::No), Err(GetError::Empty));
}

fn capacity(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    let held = (0..).take_while(|number| queue.put(*number, Wait::No).is_ok()).count();
    assert_eq!(held as i64, flavour.holds);
}

// CPython: test_queues.TestQueueOps.test_empty, test_full, test_qsize
fn len_empty_full(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    assert_eq!((queue.qsize(), queue.is_empty(), queue.is_full()), (0, true, false));
    for count in 1..=flavour.holds {
        queue.put(count, Wait::No).expect("puts");
        assert_eq!((queue.qsize() as i64, queue.is_empty()), (count, false));
        assert_eq!(queue.is_full(), count == flavour.holds);
    }
    queue.get(Wait::No).expect("gets");
    assert_eq!((queue.qsize() as i64, queue.is_full()), (flavour.holds - 1, false));
}

// CPython: test_queues.TestQueueOps.test_get_nowait
fn try_recv(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    assert_eq!(queue.get(Wait::No), Err(GetError::Empty));
    queue.put(1i64, Wait::No).expect("puts");
    assert_eq!(number(queue.get(Wait::No).expect("gets")), 1);
    queue.close();
    assert_eq!(queue.get(Wait::No), Err(GetError::Closed));
}

fn recv(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    thread::scope(|scope| {
        let getter = scope.spawn(|| {
            (0..3)
                .map(|_| number(queue.get(LONG).expect("gets")))
                .collect::<Vec<_>>()
        });
        for value in 0..3i64 {
            queue.put(value, LONG).expect("puts");
        }
        assert_eq!(getter.join().expect("ends"), [0, 1, 2]);
    });
}

// CPython: test_queues.TestQueueOps.test_get_timeout, test_timeout_uses_monotonic_clock
fn recv_timeout(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    let began = Instant::now();
    assert_eq!(queue.get(Wait::For(SHORT)), Err(GetError::Empty));
    assert!(began.elapsed() >= SHORT);
    queue.put(1i64, Wait::No).expect("puts");
    assert!(queue.get(Wait::For(std::time::Duration::MAX)).is_ok());
}

// CPython: test_queues.TestQueueOps.test_put_nowait
fn try_send(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    for value in 0..flavour.holds {
        queue.put(value, Wait::No).expect("puts");
    }
    assert_eq!(queue.put(99i64, Wait::No), Err(PutError::Full(Item::S64(99))));
    queue.get(Wait::No).expect("gets");
    queue.put(99i64, Wait::No).expect("puts");
}

fn send(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    thread::scope(|scope| {
        scope.spawn(|| (0..3 * flavour.holds).for_each(|value| queue.put(value, LONG).expect("puts")));
        for value in 0..3 * flavour.holds {
            assert_eq!(number(queue.get(LONG).expect("gets")), value);
        }
    });
}

// CPython: test_queues.TestQueueOps.test_put_timeout
fn send_timeout(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    for value in 0..flavour.holds {
        queue.put(value, Wait::For(SHORT)).expect("puts");
    }
    let began = Instant::now();
    assert_eq!(queue.put(-1i64, Wait::For(SHORT)), Err(PutError::Full(Item::S64(-1))));
    assert!(began.elapsed() >= SHORT);
    // The item that was not put has left the line.
    for value in 0..flavour.holds {
        assert_eq!(number(queue.get(Wait::No).expect("gets")), value);
    }
    assert!(queue.is_empty());
}

fn send_after_disconnect(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    queue.close();
    queue.close();
    assert_eq!(queue.put(1i64, Wait::No), Err(PutError::Closed(Item::S64(1))));
    assert_eq!(queue.put(1i64, LONG), Err(PutError::Closed(Item::S64(1))));
    assert!(queue.is_closed() && queue.is_empty());
}

fn recv_after_disconnect(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    for value in 0..flavour.holds {
        queue.put(value, Wait::No).expect("puts");
    }
    queue.close();
    for value in 0..flavour.holds {
        assert_eq!(number(queue.get(LONG).expect("still there")), value);
    }
    assert_eq!(queue.get(LONG), Err(GetError::Closed));
}

fn disconnect_wakes_sender(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    for value in 0..flavour.holds {
        queue.put(value, Wait::No).expect("puts");
    }
    thread::scope(|scope| {
        let putters: Vec<_> = (0..50)
            .map(|value| {
                scope.spawn({
                    let queue = &queue;
                    move || queue.put(value as i64, LONG)
                })
            })
            .collect();
        queue.close();
        for (value, putter) in (0..).zip(putters) {
            assert_eq!(putter.join().expect("wakes"), Err(PutError::Closed(Item::S64(value))));
        }
    });
    assert_eq!(queue.qsize() as i64, flavour.holds);
}

fn disconnect_wakes_receiver(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    thread::scope(|scope| {
        let getters: Vec<_> = (0..50).map(|_| scope.spawn(|| queue.get(LONG))).collect();
        queue.close();
        for getter in getters {
            assert_eq!(getter.join().expect("wakes"), Err(GetError::Closed));
        }
    });
}

fn spsc(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    let count = 20_000i64;
    thread::scope(|scope| {
        scope.spawn(|| {
            (0..count).for_each(|value| queue.put(value, LONG).expect("puts"));
            queue.close();
        });
        let got: Vec<_> = queue.iter().collect();
        assert_eq!(got.len() as i64, count);
        assert!(got.iter().zip(0..).all(|(item, value)| *item == Item::S64(value)));
    });
}

fn mpmc(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    let (threads, each) = (4i64, 5_000i64);
    let sums = thread::scope(|scope| {
        let getters: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    queue.iter().fold((0, 0), |(count, sum), item| match item {
                        Item::S64(value) => (count + 1, sum + value),
                        other => panic!("{other:?}"),
                    })
                })
            })
            .collect();
        let putters: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| (0..each).for_each(|value| queue.put(value, LONG).expect("puts"))))
            .collect();
        putters.into_iter().for_each(|putter| putter.join().expect("ends"));
        queue.close();
        getters
            .into_iter()
            .map(|getter| getter.join().expect("ends"))
            .collect::<Vec<_>>()
    });
    let (count, sum) = sums.into_iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    assert_eq!((count, sum), (threads * each, threads * each * (each - 1) / 2));
}

fn stress_timeout(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    let tiny = Wait::For(std::time::Duration::from_micros(50));
    let count = 2_000i64;
    thread::scope(|scope| {
        scope.spawn(|| {
            for value in 0..count {
                while queue.put(value, tiny).is_err() {}
            }
        });
        for value in 0..count {
            let got = loop {
                if let Ok(got) = queue.get(tiny) {
                    break got;
                }
            };
            assert_eq!(number(got), value);
        }
    });
    assert!(queue.is_empty());
}

/// What is left in a queue goes with it, and its memory is the pool's again.
fn drops(flavour: Flavour) {
    let (pool, queue) = made(flavour);
    for value in 0..flavour.holds {
        queue.put(value, Wait::No).expect("puts");
    }
    assert!(pool.budget().used() >= 64 * flavour.holds as u64);
    drop(queue);
    assert_eq!((pool.budget().used(), pool.queues().len()), (0, 0));
}

fn linearizable(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    queue.put(0i64, LONG).expect("puts");
                    queue.get(Wait::No).expect("whoever put can get");
                }
            });
        }
    });
    assert!(queue.is_empty());
}

/// Two who put get their turns both.
fn fairness(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    let counts = thread::scope(|scope| {
        for name in 0..2i64 {
            let queue = &queue;
            scope.spawn(move || while queue.put(name, LONG).is_ok() {});
        }
        let mut counts = [0u32; 2];
        eventually("both had turns", || {
            let name = number(queue.get(LONG).expect("gets"));
            counts[usize::try_from(name).expect("a name")] += 1;
            counts.iter().all(|count| *count > 200)
        });
        queue.close();
        counts
    });
    assert!(counts.iter().all(|count| *count > 200), "{counts:?}");
}

fn waiting_receivers_are_served_in_order(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    block_on(async {
        let mut waits: Vec<_> = (0..20).map(|_| Box::pin(queue.get_async(Wait::Forever))).collect();
        for wait in &mut waits {
            assert!(futures_util::poll!(wait.as_mut()).is_pending());
        }
        for value in 0..20i64 {
            queue.put(value, Wait::No).expect("somebody waits");
        }
        for (value, wait) in (0..).zip(waits) {
            assert_eq!(number(wait.await.expect("gets")), value);
        }
    });
}

fn waiting_senders_are_served_in_order(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    for value in 0..flavour.holds {
        queue.put(value, Wait::No).expect("puts");
    }
    block_on(async {
        let values = flavour.holds..flavour.holds + 20;
        let mut waits: Vec<_> = values
            .map(|value| Box::pin(queue.put_async(value, Wait::Forever)))
            .collect();
        for wait in &mut waits {
            assert!(futures_util::poll!(wait.as_mut()).is_pending());
        }
        // Nobody overtakes those who wait.
        queue.get(Wait::No).expect("gets");
        assert!(matches!(queue.put(-1i64, Wait::No), Err(PutError::Full(_))));
        for value in 1..flavour.holds + 20 {
            assert_eq!(number(queue.get(Wait::No).expect("gets")), value);
        }
        for wait in waits {
            wait.await.expect("was put");
        }
    });
}

// CPython: test_queues.QueueTests.test_shareable
fn channel_through_channel(flavour: Flavour) {
    let (pool, queue) = made(flavour);
    let inner = (flavour.make)(&pool);
    inner.put(5i64, Wait::No).expect("puts");
    let id = inner.id();
    queue.put(inner, Wait::No).expect("puts");
    match queue.get(Wait::No).expect("gets").item() {
        Some(Item::Queue(inner)) => {
            assert_eq!(inner.id(), id);
            assert_eq!(number(inner.get(Wait::No).expect("gets")), 5);
        }
        other => panic!("{other:?}"),
    }
    // The last handle is gone, and the queue with it.
    assert_eq!((pool.queues().len(), pool.queues().from_id(id)), (1, None));
}

fn iterates_until_closed(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    let (feed, drain) = (queue.clone().into_feed(), queue.into_drain());
    let fed = thread::spawn(move || {
        (0..500i64).for_each(|value| feed.put(value, LONG).expect("puts"));
        feed.close();
    });
    assert_eq!(drain.count(), 500);
    fed.join().expect("ends");
}

fn works_without_blocking(flavour: Flavour) {
    let (_pool, queue) = made(flavour);
    block_on(async {
        for value in 0..flavour.holds {
            queue.put_async(value, Wait::Forever).await.expect("puts");
        }
        let late = queue.put_async(-1i64, Wait::For(SHORT)).await;
        assert_eq!(late, Err(PutError::Full(Item::S64(-1))));
        for value in 0..flavour.holds {
            assert_eq!(number(queue.get_async(Wait::No).await.expect("gets")), value);
        }
        assert_eq!(queue.get_async(Wait::For(SHORT)).await, Err(GetError::Empty));
        queue.close();
        assert_eq!(queue.get_async(Wait::Forever).await, Err(GetError::Closed));
    });
}
