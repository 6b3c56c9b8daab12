//! `concurrent.futures.wait` and `as_completed`. CPython runs its tests of these for threads and processes only.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use wasm_pool::calls::{ReturnWhen, Returned, as_completed, wait};
use wasm_pool::{Executor, Future, FutureError, Wait};

use crate::harness::eventually;
use crate::{LONG, PLUGIN, builder, gate, submit, u32};

const SOON: Wait = Wait::For(Duration::from_millis(20));

/// An executor whose only interpreter is held.
fn held() -> (Executor, Sender<()>) {
    let executor = builder(&PLUGIN).interpreters(1).build().expect("an executor");
    let nothing = executor.function("nothing").expect("a function");
    let (hold, _) = gate(&executor, &nothing);
    (executor, hold)
}

/// One that is done well, one that failed, one that stays pending as long as its executor is held.
fn done(executor: &Executor) -> Future<Returned> {
    let future = submit(executor, "spin", u32(0));
    assert!(future.wait(LONG));
    future
}

fn failed(executor: &Executor) -> Future<Returned> {
    let future = submit(executor, "trap", u32(17));
    assert!(future.wait(LONG));
    future
}

fn pending(executor: &Executor) -> Future<Returned> {
    submit(executor, "spin", u32(1))
}

fn counts<T>(waited: &wasm_pool::calls::Waited<T>) -> (usize, usize) {
    (waited.done.len(), waited.not_done.len())
}

/// test_wait.test_first_completed
#[test]
fn the_first_that_is_done_is_enough() {
    let (held, _hold) = held();
    let free = crate::executor(&PLUGIN);
    let futures = vec![pending(&held), submit(&free, "spin", u32(0)), pending(&held)];
    let waited = wait(futures, ReturnWhen::FirstCompleted, LONG);
    assert_eq!(counts(&waited), (1, 2));
}

/// test_wait.test_first_completed_some_already_completed
#[test]
fn those_that_are_done_already_count() {
    let (held, _hold) = held();
    let free = crate::executor(&PLUGIN);
    let futures = vec![pending(&held), done(&free), failed(&free)];
    let waited = wait(futures, ReturnWhen::FirstCompleted, Wait::No);
    assert_eq!(counts(&waited), (2, 1));
}

/// test_wait.test_first_exception
#[test]
fn the_first_that_fails_is_enough() {
    let (held, _hold) = held();
    let free = crate::executor(&PLUGIN);
    let futures = vec![done(&free), pending(&held), submit(&free, "trap", u32(17))];
    let waited = wait(futures, ReturnWhen::FirstException, LONG);
    assert_eq!(counts(&waited), (2, 1));
    let errors: Vec<_> = waited
        .done
        .iter()
        .filter_map(|future| future.exception(Wait::No))
        .collect();
    assert!(matches!(errors.as_slice(), [FutureError::Ended(_)]));
}

/// test_wait.test_first_exception_one_already_failed
#[test]
fn one_that_has_failed_already_is_enough() {
    let (held, _hold) = held();
    let free = crate::executor(&PLUGIN);
    let waited = wait(vec![failed(&free), pending(&held)], ReturnWhen::FirstException, LONG);
    assert_eq!(counts(&waited), (1, 1));
}

/// test_wait.test_first_exception_some_already_complete
#[test]
fn when_none_fails_all_are_waited_for_and_a_cancelled_one_is_no_failure() {
    let (held, hold) = held();
    let free = crate::executor(&PLUGIN);
    let cancelled = pending(&held);
    cancelled.cancel();
    let futures = vec![done(&free), cancelled, pending(&held)];
    let waited = wait(futures, ReturnWhen::FirstException, SOON);
    // One that was cancelled is done when the executor has noticed.
    assert_eq!(counts(&waited), (1, 2));
    drop(hold);
    let futures = waited.done.into_iter().chain(waited.not_done).collect();
    let waited = wait(futures, ReturnWhen::FirstException, LONG);
    assert_eq!(counts(&waited), (3, 0));
}

/// test_wait.test_all_completed, test_20369
#[test]
fn all_are_waited_for_in_the_order_in_which_they_were_given() {
    let free = crate::executor(&PLUGIN);
    let futures: Vec<_> = (0..50).map(|number| submit(&free, "spin", u32(number + 100))).collect();
    let waited = wait(futures, ReturnWhen::AllCompleted, LONG);
    assert_eq!(counts(&waited), (50, 0));
    for (number, future) in (0..).zip(waited.done) {
        assert_eq!(crate::number(future.into_result(Wait::No)), number + 100);
    }
}

/// test_wait.test_timeout
#[test]
fn what_is_not_done_in_time_is_told_apart() {
    let (held, _hold) = held();
    let free = crate::executor(&PLUGIN);
    for enough in [ReturnWhen::AllCompleted, ReturnWhen::FirstException] {
        let began = Instant::now();
        let waited = wait(vec![done(&free), pending(&held)], enough, SOON);
        assert!(began.elapsed() >= Duration::from_millis(20));
        assert_eq!(counts(&waited), (1, 1));
    }
    let waited = wait(vec![pending(&held)], ReturnWhen::FirstCompleted, Wait::No);
    assert_eq!(counts(&waited), (0, 1));
}

#[test]
fn of_nothing_nothing_is_waited_for() {
    for enough in [
        ReturnWhen::FirstCompleted,
        ReturnWhen::FirstException,
        ReturnWhen::AllCompleted,
    ] {
        assert_eq!(counts(&wait(Vec::<Future<()>>::new(), enough, Wait::Forever)), (0, 0));
    }
    assert!(as_completed(Vec::<Future<()>>::new(), Wait::Forever).next().is_none());
}

/// test_as_completed.test_no_timeout
#[test]
fn futures_come_as_they_are_done_the_finished_ones_first() {
    let (held, hold) = held();
    let free = crate::executor(&PLUGIN);
    let late = pending(&held);
    let mut hold = Some(hold);
    let early = done(&free);
    let cancelled = pending(&held);
    cancelled.cancel();
    let mut seen = Vec::new();
    for future in as_completed(vec![late, cancelled, early], LONG) {
        seen.push(
            future
                .expect("in time")
                .result(Wait::No)
                .map_err(|error| error.to_string()),
        );
        hold.take();
    }
    let value = |number| Ok(Some(wasm_pool::value::Val::U32(number)));
    // The cancelled one is behind the other in its executor's queue.
    assert_eq!(
        seen,
        [value(0), value(1), Err("it was cancelled before it ran".to_owned())]
    );
}

/// test_as_completed.test_future_times_out, test_correct_timeout_exception_msg
#[test]
fn what_is_unfinished_when_the_time_is_up_is_given_back() {
    let (held, _hold) = held();
    let free = crate::executor(&PLUGIN);
    let futures = vec![pending(&held), done(&free), pending(&held), failed(&free)];
    let mut completed = as_completed(futures, SOON);
    let (mut finished, mut late) = (0, 0);
    for future in completed.by_ref() {
        match future {
            Ok(_) => finished += 1,
            Err(why) => {
                assert_eq!(why, FutureError::Timeout);
                late += 1;
            }
        }
    }
    assert_eq!((finished, late), (2, 1));
    assert!(completed.next().is_none());
    let rest = completed.into_rest();
    assert_eq!(rest.len(), 2);
    assert!(rest.iter().all(|future| !future.done()));
}

#[test]
fn nobody_is_lost_when_hundreds_finish_at_once() {
    let free = builder(&PLUGIN).interpreters(8).build().expect("an executor");
    for _ in 0..20 {
        let futures: Vec<_> = (0..100)
            .map(|number| submit(&free, "spin", u32(number + 100)))
            .collect();
        let mut numbers: Vec<_> = as_completed(futures, LONG)
            .map(|future| crate::number(future.expect("in time").into_result(Wait::No)))
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(100..200));
    }
}

#[test]
fn what_is_killed_while_somebody_waits_is_done() {
    let free = crate::executor(&PLUGIN);
    let spins = submit(&free, "spin", u32(23));
    eventually("it runs", || spins.running());
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        spins.add_done_callback(move |_| sender.send(()).expect("somebody listens"));
        scope.spawn(|| spins.kill());
        receiver.recv_timeout(crate::harness::PATIENCE).expect("it ends");
    });
    let waited = wait(vec![spins], ReturnWhen::FirstException, Wait::No);
    assert_eq!(counts(&waited), (1, 0));
}
