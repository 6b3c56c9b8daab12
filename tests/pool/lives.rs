//! How lives start and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wasm_pool::{Engine, ErrorKind, Limits, Outcome, Pool, Program, Setup};

use crate::harness::SPIN;
use crate::{allocations, doing, pool_for, pool_on, printing, probe, within};

#[test]
fn guests_run_in_parallel_and_apart() {
    for allocation in allocations() {
        let (pool, program) = pool_on(Engine::builder().instances(20).allocation(allocation), &probe(), 2);
        let guests: Vec<_> = (0..20)
            .map(|number| {
                let (setup, output) = printing(doing(&["args", &number.to_string()]));
                (pool.spawn(&program, setup).expect("starts"), output)
            })
            .collect();
        for (number, (guest, output)) in guests.iter().enumerate() {
            let ending = guest.join();
            assert_eq!(ending.outcome, Outcome::Exited(0));
            assert_eq!(output.take_all(), format!("{number}\n").into_bytes());
        }
        assert_eq!((pool.alive(), pool.budget().used()), (0, 0));
    }
}

#[test]
fn a_kill_ends_a_guest_that_spins_sleeps_or_waits_for_room() {
    let (pool, program) = pool_for(&probe(), 10, 2);
    let full = wasm_pool::stdio::OutputPipe::new(1024, || ());
    let mut flood = doing(&["flood", "1000000000"]);
    flood.stdio.stdout = wasm_pool::stdio::Output::Pipe(full);
    for setup in [doing(&["spin"]), doing(&["sleep", "600000"]), flood] {
        let guest = pool.spawn(&program, setup).expect("starts");
        assert!(guest.join_timeout(Duration::from_millis(30)).is_none() && guest.is_running());
        let killed = Instant::now();
        guest.kill();
        assert_eq!(guest.join().outcome, Outcome::Killed);
        assert!(killed.elapsed() < Duration::from_secs(1));
        // Once is enough, and twice does no harm.
        guest.kill();
        assert!(!guest.is_running());
    }
    assert_eq!(pool.alive(), 0);
}

#[test]
fn a_deadline_ends_only_its_own_guest() {
    let (pool, program) = pool_for(SPIN.as_bytes(), 10, 2);
    let short = pool
        .spawn(&program, within(Duration::from_millis(50), Setup::default()))
        .expect("starts");
    let long = pool
        .spawn(&program, within(Duration::from_millis(400), Setup::default()))
        .expect("starts");
    assert_eq!(short.join().outcome, Outcome::Deadline(Duration::from_millis(50)));
    assert!(long.is_running());
    let ending = long.join();
    assert_eq!(ending.outcome, Outcome::Deadline(Duration::from_millis(400)));
    assert!(
        ending.wall >= Duration::from_millis(400) && ending.cpu > Duration::from_millis(100),
        "{ending:?}"
    );
}

#[test]
fn deadlines_are_met_beside_many_spinning_guests() {
    let (pool, program) = pool_for(SPIN.as_bytes(), 200, 2);
    let spinners: Vec<_> = (0..100)
        .map(|_| pool.spawn(&program, Setup::default()).expect("starts"))
        .collect();
    let late: Vec<_> = (1..=40)
        .map(|number| {
            let deadline = Duration::from_millis(5 * number);
            let guest = pool
                .spawn(&program, within(deadline, Setup::default()))
                .expect("starts");
            (guest, deadline)
        })
        .collect();
    let mut over: Vec<_> = late
        .iter()
        .map(|(guest, deadline)| guest.join().wall.saturating_sub(*deadline))
        .collect();
    over.sort_unstable();
    // A spinning guest may be the one that must be asked; the rest is the machine's noise.
    assert!(over[over.len() / 2] < Duration::from_millis(50), "{over:?}");
    pool.kill_all();
    assert!(spinners.iter().all(|guest| guest.join().outcome == Outcome::Killed));
}

#[test]
fn sleeping_guests_hold_no_worker() {
    let (pool, program) = pool_for(&probe(), 1_000, 1);
    let began = Instant::now();
    let sleepers: Vec<_> = (0..200)
        .map(|_| pool.spawn(&program, doing(&["sleep", "300"])).expect("starts"))
        .collect();
    assert!(sleepers.iter().all(|guest| guest.join().outcome == Outcome::Exited(0)));
    // One after another would take a minute.
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn everybody_who_waits_hears_of_the_end() {
    let (pool, program) = pool_for(&probe(), 10, 1);
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let guest = pool
        .spawn_then(&program, doing(&["exit", "3"]), move |_, ending| {
            assert_eq!(ending.outcome, Outcome::Exited(3));
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .expect("starts");
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let guest = guest.clone();
            std::thread::spawn(move || guest.join().outcome)
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    assert_eq!(runtime.block_on(guest.wait()).outcome, Outcome::Exited(3));
    assert!(
        threads
            .into_iter()
            .all(|thread| thread.join().is_ok_and(|outcome| outcome == Outcome::Exited(3)))
    );
    assert_eq!(heard.load(Ordering::SeqCst), 1);
}

#[test]
fn async_callers_are_never_blocked_by_guests() {
    let (pool, program) = pool_for(SPIN.as_bytes(), 10, 2);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let spin = pool.run_async(&program, within(Duration::from_millis(200), Setup::default()));
        let tick = async {
            let (mut ticks, mut clock) = (0, tokio::time::interval(Duration::from_millis(1)));
            let until = Instant::now() + Duration::from_millis(100);
            while Instant::now() < until {
                clock.tick().await;
                ticks += 1;
            }
            ticks
        };
        let (ending, ticks) = futures_util::future::join(spin, tick).await;
        assert!(matches!(ending.expect("runs").outcome, Outcome::Deadline(_)));
        assert!(ticks > 10, "{ticks}");
    });
}

#[test]
fn a_panic_in_a_callback_of_ours_takes_no_worker_along() {
    let (pool, program) = pool_for(&probe(), 10, 1);
    let mut setup = doing(&["args", "x"]);
    setup.stdio.stdout =
        wasm_pool::stdio::Output::Pipe(wasm_pool::stdio::OutputPipe::new(1024, || panic!("on purpose")));
    let ending = pool.run(&program, setup).expect("starts");
    assert!(
        matches!(&ending.outcome, Outcome::HostError(why) if why.contains("on purpose")),
        "{ending:?}"
    );
    assert_eq!(
        pool.run(&program, doing(&["args"])).expect("starts").outcome,
        Outcome::Exited(0)
    );
}

#[test]
fn what_cannot_be_started_says_why() {
    let (pool, program) = pool_for(SPIN.as_bytes(), 2, 1);
    let limits = Limits {
        fuel: Some(1),
        ..Limits::default()
    };
    let refused = pool.spawn(
        &program,
        Setup {
            limits,
            ..Setup::default()
        },
    );
    assert_eq!(refused.expect_err("refuses").kind(), ErrorKind::Usage);

    let held: Vec<_> = (0..2)
        .map(|_| pool.spawn(&program, Setup::default()).expect("starts"))
        .collect();
    assert_eq!(
        pool.spawn(&program, Setup::default()).expect_err("refuses").kind(),
        ErrorKind::Saturated
    );
    held.iter().for_each(wasm_pool::Interpreter::kill);
    held.iter().for_each(|guest| drop(guest.join()));

    let engine = Engine::new().expect("an engine");
    let adder = br#"(module (func (export "add") (result i32) (i32.const 1)))"#;
    let library = Program::from_bytes(&engine, "adder", adder, &Limits::default()).expect("a program");
    let pool = Pool::new(&engine).expect("a pool");
    let refused = pool.spawn(&library, Setup::default()).expect_err("refuses");
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.to_string().contains("this one exports \"add\""), "{refused}");
}

#[test]
fn random_kills_kill_nobody_else() {
    let (pool, program) = pool_for(&probe(), 64, 2);
    let mut seed = 0x2545_F491_4F6C_DD1Du64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut victims = 0;
    for _ in 0..40 {
        let crew: Vec<_> = (0..20)
            .map(|_| {
                let act = if random(2) == 0 {
                    doing(&["sleep", "3"])
                } else {
                    doing(&["args", "x"])
                };
                (pool.spawn(&program, act).expect("starts"), random(2) == 0)
            })
            .collect();
        for (guest, kill) in &crew {
            if *kill {
                std::thread::park_timeout(Duration::from_micros(random(300)));
                guest.kill();
            }
        }
        for (guest, killed) in crew {
            match guest.join().outcome {
                Outcome::Exited(0) => {}
                Outcome::Killed if killed => victims += 1,
                outcome => panic!("{outcome:?}, killed: {killed}"),
            }
        }
    }
    assert!(victims > 0);
    assert_eq!((pool.alive(), pool.budget().used()), (0, 0));
}

#[test]
fn a_callback_that_panics_at_the_end_of_a_life_stops_nobody() {
    let (pool, program) = pool_for(
        br#"(module (memory (export "memory") 1) (func (export "_start")))"#,
        10,
        1,
    );
    let setup = || std::sync::Arc::new(Setup::default());
    for _ in 0..3 {
        let life = pool
            .spawn_then(&program, setup(), |_, _| panic!("on purpose"))
            .expect("starts");
        assert_eq!(life.join().outcome, Outcome::Exited(0));
    }
    assert_eq!(pool.run(&program, setup()).expect("starts").outcome, Outcome::Exited(0));
    assert_eq!(pool.alive(), 0);
}
