//! `Executor.map`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wasm_pool::calls::{Pending, Returned};
use wasm_pool::value::Val;
use wasm_pool::{FutureError, Outcome, Path, Reuse};

use crate::{COUNTER, PLUGIN, PLUGIN_WASI, builder, call, executor, gate, number, s32, u32};

fn given(number: i32) -> Result<Returned, FutureError> {
    Ok(Some(Val::S32(number)))
}

/// executor.test_map
#[test]
fn results_come_in_the_order_of_the_arguments() {
    let executor = builder(&COUNTER)
        .path(Path::Fiber)
        .interpreters(4)
        .build()
        .expect("an executor");
    let count = executor.function("count").expect("a function");
    // The first ones take longest.
    let numbers = || (0..200).map(|number| (200 - number) * 50);
    for (chunk, ahead) in [
        (1, 1),
        (1, 3),
        (1, 1_000),
        (7, 100),
        (7, 3),
        (1_000, 1_000),
        (usize::MAX, usize::MAX),
    ] {
        let map = executor.map(&count, numbers().map(s32)).chunk(chunk).ahead(ahead);
        assert!(map.eq(numbers().map(given)), "{chunk} {ahead}");
    }
    assert!(executor.map(&count, numbers().map(s32)).eq(numbers().map(given)));
    // In the other order of words, too.
    assert!(
        executor
            .map(&count, numbers().map(s32))
            .ahead(3)
            .chunk(9)
            .eq(numbers().map(given))
    );
}

/// executor.test_map_buffersize_on_empty_iterable
#[test]
fn of_no_arguments_there_are_no_results() {
    let executor = executor(&COUNTER);
    let count = executor.function("count").expect("a function");
    let mut map = executor.map(&count, Vec::new()).ahead(5);
    assert!(map.next().is_none() && map.next().is_none());
    // At least one is taken ahead, and at least one is a chunk.
    assert!(
        executor
            .map(&count, (1..5).map(s32))
            .ahead(0)
            .chunk(0)
            .eq((1..5).map(given))
    );
}

/// executor.test_map_buffersize_on_infinite_iterable, test_map_buffersize_when_buffer_is_full
#[test]
fn arguments_are_taken_as_results_are_asked_for() {
    let executor = executor(&COUNTER);
    let count = executor.function("count").expect("a function");
    for (chunk, ahead) in [(1, 4), (3, 4), (4, 4), (1, 1)] {
        let taken = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&taken);
        let endless = (0..).map(move |number| {
            counting.fetch_add(1, Ordering::SeqCst);
            s32(number)
        });
        let mut map = executor.map(&count, endless).chunk(chunk).ahead(ahead);
        assert_eq!(taken.load(Ordering::SeqCst), 0);
        for number in 0..100 {
            assert_eq!(map.next(), Some(given(number)));
            let asked = usize::try_from(number).expect("positive") + 1;
            let taken = taken.load(Ordering::SeqCst);
            assert!(taken >= asked && taken < asked + ahead, "{taken} of {asked}");
        }
    }
    // Without saying how many: four for each interpreter.
    let mut map = executor.map(&count, (0..).map(s32));
    assert!(map.by_ref().take(100).eq((0..100).map(given)));
}

#[test]
fn where_few_may_wait_it_hands_in_few() {
    for waiting in [0, 1, 3] {
        let executor = builder(&COUNTER).waiting(waiting).build().expect("an executor");
        let count = executor.function("count").expect("a function");
        for (chunk, ahead) in [(1, 100), (5, 100), (1, 1)] {
            let map = executor.map(&count, (0..200).map(s32)).chunk(chunk).ahead(ahead);
            assert!(map.eq((0..200).map(given)), "{waiting} {chunk} {ahead}");
        }
        // Where others have taken all room, it says so.
        let held = [(); 2].map(|()| gate(&executor, &count));
        let taken: Vec<_> = (0..waiting)
            .map(|_| executor.submit(&count, s32(1)).expect("fits"))
            .collect();
        let mut map = executor.map(&count, (0..200).map(s32));
        assert!(matches!(map.next(), Some(Err(FutureError::Closed(why))) if why.contains("no room")));
        assert_eq!(map.next(), None);
        drop((held, taken));
    }
}

/// executor.test_map_exception: ours go on after it
#[test]
fn a_call_that_fails_is_in_its_place_and_disturbs_no_other() {
    for chunk in [1, 4] {
        let executor = executor(&PLUGIN);
        let trap = executor.function("trap").expect("a function");
        let mut failed = 0;
        for (at, result) in (0..40).zip(executor.map(&trap, (0..40).map(u32)).chunk(chunk)) {
            if at == 17 {
                assert!(matches!(result, Err(FutureError::Ended(Outcome::Trapped(_)))));
                failed += 1;
            } else {
                assert_eq!(number(result), at);
            }
        }
        assert_eq!(failed, 1);
    }
}

/// executor.test_map_timeout
#[test]
fn a_timeout_is_for_the_whole_of_it_and_cancels_the_rest() {
    let executor = builder(&PLUGIN)
        .interpreters(1)
        .reuse(Reuse::ALWAYS)
        .build()
        .expect("an executor");
    let next = executor.function("next").expect("a function");
    let mut map = executor
        .map(&next, vec![vec![]; 20])
        .ahead(10)
        .timeout(Duration::from_millis(500));
    assert_eq!(map.next().map(number), Some(1));
    let (hold, _held) = gate(&executor, &next);
    let began = Instant::now();
    let mut last = None;
    for result in map.by_ref() {
        last = Some(result);
    }
    assert_eq!(last, Some(Err(FutureError::Timeout)));
    assert!(began.elapsed() < Duration::from_secs(5) && map.next().is_none());
    drop(hold);
    // What was in the queue behind the gate does not run: at most those before it did.
    assert!(number(call(&executor, "next", vec![])) <= 11);

    let (hold, _held) = gate(&executor, &next);
    let before = number_of(&executor, hold);
    let (hold, _held) = gate(&executor, &next);
    let mut map = executor
        .map(&next, vec![vec![]; 20])
        .ahead(10)
        .timeout(Duration::from_millis(20));
    assert_eq!(map.next(), Some(Err(FutureError::Timeout)));
    assert_eq!(map.next(), None);
    drop(hold);
    assert_eq!(number(call(&executor, "next", vec![])), before + 1);
}

/// What `next` gives once the interpreter is let go.
fn number_of(executor: &wasm_pool::Executor, hold: std::sync::mpsc::Sender<()>) -> u32 {
    drop(hold);
    number(call(executor, "next", vec![]))
}

/// test_thread_pool.test_executor_map_current_future_cancel
#[test]
fn dropping_it_cancels_what_has_not_begun() {
    for chunk in [1, 3] {
        let executor = builder(&PLUGIN)
            .interpreters(1)
            .reuse(Reuse::ALWAYS)
            .build()
            .expect("an executor");
        let next = executor.function("next").expect("a function");
        let mut map = executor
            .map(&next, std::iter::repeat_with(Vec::new))
            .chunk(chunk)
            .ahead(9);
        assert_eq!(map.next().map(number), Some(1));
        let (hold, _held) = gate(&executor, &next);
        let before = number_of(&executor, hold);
        let (hold, _held) = gate(&executor, &next);
        let mut behind = executor
            .map(&next, std::iter::repeat_with(Vec::new))
            .chunk(chunk)
            .ahead(9);
        // It has handed them in when it waits for the first.
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| behind.next().map(number));
            crate::harness::eventually("they wait", || !format!("{executor:?}").contains("waiting: 0"));
            drop(hold);
            assert!(waiting.join().expect("ends") > Some(before));
        });
        drop((map, behind));
        crate::rests(&executor);
        let after = number(call(&executor, "next", vec![]));
        assert!(after <= before + 20, "{after} after {before}");
        assert_eq!(number(call(&executor, "next", vec![])), after + 1);
    }
}

#[test]
fn when_the_executor_closes_what_was_taken_comes_first() {
    let executor = builder(&COUNTER).interpreters(1).build().expect("an executor");
    let count = executor.function("count").expect("a function");
    for chunk in [1, 2] {
        let executor = builder(&COUNTER).interpreters(1).build().expect("an executor");
        let mut map = executor.map(&count, (0..).map(s32)).chunk(chunk).ahead(4);
        assert_eq!(map.next(), Some(given(0)));
        executor.close(Pending::Run);
        let (mut results, mut last) = (1, None);
        for result in map.by_ref().take(100) {
            match result {
                Ok(_) => {
                    assert!(last.is_none() && result == given(results));
                    results += 1;
                }
                Err(why) => last = Some(why),
            }
        }
        assert!(matches!(last, Some(FutureError::Closed(_))), "{last:?}");
        assert_eq!((results, map.next()), (4, None));
    }
    let mut map = executor.map(&count, (0..).map(s32));
    executor.shutdown(Pending::Cancel);
    assert!(matches!(map.next(), Some(Err(FutureError::Closed(_)))));
    assert_eq!(map.next(), None);
}

#[test]
fn it_waits_without_blocking_too() {
    let executor = builder(&PLUGIN_WASI).interpreters(4).build().expect("an executor");
    let pause = executor.function("pause").expect("a function");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let map = async {
            let mut map = executor.map(&pause, (0..12).map(|_| u32(30)));
            let mut results = 0;
            while let Some(result) = map.next_async().await {
                assert_eq!(result, Ok(None));
                results += 1;
            }
            results
        };
        let ticks = async {
            let mut clock = tokio::time::interval(Duration::from_millis(1));
            for _ in 0..20 {
                clock.tick().await;
            }
            Instant::now()
        };
        let ((results, ended), ticked) = futures_util::future::join(async { (map.await, Instant::now()) }, ticks).await;
        assert_eq!(results, 12);
        // 90 ms of waiting held nobody up.
        assert!(ticked < ended);
    });
}
