//! What a pool does at the moment: its interpreters, its named queues, its workers.
//!
//! [`Pool::status`](crate::Pool::status) looks at everything once, locks nothing for longer than it takes to copy a few numbers,
//! and holds up nobody. What it tells of two interpreters may be some microseconds apart.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytesize::ByteSize;

use crate::interpreter::InterpreterId;
use crate::pool::Pool;
use crate::queue::QueueId;
use crate::timeline::{Recorder, State};

/// What a pool does at the moment.
#[derive(Debug, Clone)]
pub struct Status {
    /// The interpreters that have not ended, in the order in which they were made; the first 65,536 that the pool makes are told of.
    pub interpreters: Vec<InterpreterStatus>,
    /// The queues that have a name, by their numbers.
    pub queues: Vec<QueueStatus>,
    /// The workers.
    pub workers: Vec<WorkerStatus>,
    /// Linear memory and queued items of all interpreters, at the moment.
    pub memory: ByteSize,
}

/// One interpreter.
#[derive(Debug, Clone)]
pub struct InterpreterStatus {
    /// Who it is in its pool.
    pub id: InterpreterId,
    /// Its program.
    pub program: std::sync::Arc<str>,
    /// What it does.
    pub state: State,
    /// For how long.
    pub since: Duration,
    /// Its age.
    pub wall: Duration,
    /// Processor time of its turns that are over, and of the one that it is in as the clock on the wall has it.
    pub cpu: Duration,
    /// The most linear memory that it has had.
    pub peak_memory: ByteSize,
}

/// One named queue.
#[derive(Debug, Clone)]
pub struct QueueStatus {
    /// Its number in its pool.
    pub id: QueueId,
    /// Its name.
    pub name: String,
    /// How many items it holds.
    pub items: usize,
    /// What they weigh, with what is left of items whose sender has ended.
    pub bytes: ByteSize,
    /// How many wait for an item.
    pub getters: usize,
    /// How many wait for room.
    pub putters: usize,
    /// Whether it is closed.
    pub closed: bool,
}

/// One worker.
#[derive(Debug, Clone, Default)]
pub struct WorkerStatus {
    /// How long it has run interpreters.
    pub busy: Duration,
    /// Which one it runs.
    pub runs: Option<InterpreterId>,
}

impl Pool {
    /// What the pool does at the moment; `None` unless it was built to [record](crate::pool::PoolBuilder::timeline) what its
    /// interpreters do.
    pub fn status(&self) -> Option<Status> {
        let recorder = self.commons().hub.recorder.as_ref()?;
        let interpreters = interpreters(recorder);
        let mut queues: Vec<_> = self.queues().named().iter().map(|queue| queue.status()).collect();
        queues.sort_by_key(|queue| queue.id);
        Some(Status {
            workers: workers(recorder, &interpreters),
            interpreters,
            queues,
            memory: ByteSize::b(self.budget().used()),
        })
    }
}

fn interpreters(recorder: &Recorder) -> Vec<InterpreterStatus> {
    let now = Instant::now();
    let alive = recorder.alive().into_iter();
    let told = alive.filter_map(|entry| {
        let control = entry.control.upgrade()?;
        let wall = now.saturating_duration_since(control.born());
        let (state, from) = control.track().state();
        let since = wall.saturating_sub(from);
        let in_turn = match state {
            State::Running(_) => since,
            _ => Duration::ZERO,
        };
        let peak = entry.vitals.upgrade();
        let peak = peak.map_or(0, |vitals| vitals.peak_memory.load(Relaxed));
        Some(InterpreterStatus {
            id: entry.id,
            program: entry.program,
            state,
            since,
            wall,
            cpu: control.cpu() + in_turn,
            peak_memory: ByteSize::b(peak),
        })
    });
    told.collect()
}

fn workers(recorder: &Recorder, interpreters: &[InterpreterStatus]) -> Vec<WorkerStatus> {
    let busy = |worker| WorkerStatus {
        busy: Duration::from_nanos(recorder.busy(worker)),
        runs: None,
    };
    let mut workers: Vec<_> = (0..recorder.workers()).map(busy).collect();
    for interpreter in interpreters {
        if let State::Running(number) = interpreter.state
            && let Some(worker) = workers.get_mut(number)
        {
            worker.busy += interpreter.since;
            worker.runs = Some(interpreter.id);
        }
    }
    workers
}
