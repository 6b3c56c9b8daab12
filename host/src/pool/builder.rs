//! How a pool is made.

use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;

use super::commons::Commons;
use super::{Inner, Pool};
use crate::budget::Budget;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::machine;
use crate::queue::Queues;
use crate::scheduler::Scheduler;
use crate::scheduler::threads::Threads;
use crate::timeline::Recorder;

/// Makes a [`Pool`].
#[derive(Debug)]
pub struct PoolBuilder {
    engine: Engine,
    workers: usize,
    memory: ByteSize,
    queues: u32,
    switch_interval: Duration,
    timeline: bool,
}

impl PoolBuilder {
    pub(super) fn new(engine: &Engine) -> PoolBuilder {
        PoolBuilder {
            engine: engine.clone(),
            workers: machine::cores(),
            memory: Limits::default().pool_memory,
            queues: Limits::default().pool_queues,
            switch_interval: SWITCH_INTERVAL,
            timeline: false,
        }
    }

    /// How many threads run guests. Default: [`machine::cores`].
    pub fn workers(mut self, workers: usize) -> PoolBuilder {
        self.workers = workers;
        self
    }

    /// Linear memory of all interpreters together. Default:
    /// [`Limits::pool_memory`](crate::Limits::pool_memory)'s.
    pub fn memory(mut self, memory: ByteSize) -> PoolBuilder {
        self.memory = memory;
        self
    }

    /// How many queues there may be. Default: [`Limits::pool_queues`](crate::Limits::pool_queues)'s.
    pub fn queues(mut self, queues: u32) -> PoolBuilder {
        self.queues = queues;
        self
    }

    /// How long a guest runs before another one gets its turn. Default: 5 ms, as in CPython.
    pub fn switch_interval(mut self, interval: Duration) -> PoolBuilder {
        self.switch_interval = interval;
        self
    }

    /// Records what every interpreter does when, for [`Pool::timeline`] and [`Pool::status`]; what that costs and what bounds it
    /// stands at [`timeline`](crate::timeline). Default: off.
    pub fn timeline(mut self, on: bool) -> PoolBuilder {
        self.timeline = on;
        self
    }

    /// Starts the pool.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for no workers or more than 1,024; [`ErrorKind::Host`] when the system gives no thread.
    pub fn build(self) -> Result<Pool> {
        if !(1..=MAX_WORKERS).contains(&self.workers) {
            let message = format!("{} workers are outside 1 to {MAX_WORKERS}", self.workers);
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let recorder = self.timeline.then(|| Recorder::new(self.workers));
        let scheduler = Scheduler::start(self.engine.wasmtime(), self.workers, self.switch_interval, recorder)?;
        let stack = self.engine.stack_room() + OWN_STACK;
        let threads = Threads::new(self.workers, self.switch_interval, stack);
        let budget = Budget::new(self.memory.as_u64());
        let timer = scheduler.reactor().clone();
        let commons = Arc::new(Commons {
            engine: self.engine,
            hub: Arc::clone(scheduler.hub()),
            queues: Queues::new(self.queues, &budget, timer, Arc::clone(scheduler.hub())),
            budget,
            threads,
        });
        if let Some(recorder) = &commons.hub.recorder {
            recorder.looks_at(&commons.queues);
        }
        Ok(Pool(Arc::new(Inner {
            commons,
            scheduler,
            workers: self.workers,
        })))
    }
}

/// What a thread for calls takes of its stack before a guest is on it.
const OWN_STACK: usize = 256 << 10;

/// More threads than any machine has cores; a typing error, not a wish.
const MAX_WORKERS: usize = 1_024;

/// As in CPython.
const SWITCH_INTERVAL: Duration = Duration::from_millis(5);
