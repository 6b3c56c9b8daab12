//! Guests share the workers fairly, and one that waits is served at once.

use std::time::{Duration, Instant};

use wasm_pool::{Outcome, Setup};

use crate::harness::SPIN;
use crate::{doing, pool_for, printing, probe, within};

#[test]
fn equal_guests_get_equal_time() {
    let (pool, program) = pool_for(SPIN.as_bytes(), 20, 2);
    let guests: Vec<_> = (0..8)
        .map(|_| {
            // Long enough for many slices each, also on a machine that is busy otherwise.
            pool.spawn(&program, within(Duration::from_millis(2_400), Setup::default()))
                .expect("starts")
        })
        .collect();
    let used: Vec<_> = guests.iter().map(|guest| guest.join().cpu).collect();
    let (least, most) = (used.iter().min().expect("eight"), used.iter().max().expect("eight"));
    assert!(most.as_secs_f64() < least.as_secs_f64() * 1.5, "{used:?}");
}

#[test]
fn a_guest_that_waits_is_served_beside_spinning_ones() {
    let (pool, spinner) = pool_for(SPIN.as_bytes(), 100, 2);
    let spinners: Vec<_> = (0..8)
        .map(|_| pool.spawn(&spinner, Setup::default()).expect("starts"))
        .collect();
    let engine = spinner.engine();
    let program =
        wasm_pool::Program::from_bytes(engine, "probe", &probe(), &wasm_pool::Limits::default()).expect("a program");
    let mut late: Vec<_> = (0..20)
        .map(|_| {
            let began = Instant::now();
            let (setup, _) = printing(doing(&["sleep", "20"]));
            assert_eq!(pool.run(&program, setup).expect("starts").outcome, Outcome::Exited(0));
            began.elapsed().saturating_sub(Duration::from_millis(20))
        })
        .collect();
    late.sort_unstable();
    // A switch interval for its start, one for its wake-up, and the noise of a machine that runs other tests.
    assert!(late[late.len() / 2] < Duration::from_millis(60), "{late:?}");
    pool.kill_all();
    spinners.iter().for_each(|guest| drop(guest.join()));
}

/// Computes for a fraction of a millisecond, then gives way to an event that has come already, over and over.
const PAUSES: &str = r#"(module
    (import "host" "pause" (func $pause))
    (memory (export "memory") 1)
    (func (export "_start") (local $left i32)
        (loop $for_ever
            (local.set $left (i32.const 300000))
            (loop $compute
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $compute (local.get $left)))
            (call $pause)
            (br $for_ever))))"#;

#[test]
fn guests_that_wait_by_turns_take_no_more_than_their_share() {
    let pause = || {
        let mut paused = false;
        std::future::poll_fn(move |cx| {
            if std::mem::replace(&mut paused, true) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        })
    };
    let builder = wasm_pool::Engine::builder().instances(20);
    let builder = builder.host_functions_for_modules("host", wasm_pool::offers::HostCalls::Waiting, move |linker| {
        linker.func_wrap_async("host", "pause", move |_, (): ()| Box::new(pause()))?;
        Ok(())
    });
    let (pool, pauses) = crate::pool_on(builder, PAUSES.as_bytes(), 2);
    let computes =
        wasm_pool::Program::from_bytes(pauses.engine(), "spin", SPIN.as_bytes(), &wasm_pool::Limits::default())
            .expect("a program");
    // Many rounds, also on a machine that is busy otherwise.
    let long = || within(Duration::from_secs(3), Setup::default());
    let by_turns: Vec<_> = (0..4).map(|_| pool.spawn(&pauses, long()).expect("starts")).collect();
    let computing = pool.spawn(&computes, long()).expect("starts");
    let share = computing.join().cpu;
    let used: Duration = by_turns.iter().map(|guest| guest.join().cpu).sum();
    // Two workers for five guests.
    let fair = (used + share) / 5;
    assert!(share > fair * 4 / 5, "{share:?} of {fair:?}");
    assert!(share < fair * 6 / 5, "{share:?} of {fair:?}");
}

#[test]
fn the_shortest_switch_interval_is_a_tick() {
    let builder = wasm_pool::Engine::builder().instances(4);
    let engine = builder.build().expect("an engine");
    let limits = wasm_pool::Limits::default();
    let spinner = wasm_pool::Program::from_bytes(&engine, "spin", SPIN.as_bytes(), &limits).expect("a program");
    let pool = wasm_pool::Pool::builder(&engine)
        .workers(1)
        .switch_interval(Duration::ZERO);
    let pool = pool.build().expect("a pool");
    let long = || within(Duration::from_millis(200), Setup::default());
    let guests: Vec<_> = (0..3).map(|_| pool.spawn(&spinner, long()).expect("starts")).collect();
    for guest in guests {
        let ending = guest.join_timeout(crate::harness::PATIENCE).expect("ends");
        assert_eq!(ending.outcome, Outcome::Deadline(Duration::from_millis(200)));
        assert!(ending.cpu > Duration::ZERO);
    }
}
