//! How many instances fit: what memory one takes that only waits.
//!
//! They are started in batches, on an engine that nothing else has used: what the second and the later batches add is what an
//! instance takes, since the first one also pays for what all share.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::Context;
use wasm_pool::{Engine, Pool, QueueOptions, Shutdown};

use super::figures::Density;
use super::guests::{self, Order, QUEUES, Role};
use super::meter::{Message, Meter, cpu};
use super::probes::{Machine, Memory};
use crate::args::Part;

/// Batches, of which the first does not count.
const BATCHES: u32 = 6;

/// How long all may take to come to rest, many times what it does.
const PATIENCE: Duration = Duration::from_secs(30);

/// A look at whether they rest.
const LOOK: Duration = Duration::from_millis(10);

/// What wakes a worker now and then, a clock or a signal, takes less in that time.
const REST: Duration = Duration::from_micros(200);

/// One kind of guest that waits.
struct Kind {
    name: &'static str,
    what: &'static str,
    text: &'static str,
    /// Linear memory that it declares.
    declared: u64,
    talks: bool,
}

const PAGE: u64 = 64 << 10;

const KINDS: [Kind; 2] = [
    Kind {
        name: "module",
        what: "a module that sleeps",
        text: guests::SLEEPS,
        declared: PAGE,
        talks: false,
    },
    Kind {
        name: "component",
        what: "a component at a queue",
        text: guests::TALKS,
        declared: 4 * PAGE,
        talks: true,
    },
];

/// What is measured with: an engine for each kind, made before the wall comes up.
pub(super) struct Crowd {
    engines: Vec<Engine>,
    memory: Memory,
    workers: usize,
}

impl Crowd {
    /// Room for so many of each kind, or for fewer on a small machine.
    pub(super) fn new(instances: u32, workers: usize, machine: &Machine) -> anyhow::Result<Crowd> {
        // All kinds together take half of the mappings and, at some 50 KiB each, an eighth of the memory.
        let fit = (machine.room / 4).min(machine.memory / 16 / (50 << 10));
        let instances = instances.min(u32::try_from(fit).unwrap_or(u32::MAX)).max(BATCHES);
        Ok(Crowd {
            engines: KINDS
                .iter()
                .map(|_| guests::engine(instances))
                .collect::<wasm_pool::Result<_>>()?,
            memory: Memory::open()?,
            workers,
        })
    }

    pub(super) fn measure(self, meter: &Meter) -> anyhow::Result<()> {
        let share = meter.effort.time(Part::Density) / KINDS.len() as u32;
        // Nobody ends before all are counted: what one kind leaves to the allocator the next one would take for nothing.
        let mut waiting = Vec::new();
        for (kind, engine) in KINDS.iter().zip(&self.engines) {
            meter.passed(Duration::ZERO, &format!("density: {}", kind.what));
            waiting.push(self.fill(kind, engine, meter)?);
            meter.passed(share, &format!("density: {}", kind.what));
        }
        for pool in waiting {
            pool.shutdown(Shutdown::Now);
        }
        Ok(())
    }

    /// A pool full of them.
    fn fill(&self, kind: &Kind, engine: &Engine, meter: &Meter) -> anyhow::Result<Pool> {
        let program = guests::program(engine, kind.name, kind.text)?;
        let pool = Pool::builder(engine).workers(self.workers).build()?;
        // A handle of the host: somebody could still put.
        let queues = QUEUES.map(|name| pool.queues().create_named(name, &QueueOptions::default()));
        let queues = queues.into_iter().collect::<wasm_pool::Result<Vec<_>>>()?;
        let order = Order::new(Role::Gets, 1, 0);
        let setup = guests::setup(&order, kind.talks);
        let batch = engine.instances() / BATCHES;
        let mut density = Density {
            name: kind.name,
            what: kind.what,
            instances: 0,
            private: Vec::new(),
            tables: Vec::new(),
            declared: kind.declared,
            source: self.memory.source(),
        };
        let mut before = None;
        while density.instances + batch <= engine.instances() {
            for _ in 0..batch {
                pool.spawn(&program, std::sync::Arc::clone(&setup))?;
            }
            density.instances += batch;
            rest(|| order.begun.load(Relaxed) == density.instances)?;
            let now = self.memory.read()?;
            if let Some(before) = before.replace(now) {
                let (own, tables) = now.beyond(before);
                density.private.push(own / f64::from(batch));
                density.tables.push(tables / f64::from(batch));
            }
            meter.tell(Message::Density(density.clone()));
        }
        drop(queues);
        Ok(pool)
    }
}

/// Waits until all are there and nobody does anything any more.
fn rest(all: impl Fn() -> bool) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut before = cpu();
    while Instant::now() < until {
        std::thread::park_timeout(LOOK);
        let now = cpu();
        if all() && now.saturating_sub(before) < REST {
            return Ok(());
        }
        before = now;
    }
    None.context("guests that should wait do not come to rest")
}
