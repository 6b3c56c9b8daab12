//! Handles that come to a callee with a call.

use wasm_pool::{CallError, Interpreter, Item, Limits, Pool, Program, Queue, QueueOptions, Setup};

use super::{talkers, talking};

/// A callee that may have so many handles.
fn callee(pool: &Pool, program: &Program, handles: u32) -> Interpreter {
    let setup = Setup {
        limits: Limits {
            handles,
            ..Limits::default()
        },
        ..talking(pool, &[])
    };
    pool.create(program, setup).expect("an interpreter")
}

fn queues(pool: &Pool, count: usize) -> Vec<Queue> {
    let make = || pool.queues().create(&QueueOptions::default()).expect("a queue");
    (0..count).map(|_| make()).collect()
}

fn has_no_room<T: std::fmt::Debug>(called: Result<T, CallError>) -> bool {
    matches!(&called, Err(CallError::Failed(failed))
        if failed.kind == "limit" && failed.message.starts_with("handles limit of 32 handles reached"))
}

#[test]
fn a_call_with_more_handles_than_its_callee_has_room_for_fails_and_the_callee_goes_on() {
    let (pool, program) = talkers(4, 1);
    let callee = callee(&pool, &program, 32);
    let queues = queues(&pool, 40);
    // One after the other, as long as it keeps them.
    let kept = queues
        .iter()
        .map_while(|queue| callee.call("keep", vec![queue.clone().into()]).ok());
    let kept = kept.count();
    assert!((1..32).contains(&kept), "{kept}");
    assert!(has_no_room(callee.call("keep", vec![queues[0].clone().into()])));
    // Many at once, as arguments and as names.
    let items = || queues.iter().cloned().map(Item::from);
    assert!(has_no_room(callee.call("keep", items().collect())));
    let names = items().map(|item| ("name".to_owned(), item)).collect();
    assert!(has_no_room(callee.prepare_main(names)));
    // It took none of them, and is as before.
    assert_eq!(callee.call("add", vec![1i64.into(), 2i64.into()]), Ok(Item::S64(3)));
    let names = (0..100).map(|at| (at.to_string(), Item::S64(at))).collect();
    assert_eq!(callee.prepare_main(names), Ok(()));
    assert_eq!(callee.call("bound", vec!["7".into()]), Ok(Item::S64(7)));
    drop(callee);
    drop(queues);
    super::nothing_left(&pool, 0);
}
