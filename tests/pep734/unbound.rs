//! What becomes of items whose sender has ended, seen from the host, which gets them.

use std::collections::VecDeque;
use std::sync::OnceLock;

use proptest::prelude::*;
use wasm_pool::queue::GetError;
use wasm_pool::{Item, Pool, Program, Queue, QueueOptions, Received, Unbound, Wait};

use super::{doing, talkers};
use crate::harness::eventually;

type Got = Result<Received, GetError>;

fn named(pool: &Pool, name: &str, unbound: Unbound) -> Queue {
    let options = QueueOptions {
        unbound,
        ..QueueOptions::default()
    };
    pool.queues().create_named(name, &options).expect("a queue")
}

/// Lets a talker put 1, 2 and 3 with this policy, and end.
fn guest_puts(pool: &Pool, program: &Program, queue: &str, policy: &str) {
    let setup = doing(&["put-and-end", queue, policy], &[queue]);
    let ending = pool.run(program, setup).expect("runs");
    assert!(ending.outcome.is_success(), "{ending:?}");
}

/// Lets a talker put 1, 2 and 3 with this policy into a queue with that one, and end; what is got then.
fn put_and_end(policy: &str, queue: Unbound) -> (Vec<Got>, usize) {
    let (pool, program) = talkers();
    let queue = named(&pool, "q", queue);
    queue.put(0i64, Wait::No).expect("puts");
    guest_puts(&pool, &program, "q", policy);
    let size = queue.qsize();
    let got = std::iter::from_fn(|| Some(queue.get(Wait::No)).filter(|got| *got != Err(GetError::Empty)));
    let got = got.collect();
    (got, size)
}

fn item(number: i64) -> Got {
    Ok(Received::Item(Item::S64(number)))
}

// CPython: test_queues.TestQueueOps.test_put_cleared_with_subinterpreter
#[test]
fn by_default_items_stay_and_count_and_are_replaced() {
    let lost = Ok(Received::Unbound);
    for (policy, queue) in [("default", Unbound::Replace), ("replace", Unbound::Error)] {
        let (got, size) = put_and_end(policy, queue);
        assert_eq!(size, 4);
        assert_eq!(got, [item(0), lost.clone(), lost.clone(), lost.clone()]);
    }
}

// CPython: test_queues.TestQueueOps.test_put_cleared_with_subinterpreter
#[test]
fn with_error_whoever_gets_them_hears_of_it_once_each() {
    let lost = Err(GetError::InterpreterDestroyed);
    for (policy, queue) in [("default", Unbound::Error), ("error", Unbound::Remove)] {
        let (got, size) = put_and_end(policy, queue);
        assert_eq!(size, 4);
        assert_eq!(got, [item(0), lost.clone(), lost.clone(), lost.clone()]);
    }
}

// CPython: test_queues.TestQueueOps.test_put_cleared_with_subinterpreter
#[test]
fn with_remove_they_vanish() {
    for (policy, queue) in [("default", Unbound::Remove), ("remove", Unbound::Replace)] {
        assert_eq!(put_and_end(policy, queue), (vec![item(0)], 1));
    }
}

// CPython loses them always; queues of the command line keep them.
#[test]
fn with_keep_they_are_delivered_all_the_same() {
    let (got, _) = put_and_end("default", Unbound::Keep);
    assert_eq!(got, [item(0), item(1), item(2), item(3)]);
}

// CPython: test_queues.TestQueueOps.test_put_cleared_with_subinterpreter_multiple (what is got and put again is the new sender's)
#[test]
fn an_item_belongs_to_whoever_put_it_last() {
    let (pool, program) = talkers();
    let (from, to) = (
        named(&pool, "from", Unbound::Keep),
        named(&pool, "to", Unbound::Replace),
    );
    guest_puts(&pool, &program, "from", "default");
    let relay = pool.spawn(&program, doing(&["relay", "from", "to"], &["from", "to"]));
    let relay = relay.expect("starts");
    eventually("all went on", || to.qsize() == 3);
    // The first sender has ended, the second has not.
    assert_eq!(to.get(Wait::No), item(1));
    from.close();
    assert!(relay.join().outcome.is_success());
    let rest = [to.get(Wait::No), to.get(Wait::No), to.get(Wait::No)];
    assert_eq!(
        rest,
        [Ok(Received::Unbound), Ok(Received::Unbound), Err(GetError::Empty)]
    );
}

// CPython keeps for ever what more than about 300 unread items took.
#[test]
fn thousands_of_items_that_nobody_got_leave_nothing() {
    let (pool, program) = talkers();
    for unbound in [Unbound::Replace, Unbound::Error, Unbound::Remove, Unbound::Keep] {
        let before = pool.budget().used();
        let options = QueueOptions {
            max_size: 0,
            unbound,
            ..QueueOptions::default()
        };
        let name = format!("{unbound:?}");
        let queue = pool.queues().create_named(&name, &options).expect("a queue");
        let setup = doing(&["produce", &name, "10000"], &[&name]);
        assert!(pool.run(&program, setup).expect("runs").outcome.is_success());
        let kept = if unbound == Unbound::Keep { 10_000 * 64 } else { 0 };
        assert_eq!(queue.bytes(), kept);
        while !matches!(queue.get(Wait::No), Err(GetError::Empty)) {}
        // A queue keeps two steps of the budget at most.
        assert!(pool.budget().used() - before <= 8_192, "{unbound:?}");
    }
}

/// One step of several guests and the host with two queues.
#[derive(Debug, Clone)]
enum Step {
    HostPuts(usize),
    /// A guest puts 1, 2 and 3, and ends.
    GuestPuts(usize, Option<Unbound>),
    Get(usize),
    GetMany(usize, usize),
    /// A guest that waits at the queue, if nothing is in it, is killed.
    Killed(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let policy = prop::sample::select(vec![
        None,
        Some(Unbound::Replace),
        Some(Unbound::Error),
        Some(Unbound::Remove),
    ]);
    prop_oneof![
        2 => (0..2usize).prop_map(Step::HostPuts),
        3 => (0..2usize, policy).prop_map(|(at, policy)| Step::GuestPuts(at, policy)),
        3 => (0..2usize).prop_map(Step::Get),
        2 => (0..2usize, 1..6usize).prop_map(|(at, count)| Step::GetMany(at, count)),
        1 => (0..2usize).prop_map(Step::Killed),
    ]
}

/// What is left of a guest's item when it has ended.
fn left(number: i64, unbound: Unbound) -> Option<Got> {
    match unbound {
        Unbound::Keep => Some(item(number)),
        Unbound::Replace => Some(Ok(Received::Unbound)),
        Unbound::Error => Some(Err(GetError::InterpreterDestroyed)),
        Unbound::Remove => None,
    }
}

/// Up to so many; an error comes alone.
fn get_many(model: &mut VecDeque<Got>, count: usize) -> Result<Vec<Received>, GetError> {
    if let Some(Err(error)) = model.pop_front_if(|got| got.is_err()) {
        return Err(error);
    }
    let good = model.iter().take(count).take_while(|got| got.is_ok()).count();
    match good {
        0 => Err(GetError::Empty),
        good => model.drain(..good).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    // CPython: test_queues.TestQueueOps.test_put_cleared_with_subinterpreter_mixed, _multiple
    #[test]
    fn mixed_policies_keep_the_order(
        steps in prop::collection::vec(step(), 1..25),
        policies in prop::sample::select(vec![
            [Unbound::Replace, Unbound::Keep],
            [Unbound::Error, Unbound::Remove],
        ]),
    ) {
        static PROGRAM: OnceLock<Program> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| talkers().1);
        let pool = Pool::builder(program.engine()).workers(2).build().expect("a pool");
        let names = ["first", "second"];
        let queues = [0, 1].map(|at| named(&pool, names[at], policies[at]));
        let mut models: [VecDeque<Got>; 2] = Default::default();
        for step in steps {
            match step {
                Step::HostPuts(at) => {
                    queues[at].put(9i64, Wait::No).expect("puts");
                    models[at].push_back(item(9));
                }
                Step::GuestPuts(at, policy) => {
                    let word = policy.map_or("default", |policy| match policy {
                        Unbound::Replace => "replace",
                        Unbound::Error => "error",
                        Unbound::Remove | Unbound::Keep => "remove",
                    });
                    guest_puts(&pool, program, names[at], word);
                    let unbound = policy.unwrap_or(policies[at]);
                    models[at].extend((1..=3).filter_map(|number| left(number, unbound)));
                }
                Step::Get(at) => {
                    let expected = models[at].pop_front().unwrap_or(Err(GetError::Empty));
                    prop_assert_eq!(queues[at].get(Wait::No), expected);
                }
                Step::GetMany(at, count) => {
                    prop_assert_eq!(queues[at].get_many(count, Wait::No), get_many(&mut models[at], count));
                }
                Step::Killed(at) => {
                    if models[at].is_empty() {
                        let setup = doing(&["get-one", names[at]], &names);
                        let guest = pool.spawn(program, setup).expect("starts");
                        guest.kill();
                        guest.join();
                    }
                }
            }
            for (queue, model) in queues.iter().zip(&models) {
                prop_assert_eq!(queue.qsize(), model.len());
            }
        }
        for (queue, model) in queues.iter().zip(&mut models) {
            while let Some(expected) = model.pop_front() {
                prop_assert_eq!(queue.get(Wait::No), expected);
            }
        }
        prop_assert_eq!(pool.alive(), 0);
        prop_assert!(pool.budget().used() <= 2 * 8_192);
    }
}
