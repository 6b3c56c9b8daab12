//! Messages from guest to guest, through queues: there and back, and as many as go one way.

use wasm_pool::{ByteSize, Outcome, Pool, Program, QueueOptions, Unbound};

use super::Stand;
use super::figures::Figure;
use super::guests::{self, Order, QUEUES, Role};
use super::meter::Meter;
use crate::args::Part;

/// Items that a queue holds: the library's default.
const ITEMS: u32 = 1_024;

/// Of large messages, so many as fit into a core's cache.
const FEW: u32 = 8;

const SMALL: u32 = 16;
const LARGE: u32 = 64 << 10;

/// How many figures there are.
const FIGURES: u32 = 3;

pub(super) fn measure(stand: &Stand, meter: &Meter) -> anyhow::Result<()> {
    let program = guests::program(&stand.engine, "queue", guests::TALKS)?;
    let time = meter.effort.time(Part::Queue) / FIGURES;
    let figure = |name, what: &str| Figure::new(Part::Queue, name, what);
    let one_way = [Role::Puts, Role::Gets];

    let pool = pool(stand, ITEMS)?;
    let trip = figure("round-trip", "16 bytes there and back");
    meter.figure(
        trip,
        time,
        &mut |count| talk(&pool, &program, [Role::Asks, Role::Answers], count, SMALL),
        None,
    )?;
    let small = figure("16-bytes", "16 bytes one way").moving(u64::from(SMALL));
    meter.figure(
        small,
        time,
        &mut |count| talk(&pool, &program, one_way, count, SMALL),
        None,
    )?;
    let pool = self::pool(stand, FEW)?;
    let large = figure("64-kib", "64 KiB one way").moving(u64::from(LARGE));
    meter.figure(
        large,
        time,
        &mut |count| talk(&pool, &program, one_way, count, LARGE),
        None,
    )
}

/// A pool with queues that hold so many items.
fn pool(stand: &Stand, items: u32) -> wasm_pool::Result<Pool> {
    let pool = Pool::builder(&stand.engine).workers(stand.workers).build()?;
    let options = QueueOptions {
        max_size: items,
        max_bytes: ByteSize::mib(16),
        // Who puts ends before who gets.
        unbound: Unbound::Keep,
    };
    for name in QUEUES {
        pool.queues().create_named(name, &options)?;
    }
    Ok(pool)
}

/// Runs two guests, until both have done what they do so many times.
fn talk(pool: &Pool, program: &Program, roles: [Role; 2], count: u32, size: u32) -> anyhow::Result<()> {
    let lives: Vec<_> = roles
        .iter()
        .map(|role| pool.spawn(program, guests::setup(&Order::new(*role, count, size), true)))
        .collect::<wasm_pool::Result<_>>()?;
    for (life, role) in lives.iter().zip(roles) {
        let outcome = life.join().outcome;
        anyhow::ensure!(
            outcome == Outcome::Exited(0),
            "the guest that {role:?} ended: {outcome}"
        );
    }
    Ok(())
}
