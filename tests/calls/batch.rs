//! What is submitted to make several calls.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::time::Duration;

use wasm_pool::calls::{Batch, Returned};
use wasm_pool::value::Val;
use wasm_pool::{Executor, Outcome, Path, Reuse};

use crate::{LONG, PLUGIN, builder, call, deadline, ended, executor, rests, u32};

/// Where a batch panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FirstNext,
    LaterNext,
    Done,
    DoneOfAFailure,
    Finish,
    Nowhere,
}

/// Calls `spin` for these numbers, and tells what happens.
struct Told {
    numbers: VecDeque<u32>,
    panics: Place,
    heard: Vec<String>,
}

impl Told {
    fn new(numbers: &[u32], panics: Place) -> Told {
        Told {
            numbers: numbers.iter().copied().collect(),
            panics,
            heard: Vec::new(),
        }
    }

    fn at(&self, place: Place) {
        assert!(self.panics != place, "on purpose");
    }
}

impl Batch for Told {
    type Output = Vec<String>;

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        self.at(if self.heard.is_empty() {
            Place::FirstNext
        } else {
            Place::LaterNext
        });
        let Some(number) = self.numbers.pop_front() else {
            return false;
        };
        self.heard.push(format!("next {number}"));
        *arguments = u32(number);
        true
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        self.at(if result.is_ok() {
            Place::Done
        } else {
            Place::DoneOfAFailure
        });
        self.heard.push(match result {
            Ok(Some(Val::U32(number))) => format!("done {number}"),
            Ok(other) => format!("{other:?}"),
            Err(outcome) => outcome.label(),
        });
    }

    fn finish(mut self) -> Vec<String> {
        self.at(Place::Finish);
        self.heard.push("finish".to_owned());
        self.heard
    }
}

fn one(path: Path) -> Executor {
    builder(&PLUGIN)
        .path(path)
        .interpreters(1)
        .setup(deadline(Duration::from_millis(200)))
        .build()
        .expect("an executor")
}

#[test]
fn it_hears_of_each_call_in_order_and_of_the_end() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = one(path);
        let spin = executor.function("spin").expect("a function");
        let batch = Told::new(&[1, 23, 2], Place::Nowhere);
        let heard = executor.submit_batch(&spin, batch).expect("submits").result(LONG);
        let right = ["next 1", "done 1", "next 23", "deadline", "next 2", "done 2", "finish"];
        assert_eq!(heard.expect("well"), right);
    }
}

#[test]
fn one_without_calls_has_its_result_and_needs_no_interpreter() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&PLUGIN)
            .path(path)
            .reuse(Reuse::ALWAYS)
            .build()
            .expect("an executor");
        let spin = executor.function("spin").expect("a function");
        let heard = executor
            .submit_batch(&spin, Told::new(&[], Place::Nowhere))
            .expect("submits")
            .result(LONG);
        assert_eq!(heard.expect("well"), ["finish"]);
        rests(&executor);
        assert_eq!(
            (executor.pool().budget().used(), executor.pool().budget().peak()),
            (0, 0)
        );
    }
}

#[test]
fn one_that_panics_fails_its_future_and_nothing_else() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = one(path);
        let spin = executor.function("spin").expect("a function");
        for place in [
            Place::FirstNext,
            Place::LaterNext,
            Place::Done,
            Place::DoneOfAFailure,
            Place::Finish,
        ] {
            let before = executor
                .submit_batch(&spin, Told::new(&[1, 2], Place::Nowhere))
                .expect("submits");
            let panics = executor
                .submit_batch(&spin, Told::new(&[3, 23, 4], place))
                .expect("submits");
            let after = executor
                .submit_batch(&spin, Told::new(&[5, 6], Place::Nowhere))
                .expect("submits");
            assert_eq!(before.result(LONG).expect("well").len(), 5, "{place:?}");
            let outcome = ended(panics.result(LONG));
            assert!(matches!(&outcome, Outcome::HostError(_)), "{place:?}: {outcome}");
            assert_eq!(after.result(LONG).expect("well").len(), 5, "{place:?}");
        }
        assert_eq!(call(&executor, "spin", u32(5)), Ok(Some(Val::U32(5))));
        executor.shutdown(wasm_pool::calls::Pending::Run);
        assert_eq!((executor.pool().alive(), executor.pool().budget().used()), (0, 0));
    }
}

/// One that panics when it is dropped.
struct Falls;

impl Batch for Falls {
    type Output = ();

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        *arguments = u32(23);
        true
    }

    fn done(&mut self, _: Result<Returned, Outcome>) {}

    fn finish(self) {}
}

impl Drop for Falls {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "on purpose");
    }
}

#[test]
fn one_that_panics_when_it_is_dropped_disturbs_nobody() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = one(path);
        let spin = executor.function("spin").expect("a function");
        let killed = executor.submit_batch(&spin, Falls).expect("submits");
        let cancelled = executor.submit_batch(&spin, Falls).expect("submits");
        let shut = executor.submit_batch(&spin, Falls).expect("submits");
        crate::harness::eventually("it runs", || killed.running());
        assert!(cancelled.cancel() && killed.kill());
        assert_eq!(ended(killed.result(LONG)), Outcome::Killed);
        crate::harness::eventually("the next one runs", || shut.running());
        let after = executor.submit(&spin, u32(5)).expect("submits");
        assert!(shut.kill() && shut.wait(LONG));
        assert_eq!(after.result(LONG), Ok(Some(Val::U32(5))));
        let last = [(); 2].map(|()| executor.submit_batch(&spin, Falls).expect("submits"));
        crate::harness::eventually("it runs", || last[0].running());
        executor.pool().kill_all();
        assert!(last.iter().all(|future| future.result(LONG).is_err()));
        executor.shutdown(wasm_pool::calls::Pending::Run);
    }
}

/// One that makes arguments for ever.
struct Endless(mpsc::Sender<()>);

impl Batch for Endless {
    type Output = ();

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        let _ = self.0.send(());
        *arguments = u32(1);
        true
    }

    fn done(&mut self, _: Result<Returned, Outcome>) {}

    fn finish(self) {}
}

#[test]
fn one_that_never_ends_is_ended_between_two_calls() {
    for path in [Path::Direct, Path::Fiber] {
        for reuse in [Reuse::Fresh, Reuse::ALWAYS] {
            let executor = builder(&PLUGIN).path(path).reuse(reuse).build().expect("an executor");
            let spin = executor.function("spin").expect("a function");
            let (sender, receiver) = mpsc::channel();
            let future = executor.submit_batch(&spin, Endless(sender)).expect("submits");
            for _ in 0..100 {
                receiver.recv_timeout(crate::harness::PATIENCE).expect("it goes on");
            }
            assert!(future.kill());
            assert_eq!(ended(future.result(LONG)), Outcome::Killed);
            // It is gone, and with it its end of the channel.
            while receiver.recv_timeout(crate::harness::PATIENCE).is_ok() {}
        }
    }
}

#[test]
fn endless_batches_on_fibers_let_others_have_their_turn() {
    let executor = builder(&PLUGIN)
        .path(Path::Fiber)
        .interpreters(8)
        .build()
        .expect("an executor");
    let spin = executor.function("spin").expect("a function");
    let (sender, receiver) = mpsc::channel();
    let endless: Vec<_> = (0..4)
        .map(|_| executor.submit_batch(&spin, Endless(sender.clone())).expect("submits"))
        .collect();
    receiver.recv_timeout(crate::harness::PATIENCE).expect("they go on");
    assert_eq!(call(&executor, "spin", u32(5)), Ok(Some(Val::U32(5))));
    for future in endless {
        assert!(future.kill());
        assert_eq!(ended(future.result(LONG)), Outcome::Killed);
    }
}

#[test]
fn results_of_many_arguments_come_together() {
    let executor = executor(&PLUGIN);
    let spin = executor.function("spin").expect("a function");
    let arguments: Vec<_> = (100..1_100).map(u32).collect();
    let results = executor
        .submit_all(&spin, arguments)
        .expect("submits")
        .result(LONG)
        .expect("all");
    let right = (100..1_100).map(|number| Ok(Some(Val::U32(number))));
    assert!(results.into_iter().eq(right));
    assert_eq!(
        executor.submit_all(&spin, Vec::new()).expect("submits").result(LONG),
        Ok(Vec::new())
    );
}
