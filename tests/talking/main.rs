//! Guests that talk, through the library: queues between guests and host, interpreters that are called, deadlocks, kills.

#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod directions;
mod family;
mod folders;
mod handles;
#[path = "../harness/mod.rs"]
mod harness;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wasm_pool::grants::InterpreterGrant;
use wasm_pool::queue::{Received, Wait};
use wasm_pool::{
    CallError, Engine, Grants, Interpreter, Item, Limits, Outcome, Pool, Program, Queue, QueueOptions, Setup, Unbound,
};

use harness::{PATIENCE, eventually, probe_p1, root};

const LONG: Wait = Wait::For(PATIENCE);

fn talkers(instances: u32, workers: usize) -> (Pool, Program) {
    let engine = Engine::builder().instances(instances).build().expect("an engine");
    let talker = root().join("tests/guests/talker.wasm");
    let program = Program::from_file(&engine, talker, &Limits::default()).expect("a program");
    let pool = Pool::builder(&engine).workers(workers).build().expect("a pool");
    (pool, program)
}

fn named(pool: &Pool, name: &str, max_size: u32) -> Queue {
    let options = QueueOptions {
        max_size,
        unbound: Unbound::Keep,
        ..QueueOptions::default()
    };
    pool.queues().create_named(name, &options).expect("a queue")
}

/// A talker with these words; those that name a queue grant it.
fn talking(pool: &Pool, words: &[&str]) -> Setup {
    let grants = Grants {
        args: words.iter().map(|word| (*word).to_owned()).collect(),
        queues: words
            .iter()
            .filter(|word| pool.queues().open(word).is_some())
            .map(|word| (*word).to_owned())
            .collect(),
        interpreters: Some(InterpreterGrant {
            count: 8,
            depth: 2,
            programs: Default::default(),
        }),
        ..Grants::default()
    };
    Setup {
        grants,
        ..Setup::default()
    }
}

fn callable(pool: &Pool, program: &Program) -> Interpreter {
    pool.create(program, talking(pool, &[])).expect("an interpreter")
}

/// Nothing is left of anybody.
fn nothing_left(pool: &Pool, queues: usize) {
    eventually("everybody is gone", || pool.alive() == 0);
    assert_eq!(pool.queues().len(), queues);
    // A named queue keeps one step of the budget.
    eventually("the memory is back", || pool.budget().used() <= (queues as u64) * 8_192);
}

#[test]
fn host_and_guests_use_the_same_queues() {
    let (pool, program) = talkers(8, 2);
    let (there, back) = (named(&pool, "there", 4), named(&pool, "back", 4));
    let guests: Vec<_> = (0..4)
        .map(|_| {
            pool.spawn(&program, talking(&pool, &["relay", "there", "back"]))
                .expect("starts")
        })
        .collect();
    let feed = there.clone().into_feed();
    let fed = thread::spawn(move || {
        (0..5_000i64).for_each(|number| feed.put(number, LONG).expect("puts"));
        feed.close();
    });
    let drain = back.clone().into_drain();
    let got: BTreeSet<_> = drain
        .take(5_000)
        .map(|item| match item {
            Item::S64(number) => number,
            other => panic!("{other:?}"),
        })
        .collect();
    fed.join().expect("ends");
    assert_eq!(got, (0..5_000).collect());
    for guest in guests {
        assert!(guest.join().outcome.is_success());
    }
    drop((there, back));
    nothing_left(&pool, 2);
}

#[test]
fn what_is_left_of_an_item_without_its_sender_takes_room_and_memory() {
    let (pool, program) = talkers(4, 1);
    for (policy, fits) in [("replace", false), ("error", false), ("remove", true)] {
        let options = QueueOptions {
            max_size: 0,
            max_bytes: bytesize::ByteSize::b(3 * wasm_pool::queue::ITEM_OVERHEAD),
            ..QueueOptions::default()
        };
        let queue = pool.queues().create_named(policy, &options).expect("a queue");
        let before = pool.budget().used();
        let setup = talking(&pool, &["put-and-end", policy, policy]);
        assert!(pool.run(&program, setup).expect("starts").outcome.is_success());
        assert_eq!((policy, queue.put(0i64, Wait::No).is_ok()), (policy, fits));
        assert!(pool.budget().used() > before);
        let _ = queue.get(Wait::No);
        assert!(queue.put(0i64, Wait::No).is_ok());
    }
}

#[test]
fn fifty_who_wait_on_either_side_wake_when_the_queue_is_closed() {
    let (pool, program) = talkers(200, 2);
    let (empty, full) = (named(&pool, "empty", 1), named(&pool, "full", 1));
    full.put(0i64, Wait::No).expect("puts");
    let spawn = |words: &[&str]| pool.spawn(&program, talking(&pool, words)).expect("starts");
    let getters: Vec<_> = (0..50).map(|_| spawn(&["get-one", "empty"])).collect();
    let putters: Vec<_> = (0..50).map(|_| spawn(&["produce", "full", "1"])).collect();
    // All wait: the processors have nothing to do.
    eventually("all wait", || {
        getters.iter().chain(&putters).all(Interpreter::is_running)
    });
    empty.close();
    full.close();
    for guest in getters.into_iter().chain(putters) {
        assert_eq!(guest.join().outcome, Outcome::Exited(1));
    }
    assert_eq!(full.get(Wait::No), Ok(Received::Item(Item::S64(0))));
    drop((empty, full));
    nothing_left(&pool, 2);
}

#[test]
fn a_handle_of_the_host_is_hope_and_without_one_there_is_a_deadlock() {
    let (pool, program) = talkers(4, 2);
    let queue = named(&pool, "q", 1);
    let guest = pool.spawn(&program, talking(&pool, &["wait", "q"])).expect("starts");
    pool.all_started();
    // A hundred times as long as a deadlock takes to be seen.
    assert_eq!(guest.join_timeout(Duration::from_millis(300)), None);
    // Whoever only gets cannot help one who waits to get.
    let drain = queue.clone().into_drain();
    let began = Instant::now();
    drop(queue);
    let ending = guest.join();
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    assert!(
        matches!(&ending.outcome, Outcome::Deadlock(waits) if waits.contains("get from queue \"q\"")),
        "{ending:?}"
    );
    drop(drain);
    nothing_left(&pool, 1);
}

#[test]
fn in_an_open_pool_a_life_to_come_is_hope() {
    let (pool, program) = talkers(4, 2);
    let queue = named(&pool, "q", 1);
    let waits = pool.spawn(&program, talking(&pool, &["get-one", "q"])).expect("starts");
    drop(queue);
    assert_eq!(waits.join_timeout(Duration::from_millis(200)), None);
    let puts = pool
        .spawn(&program, talking(&pool, &["produce", "q", "1"]))
        .expect("starts");
    assert!(puts.join().outcome.is_success() && waits.join().outcome.is_success());
    // An idle pool that is closed while one waits is a deadlock.
    let waits = pool.spawn(&program, talking(&pool, &["get-one", "q"])).expect("starts");
    pool.close();
    assert!(matches!(waits.join().outcome, Outcome::Deadlock(_)));
}

// rayon's workers stand still here: 0 of 4 finish.
#[test]
fn consumers_that_came_first_leave_the_workers_to_producers() {
    let (pool, program) = talkers(40, 2);
    let queue = named(&pool, "q", 4);
    let spawn = |words: &[&str]| pool.spawn(&program, talking(&pool, words)).expect("starts");
    let consumers: Vec<_> = (0..16).map(|_| spawn(&["get-one", "q"])).collect();
    let producers: Vec<_> = (0..16).map(|_| spawn(&["produce", "q", "1"])).collect();
    for guest in consumers.into_iter().chain(producers) {
        assert!(guest.join().outcome.is_success());
    }
    drop(queue);
    nothing_left(&pool, 1);
}

#[test]
fn what_a_killed_guest_had_got_counts_as_got() {
    let (pool, program) = talkers(4, 2);
    let (first, second) = (named(&pool, "first", 4), named(&pool, "second", 4));
    for number in 0..3i64 {
        first.put(number, Wait::No).expect("puts");
    }
    let words = ["get-then-wait", "first", "second"];
    let guest = pool.spawn(&program, talking(&pool, &words)).expect("starts");
    eventually("it has got one", || first.qsize() == 2);
    guest.kill();
    assert_eq!(guest.join().outcome, Outcome::Killed);
    assert_eq!(first.get(Wait::No), Ok(Received::Item(Item::S64(1))));
    assert_eq!(first.qsize(), 1);
    drop((first, second));
    nothing_left(&pool, 2);
}

#[test]
fn guests_that_look_again_and_again_are_ended_by_their_deadlines_and_harm_nobody() {
    let (pool, program) = talkers(8, 2);
    let queues = [named(&pool, "a", 1), named(&pool, "b", 1)];
    let lookers = ["a", "b"].map(|queue| {
        let mut setup = talking(&pool, &["never-wait", queue]);
        setup.limits.deadline = Some(Duration::from_millis(500));
        pool.spawn(&program, setup).expect("starts")
    });
    let honest = pool.spawn(&program, talking(&pool, &["smoke"])).expect("starts");
    assert!(honest.join().outcome.is_success());
    for looker in lookers {
        assert!(matches!(looker.join().outcome, Outcome::Deadline(_)));
    }
    drop(queues);
    nothing_left(&pool, 2);
}

// CPython: test_api.CreateTests.test_in_thread, TestInterpreterClose.test_from_other_thread
#[test]
fn interpreters_are_created_and_closed_by_any_thread() {
    let (pool, program) = talkers(8, 2);
    let children: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| callable(&pool, &program))).collect();
        threads.into_iter().map(|thread| thread.join().expect("ends")).collect()
    });
    let ids: BTreeSet<_> = children.iter().map(Interpreter::id).collect();
    assert_eq!(ids.len(), 4);
    thread::scope(|scope| {
        for child in &children {
            scope.spawn(|| {
                assert_eq!(child.close(), Ok(()));
                assert_eq!(child.close(), Err(CallError::NotFound));
            });
        }
    });
    drop(children);
    nothing_left(&pool, 0);
}

#[test]
fn handles_of_another_pool_are_no_arguments() {
    let ((pool, program), (other, theirs)) = (talkers(4, 1), talkers(4, 1));
    let (child, foreign) = (callable(&pool, &program), callable(&other, &theirs));
    let queue = other.queues().create(&QueueOptions::default()).expect("a queue");
    for item in [Item::Queue(queue), Item::Interpreter(foreign)] {
        let refused = child.call("echo", vec![item.clone()]).expect_err("another pool's");
        assert_eq!(
            refused.to_string(),
            "a queue or an interpreter of another pool means nothing in this one"
        );
        assert!(matches!(
            child.prepare_main(vec![("x".to_owned(), item)]),
            Err(CallError::Invalid(_))
        ));
    }
    assert_eq!(child.call("add", vec![Item::S64(1), Item::S64(1)]), Ok(Item::S64(2)));
}

// The per-interpreter lock: CPython: test_stress.StressTests.test_many_threads_running_interp_in_other_interp
#[test]
fn many_threads_hold_one_interpreter_and_one_runs_it() {
    let (pool, program) = talkers(4, 2);
    let child = callable(&pool, &program);
    let (ran, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..200i64 {
                    match child.call("add", vec![Item::S64(number), Item::S64(1)]) {
                        Ok(sum) => {
                            assert_eq!(sum, Item::S64(number + 1));
                            ran.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(CallError::AlreadyRunning) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(ran.load(Ordering::Relaxed) + refused.load(Ordering::Relaxed), 1_600);
    assert!(ran.load(Ordering::Relaxed) > 0);
    drop(child);
    nothing_left(&pool, 0);
}

#[test]
fn an_interpreter_keeps_its_state_from_call_to_call_and_ends_with_its_last_handle() {
    let (pool, program) = talkers(4, 2);
    let child = callable(&pool, &program);
    assert!(!child.is_running() && !child.has_ended());
    child.exec("x = 3\ny = x + 4").expect("runs");
    assert_eq!(child.call("recall", vec!["y".into()]), Ok(Item::S64(7)));
    child
        .prepare_main(vec![("name".to_owned(), Item::Bool(true))])
        .expect("binds");
    assert_eq!(child.call("bound", vec!["name".into()]), Ok(Item::Bool(true)));
    assert!(matches!(child.prepare_main(Vec::new()), Err(CallError::Invalid(_))));
    match child.exec("raise no") {
        Err(CallError::Failed(failed)) => assert_eq!(failed.to_string(), "RuntimeError: no"),
        other => panic!("{other:?}"),
    }
    let queue = pool.queues().create(&QueueOptions::default()).expect("a queue");
    queue.put("hello", Wait::No).expect("puts");
    assert_eq!(child.call("get", vec![queue.clone().into()]), Ok("hello".into()));
    let other = child.clone();
    drop(child);
    assert_eq!(other.call("add", vec![Item::S64(1), Item::S64(1)]), Ok(Item::S64(2)));
    drop((other, queue));
    nothing_left(&pool, 0);
}

#[test]
fn an_interpreter_that_fails_badly_is_over_and_its_caller_hears_how() {
    let (pool, program) = talkers(8, 2);
    for (function, kind) in [("trap", "trapped"), ("spin", "deadline")] {
        let mut setup = talking(&pool, &[]);
        setup.limits.deadline = Some(Duration::from_millis(200));
        let child = pool.create(&program, setup).expect("an interpreter");
        match child.call(function, Vec::new()) {
            Err(CallError::Failed(failed)) => assert_eq!(failed.kind, kind),
            other => panic!("{other:?}"),
        }
        assert_eq!(child.call("add", Vec::new()), Err(CallError::NotFound));
        assert_eq!(child.close(), Err(CallError::NotFound));
    }
    let command = pool.spawn(&program, talking(&pool, &["smoke"])).expect("starts");
    assert_eq!(command.call("add", Vec::new()), Err(CallError::NotCallable));
    command.join();
    let probe = Program::from_file(program.engine(), probe_p1(), &Limits::default()).expect("a program");
    let refused = pool.create(&probe, Setup::default()).expect_err("exports no task");
    assert!(refused.to_string().contains("wasm-pool:interpreters/task"), "{refused}");
    nothing_left(&pool, 0);
}

/// How long the kills go on; CI has a minute.
fn stress() -> Duration {
    let seconds = std::env::var("WASM_POOL_STRESS_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

#[test]
fn random_kills_harm_nobody_else_and_neither_tear_nor_double_an_item() {
    let (pool, program) = talkers(64, 2);
    let (there, back) = (named(&pool, "there", 16), named(&pool, "back", 16));
    let until = Instant::now() + stress();
    let spawn = || {
        pool.spawn(&program, talking(&pool, &["relay", "there", "back"]))
            .expect("starts")
    };
    let (sent, got, kills) = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut sent = 0i64;
            while Instant::now() < until {
                // Long enough that a torn one would show.
                there.put(format!("{sent:0>200}"), LONG).expect("puts");
                sent += 1;
            }
            there.close();
            sent
        });
        let receiving = scope.spawn(|| {
            let numbers = back.iter().map(|item| match item {
                Item::String(text) => {
                    assert_eq!(text.len(), 200);
                    text.parse::<i64>().expect("a whole number")
                }
                other => panic!("{other:?}"),
            });
            let mut got: Vec<_> = numbers.collect();
            got.sort_unstable();
            got
        });
        // Victims and honest ones do the same; only victims are killed.
        let honest: Vec<_> = (0..4).map(|_| spawn()).collect();
        let mut victims: Vec<_> = (0..4).map(|_| spawn()).collect();
        let mut kills = 0usize;
        while Instant::now() < until {
            let at = kills % victims.len();
            // At a time that has nothing to do with what it does.
            thread::park_timeout(Duration::from_micros((kills as u64 * 7_919) % 3_000));
            let victim = std::mem::replace(&mut victims[at], spawn());
            victim.kill();
            let outcome = victim.join().outcome;
            assert!(matches!(outcome, Outcome::Killed | Outcome::Exited(0)), "{outcome:?}");
            kills += 1;
        }
        let sent = sending.join().expect("ends");
        for guest in honest.into_iter().chain(victims) {
            assert_eq!(guest.join().outcome, Outcome::Exited(0));
        }
        back.close();
        (sent, receiving.join().expect("ends"), kills)
    });
    assert!(kills > 100, "{kills}");
    // None twice; at most one lost with each victim, which had it in its hands.
    assert!(got.windows(2).all(|pair| pair[0] < pair[1]));
    let lost = usize::try_from(sent).expect("a count") - got.len();
    assert!(lost <= kills, "{lost} items lost with {kills} victims");
    drop((there, back));
    nothing_left(&pool, 2);
}

#[test]
fn whoever_is_killed_while_it_waits_takes_nothing_along() {
    let (pool, program) = talkers(200, 2);
    let queue = named(&pool, "q", 1_000);
    let guests: Vec<_> = (0..100)
        .map(|_| pool.spawn(&program, talking(&pool, &["get-one", "q"])).expect("starts"))
        .collect();
    let putting = thread::spawn({
        let queue = queue.clone();
        move || (0..100i64).for_each(|number| queue.put(number, LONG).expect("puts"))
    });
    for guest in guests.iter().step_by(2) {
        guest.kill();
    }
    putting.join().expect("ends");
    let served = guests
        .iter()
        .filter(|guest| guest.join().outcome == Outcome::Exited(0))
        .count();
    // Each got one or none; what nobody got is still there, but for what a victim had got and not yet printed.
    assert!(served >= 50, "{served}");
    assert!(queue.qsize() <= 100 - served, "{} left, {served} served", queue.qsize());
    assert!(queue.qsize() + served + guests.len() / 2 >= 100);
    drop(queue);
    nothing_left(&pool, 1);
}

#[test]
fn a_family_ends_with_its_parent_and_returns_everything() {
    let (pool, program) = talkers(16, 2);
    let guest = pool
        .spawn(&program, talking(&pool, &["leave-one-spinning"]))
        .expect("starts");
    assert!(guest.join().outcome.is_success());
    nothing_left(&pool, 0);
    for _ in 0..20 {
        let guest = pool.spawn(&program, talking(&pool, &["bomb"])).expect("starts");
        thread::park_timeout(Duration::from_millis(1));
        guest.kill();
        guest.join();
    }
    nothing_left(&pool, 0);
}
