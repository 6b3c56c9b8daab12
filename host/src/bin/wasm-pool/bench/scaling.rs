//! What more workers gain: equal guests that only compute, on one worker, on two, and so on, and bare Wasmtime on as many threads.

use std::time::Duration;

use wasm_pool::Pool;

use super::figures::{Curve, Rate, Step};
use super::guests::{self, Order};
use super::meter::{Message, Meter, enough, took};
use super::{Stand, bare, start};
use crate::args::Part;

/// Guests for each worker: many enough that none waits long for the last one.
const GUESTS: u32 = 8;

/// The most that one round of one step may take.
const LONGEST: Duration = Duration::from_secs(1);

pub(super) fn measure(stand: &Stand, meter: &Meter) -> anyhow::Result<()> {
    let engine = &stand.engine;
    let program = guests::program(engine, "scaling", guests::COMPUTES)?;
    let bare = bare::Lives::new(engine.wasmtime(), guests::COMPUTES)?;
    let workers = steps(stand.workers);
    // Half of them, since a round is long: it goes through all steps. Again an odd number.
    let rounds = (meter.effort.rounds / 2) | 1;
    let time = meter.effort.time(Part::Scaling);
    let one = (time / (rounds + 1) / workers.len() as u32 / 2).min(LONGEST);

    meter.passed(Duration::ZERO, "scaling: how much is enough");
    let pool = Pool::builder(engine).workers(1).build()?;
    let work = enough(one / GUESTS, &mut |count| {
        start::run_all(&pool, &program, &guests::setup(&Order::count(count), false), 1)
    })?;
    drop(pool);
    let pools: Vec<_> = workers
        .iter()
        .map(|workers| Pool::builder(engine).workers(*workers).build())
        .collect::<wasm_pool::Result<_>>()?;
    let setup = guests::setup(&Order::count(work), false);
    let mut curve = Curve {
        steps: workers
            .iter()
            .map(|&workers| Step {
                workers,
                ours: Vec::new(),
                bare: Vec::new(),
            })
            .collect(),
    };
    meter.passed(time / (rounds + 1), "scaling");
    for _ in 0..rounds {
        for (step, pool) in curve.steps.iter_mut().zip(&pools) {
            let many = GUESTS * u32::try_from(step.workers)?;
            step.bare.push(rate(many, || bare.run(step.workers, many, work))?);
            step.ours
                .push(rate(many, || start::run_all(pool, &program, &setup, many))?);
            let noun = if step.workers == 1 { "worker" } else { "workers" };
            let share = time / (rounds + 1) / pools.len() as u32;
            meter.passed(share, &format!("scaling: {} {noun}", step.workers));
        }
        meter.tell(Message::Curve(curve.clone()));
    }
    Ok(())
}

fn rate(guests: u32, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Rate> {
    let (wall, cpu) = took(work)?;
    Ok(Rate {
        guests: f64::from(guests) / wall.as_secs_f64(),
        cpu: cpu.as_nanos() as f64 / f64::from(guests),
    })
}

/// The numbers of workers: all of a few, and of many two for each doubling.
fn steps(most: usize) -> Vec<usize> {
    let mut steps: Vec<usize> = (0..)
        .flat_map(|power| [2 << power, 3 << power])
        .take_while(|step| *step < most)
        .collect();
    steps.insert(0, 1);
    steps.push(most);
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_from_one_to_all() {
        assert_eq!(steps(1), [1]);
        assert_eq!(steps(2), [1, 2]);
        assert_eq!(steps(5), [1, 2, 3, 4, 5]);
        assert_eq!(steps(8), [1, 2, 3, 4, 6, 8]);
        assert_eq!(steps(96), [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96]);
        assert_eq!(steps(1_024).len(), 20);
    }
}
