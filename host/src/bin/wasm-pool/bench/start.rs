//! To start, run and end a small guest: through a pool, and with bare Wasmtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use wasm_pool::{Outcome, Pool, Program, Setup};

use super::figures::Figure;
use super::guests::{self, Order};
use super::meter::Meter;
use super::{Stand, bare};
use crate::args::Part;

/// Lives that are begun before they are waited for, as a service does that admits so many; for each worker.
pub(super) const BURST: u32 = 16;

/// And at least so many.
pub(super) const BURST_AT_LEAST: u32 = 128;

pub(super) fn measure(stand: &Stand, meter: &Meter) -> anyhow::Result<()> {
    let engine = &stand.engine;
    let program = guests::program(engine, "start", guests::START)?;
    let bare = bare::Lives::new(engine.wasmtime(), guests::START)?;
    let workers = match stand.workers {
        1 => vec![1],
        many => vec![1, many],
    };
    let time = meter.effort.time(Part::Start) / workers.len() as u32;
    for count in workers {
        let (name, what) = match count {
            1 => ("one-worker", "on one worker".to_owned()),
            count => ("all-workers", format!("on {count} workers, each")),
        };
        let figure = Figure::new(Part::Start, name, what);
        let pool = Pool::builder(engine).workers(count).build()?;
        meter.figure(
            figure,
            time,
            &mut |lives| pooled(&pool, &program, lives),
            Some(&mut |lives| bare.run(count, lives, 0)),
        )?;
    }
    Ok(())
}

/// Room for what is begun at once.
pub(super) fn burst(workers: usize) -> u32 {
    u32::try_from(workers)
        .unwrap_or(u32::MAX)
        .saturating_mul(BURST)
        .max(BURST_AT_LEAST)
}

fn pooled(pool: &Pool, program: &Program, lives: u32) -> anyhow::Result<()> {
    run_all(pool, program, &guests::setup(&Order::count(0), false), lives)
}

/// Runs so many lives to their ends.
pub(super) fn run_all(pool: &Pool, program: &Program, setup: &Arc<Setup>, lives: u32) -> anyhow::Result<()> {
    let failed = Arc::new(AtomicU32::new(0));
    let burst = burst(pool.workers());
    for number in 0..lives {
        if number % burst == 0 {
            pool.join_all();
        }
        let failed = Arc::clone(&failed);
        pool.spawn_then(program, Arc::clone(setup), move |_, ending| {
            if ending.outcome != Outcome::Exited(0) {
                failed.fetch_add(1, Relaxed);
            }
        })?;
    }
    pool.join_all();
    match failed.load(Relaxed) {
        0 => Ok(()),
        failed => anyhow::bail!("{failed} of {lives} guests of {} failed", program.name()),
    }
}

/// How many guests an engine must have room for.
pub(super) fn room(workers: usize) -> u32 {
    // What is called has its own, and so has bare Wasmtime.
    burst(workers)
        .saturating_add(u32::try_from(workers).unwrap_or(u32::MAX).saturating_mul(2))
        .saturating_add(64)
}
