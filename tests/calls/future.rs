//! `concurrent.futures.Future`.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wasm_pool::calls::Returned;
use wasm_pool::value::Val;
use wasm_pool::{Executor, Future, FutureError, Outcome, Wait};

use crate::harness::eventually;
use crate::{LONG, PLUGIN, builder, call, ended, executor, gate, s32, submit, u32};

/// An executor with one interpreter.
fn alone() -> Executor {
    builder(&PLUGIN).interpreters(1).build().expect("an executor")
}

/// What was noted, in order.
type Notes = Arc<Mutex<Vec<String>>>;

fn note(notes: &Notes, future: &Future<Returned>, who: &'static str) {
    let notes = Arc::clone(notes);
    future.add_done_callback(move |future| {
        let how = match future.result(Wait::No) {
            Ok(_) => "value",
            Err(FutureError::Cancelled) => "cancelled",
            Err(_) => "error",
        };
        notes.lock().expect("notes").push(format!("{who} {how}"));
    });
}

#[track_caller]
fn noted(notes: &Notes, expected: &[&str]) {
    eventually("all is noted", || notes.lock().expect("notes").len() == expected.len());
    assert_eq!(*notes.lock().expect("notes"), expected);
}

/// test_future.test_cancel, test_cancelled, test_done, test_running
#[test]
fn what_is_pending_can_be_cancelled_and_what_runs_or_is_done_cannot() {
    let executor = alone();
    let nothing = executor.function("nothing").expect("a function");
    let (hold, held) = gate(&executor, &nothing);
    let pending = executor.submit(&nothing, vec![]).expect("submits");
    assert!(held.running() && !held.done() && !held.cancelled());
    assert!(!pending.running() && !pending.done() && !pending.cancelled());

    assert!(!held.cancel() && held.running());
    assert!(pending.cancel() && pending.cancel());
    assert!(pending.cancelled() && pending.done() && !pending.running());

    drop(hold);
    assert!(held.wait(LONG) && held.done() && !held.running() && !held.cancelled());
    assert!(!held.cancel() && !held.cancelled());
    // It did not run.
    assert_eq!(pending.result(LONG), Err(FutureError::Cancelled));
}

/// test_future.test_result_with_timeout, test_exception_with_timeout
#[test]
fn a_result_can_be_waited_for_as_long_as_one_likes() {
    let executor = alone();
    let nothing = executor.function("nothing").expect("a function");
    let (hold, _held) = gate(&executor, &nothing);
    let future = submit(&executor, "add", vec![Val::S32(2), Val::S32(3)]);
    let began = Instant::now();
    for wait in [
        Wait::No,
        Wait::For(Duration::ZERO),
        Wait::For(Duration::from_millis(20)),
    ] {
        assert_eq!(future.result(wait), Err(FutureError::Timeout));
        assert_eq!(future.exception(wait), Some(FutureError::Timeout));
    }
    assert!(began.elapsed() >= Duration::from_millis(40));
    drop(hold);
    assert_eq!(future.result(Wait::For(Duration::MAX)), Ok(Some(Val::S32(5))));
}

/// test_future.test_result_with_success, test_exception_with_success, test_result_with_cancel, test_multiple_set_result,
/// test_multiple_set_exception
#[test]
fn a_result_comes_once_and_stays() {
    let executor = executor(&PLUGIN);
    let future = submit(&executor, "add", vec![Val::S32(2), Val::S32(3)]);
    for _ in 0..3 {
        assert_eq!(future.result(LONG), Ok(Some(Val::S32(5))));
        assert_eq!(future.exception(LONG), None);
        // Neither of them changes it.
        assert!(!future.cancel() && !future.kill());
    }
    assert_eq!(future.into_result(LONG), Ok(Some(Val::S32(5))));

    let failed = submit(&executor, "trap", u32(17));
    let why = failed.exception(LONG).expect("it failed");
    assert!(matches!(&why, FutureError::Ended(Outcome::Trapped(_))), "{why}");
    assert!(!failed.cancel() && !failed.kill());
    assert_eq!(failed.result(LONG), Err(why));
}

/// test_interpreter_pool.InterpreterPoolExecutorTest.test_submit_exception_in_func
#[test]
fn an_error_that_the_guest_returns_is_a_value_and_a_trap_is_a_failure() {
    let executor = executor(&PLUGIN);
    let returned = call(&executor, "fails", vec![Val::String("bad luck".to_owned())]);
    let error = Val::String("\"bad luck\" is bad".to_owned());
    assert_eq!(returned, Ok(Some(Val::Result(Err(Some(Box::new(error)))))));
    let outcome = ended(call(&executor, "trap", u32(17)));
    match &outcome {
        Outcome::Trapped(trapped) => assert!(trapped.reason.contains("unreachable"), "{outcome}"),
        other => panic!("{other}"),
    }
    assert_eq!(FutureError::Ended(outcome.clone()).to_string(), outcome.to_string());
}

/// test_future.test_done_callback_with_result, test_done_callback_with_exception, test_done_callback_with_cancel
#[test]
fn a_callback_hears_of_a_value_of_a_failure_and_of_a_cancellation() {
    let executor = alone();
    let nothing = executor.function("nothing").expect("a function");
    let notes = Notes::default();
    let (hold, _held) = gate(&executor, &nothing);
    let cancelled = submit(&executor, "spin", u32(0));
    let trapped = submit(&executor, "trap", u32(17));
    let value = submit(&executor, "spin", u32(0));
    note(&notes, &cancelled, "first");
    note(&notes, &trapped, "second");
    note(&notes, &value, "third");
    // At once, on the thread that cancels.
    cancelled.cancel();
    noted(&notes, &["first cancelled"]);
    drop(hold);
    noted(&notes, &["first cancelled", "second error", "third value"]);
}

/// test_future.test_done_callback_raises, test_done_callback_raises_already_succeeded
#[test]
fn callbacks_come_in_their_order_and_one_that_panics_disturbs_nobody() {
    let executor = alone();
    let nothing = executor.function("nothing").expect("a function");
    let notes = Notes::default();
    let (hold, _held) = gate(&executor, &nothing);
    let future = submit(&executor, "spin", u32(0));
    note(&notes, &future, "first");
    future.add_done_callback(|_| panic!("on purpose"));
    note(&notes, &future, "second");
    note(&notes, &future, "third");
    drop(hold);
    noted(&notes, &["first value", "second value", "third value"]);
    future.add_done_callback(|_| panic!("on purpose"));
    // The interpreter's thread lives.
    assert_eq!(call(&executor, "spin", u32(5)), Ok(Some(Val::U32(5))));
}

/// test_future.test_done_callback_already_successful, test_done_callback_already_failed, test_done_callback_already_cancelled
#[test]
fn a_callback_that_comes_late_is_called_at_once_on_the_thread_that_brings_it() {
    let executor = alone();
    let nothing = executor.function("nothing").expect("a function");
    let (value, trapped) = (submit(&executor, "spin", u32(0)), submit(&executor, "trap", u32(17)));
    assert!(value.wait(LONG) && trapped.wait(LONG));
    let (_hold, _held) = gate(&executor, &nothing);
    let cancelled = submit(&executor, "spin", u32(0));
    cancelled.cancel();
    let here = std::thread::current().id();
    let called = Arc::new(Mutex::new(Vec::new()));
    for future in [&value, &trapped, &cancelled] {
        let called = Arc::clone(&called);
        future.add_done_callback(move |_| called.lock().expect("a list").push(std::thread::current().id()));
    }
    assert_eq!(*called.lock().expect("a list"), [here; 3]);
}

#[test]
fn a_callback_may_submit_more() {
    let executor = executor(&PLUGIN);
    let (sender, receiver) = std::sync::mpsc::channel();
    fn again(executor: &Executor, left: i32, sender: std::sync::mpsc::Sender<i32>) {
        let handle = executor.clone();
        submit(executor, "add", vec![Val::S32(left), Val::S32(0)]).add_done_callback(move |future| {
            assert_eq!(future.result(Wait::No), Ok(Some(Val::S32(left))));
            sender.send(left).expect("somebody listens");
            if left > 0 {
                again(&handle, left - 1, sender);
            }
        });
    }
    again(&executor, 50, sender);
    let heard: Vec<_> = (0..=50)
        .map(|_| receiver.recv_timeout(crate::harness::PATIENCE).expect("comes"))
        .collect();
    assert!(heard.is_sorted_by(|a, b| a > b) && heard.len() == 51);
}

/// test_interpreter_pool.AsyncioTest.test_run_in_executor
#[test]
fn a_future_is_awaited_like_any_other() {
    let executor = executor(&PLUGIN);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let both = futures_util::future::join(
            submit(&executor, "add", vec![Val::S32(2), Val::S32(3)]),
            submit(&executor, "trap", u32(17)),
        );
        let (value, trapped) = both.await;
        assert_eq!(value, Ok(Some(Val::S32(5))));
        assert!(matches!(ended(trapped), Outcome::Trapped(_)));

        // Somebody else may look at it meanwhile, and it may be given up.
        let spins = submit(&executor, "spin", u32(23));
        let late = tokio::time::timeout(Duration::from_millis(20), spins);
        assert!(late.await.is_err());
        let killed = submit(&executor, "spin", u32(23));
        eventually("it runs", || killed.running());
        killed.kill();
        assert_eq!(ended(killed.await), Outcome::Killed);
    });
    executor.pool().kill_all();
}

/// test_interpreter_pool.AsyncioTest.test_run_in_executor_cancel
#[test]
fn dropping_a_future_lets_the_call_run() {
    let executor = alone();
    drop(submit(&executor, "spin", u32(0)));
    let (sender, receiver) = std::sync::mpsc::channel();
    submit(&executor, "spin", u32(1)).add_done_callback(move |future| {
        sender.send(future.result(Wait::No)).expect("somebody listens");
    });
    let result = receiver.recv_timeout(crate::harness::PATIENCE);
    assert_eq!(result.expect("comes"), Ok(Some(Val::U32(1))));
}

#[test]
fn many_threads_wait_for_one_future() {
    let executor = alone();
    let nothing = executor.function("nothing").expect("a function");
    let (hold, _held) = gate(&executor, &nothing);
    let numbers = wasm_pool::Program::function(&crate::COUNTER, "count").expect("a function");
    let future = executor.submit(&numbers, s32(5)).expect("submits");
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| future.result(LONG))).collect();
        drop(hold);
        for thread in waiting {
            assert_eq!(thread.join().expect("ends"), Ok(Some(Val::S32(5))));
        }
    });
}
