//! What bounds a queue and a pool of queues, and what is nobody's queue.

use std::thread;
use std::time::Duration;

use wasm_pool::queue::{GetError, MAX_NAME, PutError};
use wasm_pool::{ByteSize, ErrorKind, Item, Pool, Queue, QueueId, QueueOptions, Wait};

use super::{LONG, engine, pool, queue, queue_of_bytes};

#[test]
fn an_item_that_can_never_fit_is_refused_and_handed_back() {
    let pool = pool();
    let queue = queue_of_bytes(&pool, 1_000);
    let item = |bytes: usize| Item::Bytes(vec![1; bytes]);
    let refused = queue.put(item(937), LONG).expect_err("too large");
    assert_eq!(
        refused,
        PutError::TooLarge {
            item: item(937),
            max_bytes: 1_000
        }
    );
    assert_eq!(
        refused.to_string(),
        "an item of 1001 bytes does not fit into a queue that holds 1000"
    );
    queue.put(item(936), Wait::No).expect("exactly fits");
    assert!(matches!(queue.put(item(0), Wait::No), Err(PutError::Full(_))));
    queue.get(Wait::No).expect("gets");
    queue.put(item(0), Wait::No).expect("an item without content is one");
    assert_eq!(queue.qsize(), 1);
}

#[test]
fn items_count_towards_the_memory_of_the_pool_until_they_are_got() {
    let pool = Pool::builder(engine())
        .workers(1)
        .memory(ByteSize::mib(1))
        .build()
        .expect("a pool");
    let queue = queue_of_bytes(&pool, u64::MAX >> 1);
    let item = || Item::Bytes(vec![0; 100 << 10]);
    let put = (0..).take_while(|_| queue.put(item(), LONG).is_ok()).count();
    assert_eq!(put, 10);
    match queue.put(item(), LONG) {
        Err(PutError::Limit { hit, .. }) => {
            assert_eq!(
                hit.to_string(),
                "pool-memory limit of 1MiB reached (--pool-memory raises it)"
            );
        }
        other => panic!("{other:?}"),
    }
    queue.get(Wait::No).expect("gets");
    queue.put(item(), Wait::No).expect("there is room again");
    drop(queue);
    assert_eq!(pool.budget().used(), 0);
}

#[test]
fn a_pool_has_so_many_queues_and_no_more() {
    let pool = Pool::builder(engine()).workers(1).queues(3).build().expect("a pool");
    let queues: Vec<_> = (0..3).map(|_| queue(&pool, 1)).collect();
    let refused = pool
        .queues()
        .create(&QueueOptions::default())
        .expect_err("one too many");
    assert_eq!(refused.kind(), ErrorKind::Unfit);
    drop(queues);
    assert!(pool.queues().is_empty());
    queue(&pool, 1);
}

// CPython: test_queues.QueueTests.test_id_type, test_custom_id
#[test]
fn ids_are_never_used_again_and_mean_nothing_elsewhere() {
    let (pool, other) = (pool(), pool());
    let first = queue(&pool, 1).id();
    let second = queue(&pool, 1);
    assert!(second.id() > first);
    assert_eq!(pool.queues().from_id(first), None);
    assert_eq!(pool.queues().from_id(second.id()).as_ref(), Some(&second));
    assert_eq!(other.queues().from_id(second.id()), None);
    assert_eq!(pool.queues().from_id(QueueId::new(u64::MAX)), None);
}

#[test]
fn handles_of_another_pool_are_refused_and_handed_back() {
    let (pool, other) = (pool(), pool());
    let (queue, foreign) = (queue(&pool, 4), queue(&other, 1));
    let refused = queue.put(foreign.clone(), Wait::No).expect_err("another pool's");
    assert_eq!(refused, PutError::Foreign(Item::Queue(foreign.clone())));
    assert_eq!(
        refused.to_string(),
        "a queue or an interpreter of another pool means nothing in this one"
    );
    assert_eq!(refused.into_item(), Item::Queue(foreign.clone()));
    let batch = [Item::S64(1), Item::Queue(foreign), Item::S64(2)];
    let refused = queue.put_many(batch, LONG).expect_err("another pool's");
    assert_eq!((refused.accepted, refused.rest), (1, vec![Item::S64(2)]));
    // The queue goes on, also with its own kind.
    queue.put(queue.clone(), Wait::No).expect("puts");
    assert_eq!(queue.qsize(), 2);
}

#[test]
fn a_handle_for_one_direction_refuses_the_other_and_hands_items_back() {
    let pool = pool();
    let (whole, other) = (queue(&pool, 4), queue(&pool, 4));
    let (getter, putter) = (whole.getter(), whole.putter());
    let item = Item::S64(1);
    assert_eq!(getter.put(item.clone(), LONG), Err(PutError::NotAllowed(item.clone())));
    let late = futures_util::FutureExt::now_or_never(getter.put_async(item.clone(), LONG));
    assert_eq!(late, Some(Err(PutError::NotAllowed(item.clone()))));
    let many = getter
        .put_many([item.clone(), Item::S64(2)], LONG)
        .expect_err("it may not");
    assert_eq!((many.accepted, many.error), (0, PutError::NotAllowed(item.clone())));
    assert_eq!(many.rest, [Item::S64(2)]);
    getter.close();
    putter.put(item, Wait::No).expect("it may");

    let no = GetError::NotAllowed;
    assert_eq!(putter.get(LONG), Err(no));
    assert_eq!(putter.get_many(3, LONG), Err(no));
    assert_eq!(Queue::select(&[&other, &putter], LONG), Err((1, no)));
    let late = futures_util::FutureExt::now_or_never(Queue::select_async(&[&getter, &putter], LONG));
    assert_eq!(late, Some(Err((1, no))));
    assert_eq!(putter.iter().next(), None);
    assert_eq!(Queue::select(&[&other, &getter], LONG).map(|(at, _)| at), Ok(1));
    putter.close();
    assert!(whole.is_closed() && getter == putter);
}

#[test]
fn names_are_short_plain_and_used_once() {
    let pool = pool();
    let options = QueueOptions::default();
    let queue = pool.queues().create_named("work", &options).expect("a queue");
    assert_eq!(
        (queue.name(), pool.queues().open("work").as_ref()),
        (Some("work"), Some(&queue))
    );
    let longest = "x".repeat(MAX_NAME);
    pool.queues().create_named(&longest, &options).expect("a queue");
    for wrong in ["", "a\nb", "a\u{1b}[2J", &format!("{longest}x"), "work"] {
        let refused = pool.queues().create_named(wrong, &options).expect_err("no name");
        assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");
        assert!(!refused.to_string().contains('\u{1b}'), "{refused}");
    }
    // A named queue lives as long as its pool.
    let id = queue.id();
    drop(queue);
    assert!(pool.queues().from_id(id).is_some());
    assert_eq!(pool.queues().open("none"), None);
}

#[test]
fn whoever_waits_when_the_pool_goes_wakes() {
    let pool = pool();
    let (empty, full) = (queue(&pool, 1), queue(&pool, 1));
    full.put(1i64, Wait::No).expect("puts");
    let getter = thread::spawn({
        let empty = empty.clone();
        move || empty.get(LONG)
    });
    let putter = thread::spawn({
        let full = full.clone();
        move || full.put(2i64, LONG)
    });
    drop(pool);
    assert_eq!(getter.join().expect("wakes"), Err(GetError::Closed));
    assert_eq!(putter.join().expect("wakes"), Err(PutError::Closed(Item::S64(2))));
    assert!(full.is_empty());
}

#[test]
fn a_queue_in_itself_and_a_long_chain_of_queues_are_gone_at_the_end() {
    let pool = Pool::builder(engine())
        .workers(1)
        .queues(20_000)
        .build()
        .expect("a pool");
    let mut chain = queue(&pool, 1);
    for _ in 0..10_000 {
        let next = queue(&pool, 1);
        next.put(chain, Wait::No).expect("puts");
        chain = next;
    }
    assert_eq!(pool.queues().len(), 10_001);
    drop(chain);
    assert_eq!((pool.queues().len(), pool.budget().used()), (0, 0));

    let own = queue(&pool, 1);
    own.put(own.clone(), Wait::No).expect("puts");
    let budget = pool.budget().clone();
    drop(own);
    drop(pool);
    assert_eq!(budget.used(), 0);
}

#[test]
fn no_time_and_more_time_than_there_is_are_times_too() {
    let pool = pool();
    let queue = queue(&pool, 1);
    assert_eq!(queue.get(Wait::For(Duration::ZERO)), Err(GetError::Empty));
    queue.put(1i64, Wait::For(Duration::MAX)).expect("puts");
    assert!(matches!(
        queue.put(1i64, Wait::For(Duration::ZERO)),
        Err(PutError::Full(_))
    ));
    assert!(queue.get(Wait::For(Duration::MAX)).is_ok());
}
