//! The record, told life by life and worker by worker.
//!
//! Invariants: the stretches of a life follow each other without a gap from when it was made to its end; those of a worker
//! never overlap. Where turns were merged, the lengths within a stretch are exact and their places are not.

use std::collections::HashMap;
use std::time::Duration;

use super::depth::Watched;
use super::log::Piece;
use super::recorder::{Ended, Entry};
use super::track::Track;
use super::waits::WaitsFor;
use crate::interpreter::InterpreterId;
use crate::queue::QueueId;
use crate::text;

/// What the interpreters of a pool did, and when: [`Pool::timeline`](crate::Pool::timeline). Times are counted from when the pool
/// was made.
#[derive(Debug, Clone)]
pub struct Timeline {
    pub(super) until: u64,
    pub(super) lives: Vec<Life>,
    pub(super) workers: Vec<Worker>,
    pub(super) depths: Vec<Depth>,
    pub(super) labels: HashMap<QueueId, String>,
    /// Lives without a line of their own, turns that were left out, and how close turns are that became one.
    pub(super) more: u64,
    pub(super) lost: u64,
    pub(super) grain: u64,
}

/// One interpreter's part.
#[derive(Debug, Clone)]
pub struct Life {
    /// Who it is in its pool.
    pub id: InterpreterId,
    /// What it is called: at first its program's name and its number; control characters are made visible.
    pub name: String,
    /// When it was made.
    pub made: Duration,
    /// When it ended, and the [outcome's label](crate::Outcome::label); `None` while it lives, and for one that makes calls for an
    /// executor.
    pub ended: Option<(Duration, String)>,
    /// Whether that was no failure.
    pub well: bool,
    /// How often it was on a worker.
    pub turns: u64,
    /// Processor time of those turns.
    pub cpu: Duration,
    /// What it did, one after the other.
    pub stretches: Vec<Stretch>,
}

/// A time in which an interpreter did one thing, or several that are not told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// From when.
    pub from: Duration,
    /// Until when.
    pub to: Duration,
    /// What it did.
    pub does: Does,
}

/// What an interpreter did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// It ran on this worker.
    Runs(usize),
    /// It could run, and waited for a worker.
    Ready,
    /// It waited.
    Waits(WaitsFor),
    /// Short turns that were merged.
    Mixed {
        /// How many.
        turns: u64,
        /// How long it ran.
        ran: Duration,
        /// How long it waited for a worker; the rest of the stretch it waited for something else.
        ready: Duration,
        /// What it waited for at the end.
        waits: Option<WaitsFor>,
    },
}

/// A thread that ran guests.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub name: String,
    pub shifts: Vec<Shift>,
}

/// A worker's time with one life, or with several that are not told apart.
#[derive(Debug, Clone)]
pub(super) struct Shift {
    pub from: u64,
    pub to: u64,
    /// Whose, by its place among the lives; `None`: of several, or of one that has no line.
    pub life: Option<usize>,
    pub ran: u64,
    pub turns: u64,
}

/// How many items lay in a queue from when on.
#[derive(Debug, Clone)]
pub(super) struct Depth {
    pub name: String,
    pub samples: Vec<(u64, u64)>,
}

/// What the recorder has.
pub(super) struct Recorded {
    pub until: u64,
    pub entries: Vec<Entry>,
    pub more: u64,
    pub logs: Vec<Vec<Piece>>,
    pub workers: usize,
    pub lost: u64,
    pub grain: u64,
    pub depths: Vec<Watched>,
    pub labels: Vec<(QueueId, String)>,
}

impl Timeline {
    pub(super) fn new(recorded: Recorded) -> Timeline {
        let Recorded {
            until, entries, logs, ..
        } = recorded;
        let mut of_life: Vec<Vec<(usize, Piece)>> = vec![Vec::new(); entries.len()];
        for (worker, log) in logs.iter().enumerate() {
            for piece in log {
                if let Some(pieces) = of_life.get_mut(piece.life as usize) {
                    pieces.push((worker, *piece));
                }
            }
        }
        let lives = entries.into_iter().zip(of_life);
        let lives = lives.map(|(entry, pieces)| life(entry, pieces, until)).collect();
        let workers = workers(logs, recorded.workers);
        let mut depths = recorded.depths;
        depths.sort_by_key(|queue| queue.id);
        let depths = depths.into_iter().map(|queue| Depth {
            name: text::one_line(&queue.name),
            samples: queue.samples,
        });
        Timeline {
            until,
            lives,
            workers,
            depths: depths.collect(),
            labels: recorded.labels.into_iter().collect(),
            more: recorded.more,
            lost: recorded.lost,
            grain: recorded.grain,
        }
    }

    /// The interpreters, in the order in which they were made. There are at most 65,536: the turns of later ones are seen on their
    /// workers only.
    pub fn interpreters(&self) -> &[Life] {
        &self.lives
    }

    /// Calls an interpreter by another name than its program's.
    pub fn name(&mut self, id: InterpreterId, name: &str) {
        if let Some(life) = self.lives.iter_mut().find(|life| life.id == id) {
            life.name = text::one_line(name);
        }
    }

    /// How close turns are, at most, that became one since the record was full; zero when all of it is there.
    pub fn grain(&self) -> Duration {
        Duration::from_nanos(self.grain)
    }

    /// What a wait is called: `get from queue "work"`.
    pub(super) fn wait(&self, waits: WaitsFor) -> String {
        let queue = |id: QueueId| self.labels.get(&id).cloned().unwrap_or_else(|| format!("queue {id}"));
        match waits {
            WaitsFor::Item(id) => format!("get from {}", queue(id)),
            WaitsFor::Room(id) => format!("put into {}", queue(id)),
            WaitsFor::Poll => "sleep or poll".to_owned(),
            WaitsFor::Call(id) => match self.lives.iter().find(|life| life.id == id) {
                Some(life) => format!("call of {}", life.name),
                None => format!("call of interpreter {id}"),
            },
            WaitsFor::ToBeCalled => "to be called".to_owned(),
            WaitsFor::HostCall => "file or stream".to_owned(),
        }
    }
}

impl Life {
    /// How long it ran, waited for a worker, and waited for something else.
    pub fn sums(&self) -> [Duration; 3] {
        let mut sums = [Duration::ZERO; 3];
        for stretch in &self.stretches {
            for (sum, part) in sums.iter_mut().zip(stretch.parts()) {
                *sum += part;
            }
        }
        sums
    }
}

impl Stretch {
    /// How long it ran, waited for a worker, and waited for something else.
    pub(super) fn parts(&self) -> [Duration; 3] {
        let (all, none) = (self.to - self.from, Duration::ZERO);
        match &self.does {
            Does::Runs(_) => [all, none, none],
            Does::Ready => [none, all, none],
            Does::Waits(_) => [none, none, all],
            Does::Mixed { ran, ready, .. } => [*ran, *ready, all.saturating_sub(*ran + *ready)],
        }
    }
}

fn life(entry: Entry, mut pieces: Vec<(usize, Piece)>, until: u64) -> Life {
    let Entry {
        id,
        program,
        born,
        ended,
        ..
    } = entry;
    pieces.sort_by_key(|(_, piece)| piece.woken);
    let turns = pieces.iter().map(|(_, piece)| u64::from(piece.turns)).sum();
    let cpu = pieces.iter().map(|(_, piece)| piece.cpu).sum();
    let end = ended.as_ref().map_or(until, |(at, _)| *at).max(born);
    let (label, well) = match &ended {
        Some((_, Ended { label, well })) => (label.clone(), *well),
        None => (String::new(), true),
    };
    Life {
        id,
        name: text::one_line(&format!("{program} {id}")),
        made: Duration::from_nanos(born),
        ended: ended.map(|(at, _)| (Duration::from_nanos(at), label)),
        well,
        turns,
        cpu: Duration::from_nanos(cpu),
        stretches: stretches(&merged(pieces), born, end),
    }
}

/// Pieces that lie within each other, since they were merged on two workers, become one; its worker is `None`.
fn merged(pieces: Vec<(usize, Piece)>) -> Vec<(Option<usize>, Piece)> {
    let mut all: Vec<(Option<usize>, Piece)> = Vec::with_capacity(pieces.len());
    for (worker, piece) in pieces {
        match all.last_mut() {
            Some((on, before)) if piece.woken < before.ended => {
                *on = None;
                before.take_in(&piece);
            }
            _ => all.push(((piece.turns == 1).then_some(worker), piece)),
        }
    }
    all
}

fn stretches(pieces: &[(Option<usize>, Piece)], born: u64, end: u64) -> Vec<Stretch> {
    let mut all = Vec::with_capacity(pieces.len() * 2 + 1);
    let mut at = born;
    let mut add = |to: u64, does: Does| {
        let (from, to) = (at, to.clamp(at, end));
        if to > from {
            let (from, to) = (Duration::from_nanos(from), Duration::from_nanos(to));
            all.push(Stretch { from, to, does });
        }
        at = to;
    };
    // Before its first turn it can only wait for a worker.
    let mut rests = Does::Ready;
    for (worker, piece) in pieces {
        add(piece.woken, rests);
        let waits = piece.then.waits_for();
        match worker {
            Some(worker) => {
                add(piece.began, Does::Ready);
                add(piece.ended, Does::Runs(*worker));
            }
            None => add(
                piece.ended,
                Does::Mixed {
                    turns: piece.turns.into(),
                    ran: Duration::from_nanos(piece.ran),
                    ready: Duration::from_nanos(piece.ready),
                    waits,
                },
            ),
        }
        rests = waits.map_or(Does::Ready, Does::Waits);
    }
    add(end, rests);
    all
}

/// The workers; behind them the threads that called directly, if any did, and then only those workers that ran something too.
fn workers(logs: Vec<Vec<Piece>>, workers: usize) -> Vec<Worker> {
    let calls = logs.iter().skip(workers).any(|log| !log.is_empty());
    let logs = logs.into_iter().enumerate();
    let worker = |(number, log): (usize, Vec<Piece>)| {
        let is_call = number >= workers;
        let name = match is_call {
            true => format!("call thread {}", number - workers),
            false => format!("worker {number}"),
        };
        let shown = !log.is_empty() || !(is_call || calls);
        shown.then(|| Worker {
            name,
            shifts: shifts(log),
        })
    };
    logs.filter_map(worker).collect()
}

/// What a worker ran, one after the other.
fn shifts(mut pieces: Vec<Piece>) -> Vec<Shift> {
    pieces.sort_by_key(|piece| piece.began);
    let mut all: Vec<Shift> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let life = (piece.life != Track::NOBODY).then_some(piece.life as usize);
        match all.last_mut() {
            Some(before) if piece.began < before.to => {
                before.to = before.to.max(piece.ended);
                before.ran += piece.ran;
                before.turns += u64::from(piece.turns);
                if before.life != life {
                    before.life = None;
                }
            }
            _ => all.push(Shift {
                from: piece.began,
                to: piece.ended,
                life,
                ran: piece.ran,
                turns: piece.turns.into(),
            }),
        }
    }
    all
}
