//! Calls that hold their threads take turns: whoever spins gives way to others of his pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use wasm_pool::calls::{Batch, Pending, Returned};
use wasm_pool::timeline::Does;
use wasm_pool::value::Val;
use wasm_pool::{Executor, Future, Outcome, Path, Pool, Reuse, Shutdown};

use crate::harness::{PATIENCE, eventually};
use crate::{COUNTER, ENGINE, LONG, PLUGIN, deadline, ended, s32, submit, u32};

/// Counts for some tens of milliseconds: several switch intervals.
const COUNTS: i32 = 30_000_000;

/// A direct executor of so many interpreters.
fn direct(pool: &Pool, program: &wasm_pool::Program, interpreters: usize, setup: wasm_pool::Setup) -> Executor {
    let builder = Executor::builder(pool, program).path(Path::Direct).setup(setup);
    builder.interpreters(interpreters).build().expect("an executor")
}

fn pool_of(workers: usize) -> Pool {
    Pool::builder(&ENGINE).workers(workers).build().expect("a pool")
}

/// So many calls that never end, which run.
fn spinning(executor: &Executor, calls: usize) -> Vec<Future<Returned>> {
    let spinning: Vec<_> = (0..calls).map(|_| submit(executor, "spin", u32(23))).collect();
    eventually("they run", || spinning.iter().all(Future::running));
    spinning
}

#[test]
fn honest_calls_go_on_beside_calls_of_another_executor_that_spin() {
    for workers in [1, 2] {
        let pool = pool_of(workers);
        let hostile = direct(&pool, &PLUGIN, workers + 2, wasm_pool::Setup::default());
        let spinning = spinning(&hostile, workers + 2);
        let honest = direct(&pool, &PLUGIN, workers, wasm_pool::Setup::default());
        let began = Instant::now();
        for number in 0..50 {
            assert_eq!(
                submit(&honest, "spin", u32(number % 20)).result(LONG),
                Ok(Some(Val::U32(number % 20)))
            );
        }
        // Each waits for one switch interval and the rest of a machine that runs other tests, not for the spinners' deadline.
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        // Calls of the same executor get their turns too: its last interpreter was made after all places were taken.
        assert!(spinning.iter().all(|future| !future.done() && future.kill()));
        assert!(
            spinning
                .into_iter()
                .all(|future| ended(future.result(LONG)) == Outcome::Killed)
        );
        assert_eq!(submit(&hostile, "spin", u32(5)).result(LONG), Ok(Some(Val::U32(5))));
    }
}

/// Calls without end; how many have ended.
struct Endless {
    length: i32,
    ended: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Batch for Endless {
    type Output = ();

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        arguments.push(Val::S32(self.length));
        !self.stop.load(Relaxed)
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        assert_eq!(result, Ok(Some(Val::S32(self.length))));
        self.ended.fetch_add(1, Relaxed);
    }

    fn finish(self) {}
}

/// How much executors get that ask for all that there is, on so many workers: as many interpreters each, that count so far
/// in each call.
fn shares(workers: usize, lengths: [i32; 2], long_enough: u64) -> [u64; 2] {
    let pool = pool_of(workers);
    let stop = Arc::new(AtomicBool::new(false));
    let counted = lengths.map(|_| Arc::new(AtomicU64::new(0)));
    let executors = lengths.map(|_| {
        let builder = Executor::builder(&pool, &COUNTER)
            .path(Path::Direct)
            .reuse(Reuse::ALWAYS);
        builder.interpreters(workers).build().expect("an executor")
    });
    let mut running = Vec::new();
    for ((executor, length), ended) in executors.iter().zip(lengths).zip(&counted) {
        let count = executor.function("count").expect("a function");
        for _ in 0..workers {
            let (ended, stop) = (Arc::clone(ended), Arc::clone(&stop));
            running.push(
                executor
                    .submit_batch(&count, Endless { length, ended, stop })
                    .expect("is taken"),
            );
        }
    }
    let all = || [0, 1].map(|which| counted[which].load(Relaxed) * lengths[which].unsigned_abs() as u64);
    eventually("they count", || all().iter().sum::<u64>() >= long_enough);
    let shares = all();
    stop.store(true, Relaxed);
    assert!(running.into_iter().all(|future| future.result(LONG) == Ok(())));
    shares
}

#[test]
fn executors_that_compute_without_end_get_equal_shares() {
    for workers in [1, 2] {
        // Calls longer than a slice beside others, and beside a flood of short ones.
        for lengths in [[COUNTS, COUNTS], [COUNTS, 20_000]] {
            let shares = shares(workers, lengths, 60 * COUNTS.unsigned_abs() as u64);
            let [least, most] = [shares[0].min(shares[1]), shares[0].max(shares[1])];
            assert!(most < least * 2, "{workers} workers, {lengths:?}: {shares:?}");
        }
    }
}

#[test]
fn who_has_given_way_is_ended_at_its_deadline_and_when_it_is_killed() {
    let pool = pool_of(1);
    let long = Duration::from_millis(400);
    let hostile = direct(&pool, &PLUGIN, 8, deadline(long));
    // Eight in one place: seven of them stand still at any time.
    let began = Instant::now();
    let late: Vec<_> = (0..8).map(|_| submit(&hostile, "spin", u32(23))).collect();
    for future in &late {
        assert_eq!(ended(future.result(LONG)), Outcome::Deadline(long));
    }
    // Their time begins with their first tick, which the last one has when seven had theirs.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let executor = direct(&pool, &PLUGIN, 8, deadline(PATIENCE));
    let spinning = spinning(&executor, 8);
    let killed = Instant::now();
    for future in &spinning[1..] {
        assert!(future.kill());
        assert_eq!(ended(future.result(LONG)), Outcome::Killed);
    }
    assert!(killed.elapsed() < Duration::from_secs(4), "{:?}", killed.elapsed());
    assert!(!spinning[0].done());
    assert_eq!(submit(&executor, "spin", u32(5)).result(LONG), Ok(Some(Val::U32(5))));
    executor.close(Pending::Cancel);
    pool.shutdown(Shutdown::Now);
    assert_eq!(ended(spinning[0].result(LONG)), Outcome::Killed);
}

#[test]
fn a_pool_goes_with_those_who_have_given_way() {
    let pool = pool_of(2);
    let executor = direct(&pool, &PLUGIN, 20, wasm_pool::Setup::default());
    let spinning = spinning(&executor, 20);
    drop((executor, pool));
    assert!(
        spinning
            .into_iter()
            .all(|future| ended(future.result(LONG)) == Outcome::Killed)
    );
}

#[test]
fn a_call_that_gives_way_goes_on_where_it_was() {
    let pool = pool_of(1);
    let executor = direct(&pool, &COUNTER, 6, wasm_pool::Setup::default());
    let count = executor.function("count").expect("a function");
    let futures: Vec<_> = (0..30)
        .map(|number| executor.submit(&count, s32(COUNTS + number)).expect("is taken"))
        .collect();
    for (number, future) in (0..).zip(&futures) {
        assert_eq!(future.result(LONG), Ok(Some(Val::S32(COUNTS + number))));
    }
    crate::rests(&executor);
    executor.shutdown(Pending::Run);
    assert_eq!((pool.alive(), pool.budget().used()), (0, 0));
}

#[test]
fn the_record_tells_who_stood_still_for_whom() {
    let pool = Pool::builder(&ENGINE)
        .workers(1)
        .timeline(true)
        .build()
        .expect("a pool");
    let executor = direct(&pool, &COUNTER, 3, wasm_pool::Setup::default());
    let count = executor.function("count").expect("a function");
    let futures: Vec<_> = (0..3)
        .map(|_| executor.submit(&count, s32(COUNTS * 2)).expect("is taken"))
        .collect();
    assert!(futures.iter().all(|future| future.result(LONG).is_ok()));
    crate::rests(&executor);
    let timeline = pool.timeline().expect("it records");
    let lives = timeline.interpreters();
    assert_eq!(lives.len(), 3);
    for life in lives {
        let does = |wanted: fn(&Does) -> bool| life.stretches.iter().filter(|stretch| wanted(&stretch.does)).count();
        // The one worker of the direct path has the number after those of the others.
        assert!(does(|does| matches!(does, Does::Runs(1))) > 1, "{life:?}");
        assert!(does(|does| matches!(does, Does::Ready)) > 0, "{life:?}");
        assert!(life.turns > 1 && life.cpu > Duration::from_millis(5), "{life:?}");
    }
}
