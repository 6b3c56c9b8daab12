//! Waits that are given up: they take nothing with them and leave no hole.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use futures_util::poll;
use wasm_pool::queue::GetError;
use wasm_pool::{Item, Queue, Wait};

use super::{LONG, block_on, number, pool, queue, queue_of_bytes};

#[test]
fn an_item_handed_to_a_wait_that_is_given_up_goes_to_the_next_who_waits() {
    let pool = pool();
    let queue = queue(&pool, 4);
    block_on(async {
        let mut first = Box::pin(queue.get_async(Wait::Forever));
        let mut second = Box::pin(queue.get_async(Wait::Forever));
        assert!(poll!(first.as_mut()).is_pending() && poll!(second.as_mut()).is_pending());
        queue.put(1i64, Wait::No).expect("puts");
        drop(first);
        assert_eq!(number(second.await.expect("gets")), 1);
    });
}

#[test]
fn without_a_next_it_is_the_first_in_the_queue_again() {
    let pool = pool();
    let queue = queue(&pool, 1);
    block_on(async {
        let mut wait = Box::pin(queue.get_async(Wait::Forever));
        assert!(poll!(wait.as_mut()).is_pending());
        queue.put(1i64, Wait::No).expect("handed over");
        queue.put(2i64, Wait::No).expect("in the queue");
        drop(wait);
        assert_eq!(number(queue.get(Wait::No).expect("gets")), 1);
        assert_eq!(number(queue.get(Wait::No).expect("gets")), 2);
        assert_eq!(queue.get(Wait::No), Err(GetError::Empty));
    });
    drop(queue);
    assert_eq!(pool.budget().used(), 0);
}

#[test]
fn a_put_that_is_given_up_takes_its_item_along_and_lets_the_next_in() {
    let pool = pool();
    let queue = queue(&pool, 1);
    queue.put(0i64, Wait::No).expect("puts");
    block_on(async {
        let mut gives_up = Box::pin(queue.put_async(1i64, Wait::Forever));
        let mut stays = Box::pin(queue.put_async(2i64, Wait::Forever));
        assert!(poll!(gives_up.as_mut()).is_pending() && poll!(stays.as_mut()).is_pending());
        drop(gives_up);
        assert_eq!(number(queue.get(Wait::No).expect("gets")), 0);
        stays.await.expect("was put");
        assert_eq!(number(queue.get(Wait::No).expect("gets")), 2);
    });
}

#[test]
fn when_an_item_that_would_not_fit_is_given_up_a_smaller_one_behind_it_goes_in() {
    let pool = pool();
    let queue = queue_of_bytes(&pool, 1_000);
    let item = |bytes: usize| Item::Bytes(vec![0; bytes]);
    queue.put(item(500), Wait::No).expect("puts");
    block_on(async {
        let mut large = Box::pin(queue.put_async(item(900), Wait::Forever));
        let mut small = Box::pin(queue.put_async(item(10), Wait::Forever));
        assert!(poll!(large.as_mut()).is_pending() && poll!(small.as_mut()).is_pending());
        drop(large);
        assert!(poll!(small.as_mut()).is_ready());
    });
    assert_eq!(queue.qsize(), 2);
}

#[test]
fn a_select_that_is_given_up_leaves_every_line() {
    let pool = pool();
    let (a, b) = (queue(&pool, 1), queue(&pool, 1));
    block_on(async {
        for _ in 0..100 {
            let queues = [&a, &b];
            let mut wait = Box::pin(Queue::select_async(&queues, Wait::Forever));
            assert!(poll!(wait.as_mut()).is_pending());
        }
        a.put(1i64, Wait::No).expect("puts");
        b.put(2i64, Wait::No).expect("puts");
        assert_eq!((a.qsize(), b.qsize()), (1, 1));
        let (at, got) = Queue::select_async(&[&a, &b], Wait::Forever).await.expect("gets");
        assert_eq!((at, number(got)), (0, 1));
    });
}

#[test]
fn tiny_waits_against_puts_lose_and_double_nothing() {
    let pool = pool();
    let queue = queue(&pool, 2);
    let count = 5_000i64;
    let got = thread::scope(|scope| {
        let getters: Vec<_> = (0..3)
            .map(|getter| {
                let queue = &queue;
                scope.spawn(move || {
                    let mut got = Vec::new();
                    loop {
                        match queue.get(Wait::For(Duration::from_micros(getter * 10))) {
                            Ok(received) => got.push(number(received)),
                            Err(GetError::Closed) => return got,
                            Err(_) => {}
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            for value in 0..count {
                let mut item = Item::S64(value);
                while let Err(error) = queue.put(item, Wait::For(Duration::from_micros(20))) {
                    item = error.into_item();
                }
            }
            queue.close();
        });
        getters
            .into_iter()
            .flat_map(|getter| getter.join().expect("ends"))
            .collect::<Vec<_>>()
    });
    assert_eq!(got.len() as i64, count);
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), (0..count).collect());
}

#[test]
fn selects_over_several_queues_get_each_item_once() {
    let pool = pool();
    let queues: Vec<_> = (0..3).map(|_| queue(&pool, 8)).collect();
    let each = 3_000i64;
    let mut got = thread::scope(|scope| {
        let getters: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let all: Vec<_> = queues.iter().collect();
                    let (mut open, mut got) = (all, Vec::new());
                    while !open.is_empty() {
                        match Queue::select(&open, LONG) {
                            Ok((_, received)) => got.push(number(received)),
                            Err((at, GetError::Closed)) => drop(open.remove(at)),
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                    got
                })
            })
            .collect();
        for (at, queue) in (0..).zip(&queues) {
            scope.spawn(move || {
                (0..each).for_each(|value| queue.put(at * each + value, LONG).expect("puts"));
                queue.close();
            });
        }
        getters
            .into_iter()
            .flat_map(|getter| getter.join().expect("ends"))
            .collect::<Vec<_>>()
    });
    got.sort_unstable();
    assert_eq!(got, (0..3 * each).collect::<Vec<_>>());
}
