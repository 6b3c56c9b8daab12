//! What a guest and all its descendants take together: a child is no fresh start.

use std::sync::Arc;
use std::time::Duration;

use wasm_pool::limits::LimitKind;
use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::{ByteSize, Ending, Engine, Limits, Outcome, Pool, Program, Queue, QueueOptions, Setup, Unbound};

use super::harness::root;
use super::{nothing_left, talkers, talking};

/// `through-children` with these words within these limits: how it ended, and what it and its children printed.
fn through_children(pool: &Pool, program: &Program, words: [&str; 3], limits: Limits) -> (Ending, String) {
    let output = OutputPipe::unbounded();
    let [task, amount, how] = words;
    let mut setup = Setup {
        limits,
        stdio: Stdio {
            stdout: Output::Pipe(output.clone()),
            ..Stdio::default()
        },
        ..talking(pool, &["through-children", task, amount, how])
    };
    setup.grants.queues = pool.queues().open("left").iter().map(|_| "left".to_owned()).collect();
    let ending = pool.run(program, setup).expect("starts");
    (ending, String::from_utf8_lossy(&output.take_all()).into_owned())
}

fn limits() -> Limits {
    Limits {
        deadline: Some(super::PATIENCE),
        ..Limits::default()
    }
}

fn reached(outcome: &Outcome, kind: LimitKind, limit: u64) -> bool {
    matches!(outcome, Outcome::Limit(hit) if (hit.kind, hit.limit) == (kind, limit))
}

/// Of 100,000 bytes that may be written. A guest writes a few thousand at once.
fn wrote_three_and_a_part(printed: &str) -> bool {
    (90_000..=100_000).contains(&printed.len()) && printed.bytes().all(|byte| byte == b'x')
}

#[test]
fn children_write_no_more_than_is_left_to_their_parent() {
    let (pool, program) = talkers(16, 2);
    let limits = Limits {
        output: ByteSize::b(100_000),
        ..limits()
    };
    let (ending, printed) = through_children(&pool, &program, ["say", "30000", "close"], limits);
    // Three of them wrote, the fourth a part of it, and its parent could not even say so.
    assert!(wrote_three_and_a_part(&printed), "{} {printed:.10}", printed.len());
    assert!(
        reached(&ending.outcome, LimitKind::Output, 100_000),
        "{}",
        ending.outcome
    );
    assert_eq!(ending.output, ByteSize::b(0));
    nothing_left(&pool, 0);
}

#[test]
fn children_compute_no_longer_than_is_left_to_their_parent() {
    for (how, amount) in [("close", "1000000"), ("kill", "1000000000")] {
        let (pool, program) = talkers(16, 2);
        let limits = Limits {
            cpu_time: Some(Duration::from_millis(200)),
            ..limits()
        };
        let (ending, _) = through_children(&pool, &program, ["count", amount, how], limits);
        assert!(
            reached(&ending.outcome, LimitKind::CpuTime, 200_000_000),
            "{how}: {}",
            ending.outcome
        );
        // Most of it was its children's.
        assert!(ending.cpu < Duration::from_millis(150), "{how}: {:?}", ending.cpu);
        nothing_left(&pool, 0);
    }
}

#[test]
fn children_use_no_more_fuel_than_is_left_to_their_parent() {
    const FUEL: u64 = 50_000_000;
    for (how, amount) in [("close", "1000000"), ("kill", "1000000000")] {
        let limits = Limits {
            fuel: Some(FUEL),
            ..limits()
        };
        let engine = Engine::builder()
            .instances(16)
            .limits(&limits)
            .build()
            .expect("an engine");
        let talker = root().join("tests/guests/talker.wasm");
        let program = Program::from_file(&engine, talker, &limits).expect("a program");
        let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
        let (ending, _) = through_children(&pool, &program, ["count", amount, how], limits);
        assert!(
            reached(&ending.outcome, LimitKind::Fuel, FUEL),
            "{how}: {}",
            ending.outcome
        );
        nothing_left(&pool, 0);
    }
}

#[test]
fn queues_count_for_the_family_as_long_as_somebody_has_them() {
    let (pool, program) = talkers(16, 2);
    let limits = Limits { queues: 5, ..limits() };
    let (ending, printed) = through_children(&pool, &program, ["make", "7", "close"], limits);
    assert!(ending.outcome.is_success(), "{}", ending.outcome);
    assert!(
        printed.starts_with("5 children, then ") && printed.contains("queues limit of 5"),
        "{printed}"
    );
    nothing_left(&pool, 0);
}

#[test]
fn messages_count_for_the_family_as_long_as_nobody_gets_them() {
    let (pool, program) = talkers(16, 2);
    let options = QueueOptions {
        unbound: Unbound::Keep,
        ..QueueOptions::default()
    };
    let left: Queue = pool.queues().create_named("left", &options).expect("a queue");
    let limits = Limits {
        messages: ByteSize::kb(100),
        ..limits()
    };
    let (ending, printed) = through_children(&pool, &program, ["leave", "30000", "close"], limits.clone());
    assert!(ending.outcome.is_success(), "{}", ending.outcome);
    assert!(
        printed.starts_with("3 children, then ") && printed.contains("messages limit of"),
        "{printed}"
    );
    assert_eq!(left.qsize(), 3);
    // Whoever begins anew has nothing to do with it.
    let (_, printed) = through_children(&pool, &program, ["leave", "30000", "close"], limits);
    assert!(printed.starts_with("3 children, then "), "{printed}");
    drop(left);
}

#[test]
fn each_of_a_family_has_its_own_sum_and_no_other_family_has_it() {
    let (pool, program) = talkers(32, 2);
    let limits = Limits {
        output: ByteSize::b(100_000),
        ..limits()
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let words = ["say", "30000", "close"];
                let (_, printed) = through_children(&pool, &program, words, limits.clone());
                assert!(wrote_three_and_a_part(&printed), "{} {printed:.10}", printed.len());
            });
        }
    });
}

#[test]
fn an_interpreter_that_the_host_calls_has_one_sum_for_all_calls_and_its_children() {
    let (pool, program) = talkers(8, 2);
    let setup = Setup {
        limits: Limits {
            cpu_time: Some(Duration::from_millis(100)),
            ..limits()
        },
        ..talking(&pool, &[])
    };
    let interpreter = pool.create(&program, Arc::new(setup)).expect("an interpreter");
    let mut calls = 0;
    while interpreter.call("count", vec![1_000_000.into()]).is_ok() {
        calls += 1;
    }
    assert!(calls > 0);
    let outcome = interpreter.join().outcome;
    assert!(reached(&outcome, LimitKind::CpuTime, 100_000_000), "{outcome}");
}
