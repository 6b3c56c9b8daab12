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
