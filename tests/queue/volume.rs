//! Many who put, many who get, many items.

use std::collections::HashMap;
use std::thread;

use wasm_pool::{Item, Received};

use super::{LONG, pool, queue};

#[test]
fn eight_producers_and_eight_consumers_pass_800_000_items_once_and_in_order() {
    const EACH: i64 = 100_000;
    let pool = pool();
    let queue = queue(&pool, 1_024);
    let consumed = thread::scope(|scope| {
        let consumers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let (mut last, mut count, mut sum) = (HashMap::new(), 0, 0);
                    while let Ok(received) = queue.get_many(64, LONG) {
                        for item in received {
                            let Received::Item(Item::S64(value)) = item else {
                                panic!("{item:?}")
                            };
                            let (producer, number) = (value / EACH, value % EACH);
                            // Each consumer sees what one producer put in the order in which it was put.
                            let before = last.insert(producer, number);
                            assert!(before.is_none_or(|before| before < number));
                            (count, sum) = (count + 1, sum + value);
                        }
                    }
                    (count, sum)
                })
            })
            .collect();
        let producers: Vec<_> = (0..8)
            .map(|producer| {
                let queue = &queue;
                scope.spawn(move || {
                    let mut numbers = (0..EACH).map(|number| Item::S64(producer * EACH + number));
                    loop {
                        let batch: Vec<_> = numbers.by_ref().take(64).collect();
                        if batch.is_empty() {
                            return;
                        }
                        queue.put_many(batch, LONG).expect("puts");
                    }
                })
            })
            .collect();
        producers
            .into_iter()
            .for_each(|producer| producer.join().expect("ends"));
        queue.close();
        consumers
            .into_iter()
            .map(|consumer| consumer.join().expect("ends"))
            .fold((0, 0), |all: (i64, i64), one| (all.0 + one.0, all.1 + one.1))
    });
    // As many as were put, and the same ones: every number from 0 on, once.
    let all = 8 * EACH;
    assert_eq!(consumed, (all, all * (all - 1) / 2));
    drop(queue);
    assert_eq!(pool.budget().used(), 0);
}
