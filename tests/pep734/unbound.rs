//! What becomes of items whose sender has ended, seen from the host, which gets them.

use wasm_pool::queue::GetError;
use wasm_pool::{Engine, Grants, Item, Limits, Pool, Program, QueueOptions, Received, Setup, Unbound, Wait};

/// Lets a talker put 1, 2 and 3 with this policy into a queue with that one, and end; what is got then.
fn put_and_end(policy: &str, queue: Unbound) -> (Vec<Result<Received, GetError>>, usize) {
    let engine = Engine::builder().instances(1).build().expect("an engine");
    let talker = super::root().join("tests/guests/talker.wasm");
    let program = Program::from_file(&engine, talker, &Limits::default()).expect("a program");
    let pool = Pool::new(&engine).expect("a pool");
    let options = QueueOptions {
        unbound: queue,
        ..QueueOptions::default()
    };
    let queue = pool.queues().create_named("q", &options).expect("a queue");
    queue.put(0i64, Wait::No).expect("puts");
    let grants = Grants {
        args: ["put-and-end", "q", policy].map(str::to_owned).into(),
        queues: vec!["q".to_owned()],
        ..Grants::default()
    };
    let setup = Setup {
        grants,
        ..Setup::default()
    };
    let ending = pool.run(&program, setup).expect("runs");
    assert!(ending.outcome.is_success(), "{ending:?}");
    let size = queue.qsize();
    let got = std::iter::from_fn(|| Some(queue.get(Wait::No)).filter(|got| *got != Err(GetError::Empty)));
    let got = got.collect();
    (got, size)
}

fn item(number: i64) -> Result<Received, GetError> {
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

// CPython: test_queues.TestQueueOps.test_put_cleared_with_subinterpreter, _mixed, _multiple
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
