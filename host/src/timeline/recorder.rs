//! Who writes the record while lives run.
//!
//! Each worker writes into its own log, at the end of a turn, from two looks at the clock that the scheduler takes in any case;
//! a wake costs one look of its own, and only where the life does not go on at once on the worker that woke it. The logs have a
//! lock each, which nobody else takes but whoever looks at the record. A pool that records nothing has no recorder.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use super::Timeline;
use super::depth::Depths;
use super::log::{Log, Piece};
use super::track::Track;
use super::waits;
use crate::interpreter::InterpreterId;
use crate::limiter::Vitals;
use crate::outcome::Ending;
use crate::queue::{Queues, WeakQueues};
use crate::scheduler::control::Control;
use crate::sync::{Mutex, Rank};

/// Pieces for each worker and each thread that calls directly, at 64 bytes: 131,072 for all of them together, but a thousand at
/// the least. They are 8 MiB at most on up to 64 workers.
const PIECES: usize = 1 << 17;
const PIECES_OF_A_WORKER: usize = 1 << 10;

/// Lives that have a line of their own; the turns of others are seen on their workers only.
pub(super) const MOST_LIVES: usize = 1 << 16;

/// What the seats of executors are called; which programs they call changes.
const CALLER: &str = "caller";

/// The record of a pool, while it is written.
pub(crate) struct Recorder {
    epoch: Instant,
    workers: usize,
    /// A log for each worker, then one for each thread that calls directly.
    logs: Box<[OwnLine]>,
    /// Nothing is called under this lock.
    lives: Mutex<Lives>,
    /// Nothing is called under this lock.
    depths: Mutex<Depths>,
    queues: OnceLock<WeakQueues>,
}

/// A log on cache lines of its own.
#[repr(align(128))]
struct OwnLine(Mutex<Log>);

#[derive(Default)]
struct Lives {
    entries: Vec<Entry>,
    /// Lives for which there was no entry.
    more: u64,
}

/// One life in the record.
#[derive(Clone)]
pub(crate) struct Entry {
    pub id: InterpreterId,
    pub program: Arc<str>,
    /// In nanoseconds of the recorder.
    pub born: u64,
    /// When it ended, and how.
    pub ended: Option<(u64, Ended)>,
    pub control: Weak<Control>,
    /// From its first turn on.
    pub vitals: Weak<Vitals>,
}

/// How a life ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub label: String,
    pub well: bool,
}

impl Recorder {
    pub(crate) fn new(workers: usize) -> Recorder {
        let logs = workers * 2;
        let most = (PIECES / logs).max(PIECES_OF_A_WORKER);
        Recorder {
            epoch: Instant::now(),
            workers,
            logs: (0..logs)
                .map(|_| OwnLine(Mutex::new(Rank::Turns, Log::new(most))))
                .collect(),
            lives: Mutex::new(Rank::Lives, Lives::default()),
            depths: Mutex::new(Rank::Depths, Depths::new()),
            queues: OnceLock::new(),
        }
    }

    /// The pool's queues, to look at now and then.
    pub(crate) fn looks_at(&self, queues: &Queues) {
        // Set once, here.
        let _ = self.queues.set(queues.unowned());
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    fn now(&self) -> u64 {
        nanos(self.epoch, Instant::now())
    }

    /// A life was made.
    pub(crate) fn made(&self, control: &Arc<Control>, id: InterpreterId, program: Arc<str>) {
        let born = nanos(self.epoch, control.born());
        let mut lives = self.lives.lock();
        let place = if lives.entries.len() < MOST_LIVES {
            lives.entries.push(Entry {
                id,
                program,
                born,
                ended: None,
                control: Arc::downgrade(control),
                vitals: Weak::new(),
            });
            u32::try_from(lives.entries.len() - 1).unwrap_or(Track::NOBODY)
        } else {
            lives.more += 1;
            Track::NOBODY
        };
        drop(lives);
        control.track().enter(place, born);
    }

    /// What it takes is counted here.
    pub(crate) fn counts_in(&self, track: &Track, vitals: &Arc<Vitals>) {
        if let Some(entry) = self.lives.lock().entries.get_mut(track.life() as usize) {
            entry.vitals = Arc::downgrade(vitals);
        }
    }

    /// A life has ended.
    pub(crate) fn ended(&self, track: &Track, ending: &Ending) {
        let (label, well) = (ending.outcome.label(), ending.outcome.is_success());
        let now = self.now();
        if let Some(entry) = self.lives.lock().entries.get_mut(track.life() as usize) {
            entry.ended = Some((now, Ended { label, well }));
        }
    }

    /// A life begins that makes calls at a seat of an executor; all of a seat's lives are one in the record.
    pub(crate) fn takes_a_turn(&self, seat: &OnceLock<u32>, control: &Arc<Control>, id: InterpreterId) {
        let Some(place) = seat.get() else {
            self.made(control, id, CALLER.into());
            let _ = seat.set(control.track().life());
            return;
        };
        control.track().enter(*place, nanos(self.epoch, control.born()));
        if let Some(entry) = self.lives.lock().entries.get_mut(*place as usize) {
            entry.control = Arc::downgrade(control);
        }
    }

    /// A life could run from now on; `now` is counted from when it was made, as below.
    pub(crate) fn wakes(&self, track: &Track, now: u64) {
        track.wakes(now);
    }

    /// It runs on this worker from now on.
    pub(crate) fn begins(&self, track: &Track, now: u64) {
        // What was said before was not for this turn.
        waits::said();
        track.runs(waits::worker(), now);
    }

    /// Its turn on this worker is over, of which so many nanoseconds are charged to it.
    pub(crate) fn turned(&self, track: &Track, began: u64, ended: u64, cpu: u64) {
        let then = waits::said();
        let woken = track.rests(then, ended).unwrap_or(began);
        let Some(OwnLine(log)) = self.logs.get(waits::worker()) else {
            return;
        };
        let born = track.born();
        let piece = Piece {
            life: track.life(),
            turns: 1,
            then,
            woken: born + woken,
            began: born + began,
            ended: born + ended,
            ran: ended - began,
            ready: began - woken.min(began),
            cpu,
        };
        let at = log.lock().add(piece, track.last());
        track.set_last(at);
    }

    /// How long a worker has run lives, all turns together that are over.
    pub(crate) fn busy(&self, worker: usize) -> u64 {
        self.logs.get(worker).map_or(0, |OwnLine(log)| log.lock().busy())
    }

    /// Looks at the queues, when it is time for that.
    pub(crate) fn tick(&self) {
        let now = self.now();
        if !self.depths.lock().is_due(now) {
            return;
        }
        let Some(queues) = self.queues.get().and_then(WeakQueues::get) else {
            return;
        };
        let seen = queues.named().into_iter().map(|queue| {
            let items = queue.qsize() as u64;
            (queue, items)
        });
        let seen: Vec<_> = seen.collect();
        self.depths.lock().seen(&seen, now);
    }

    /// The lives that are not over.
    pub(crate) fn alive(&self) -> Vec<Entry> {
        let lives = self.lives.lock();
        let alive = lives.entries.iter().filter(|entry| entry.ended.is_none());
        alive.cloned().collect()
    }

    /// What was recorded so far.
    pub(crate) fn timeline(&self) -> Timeline {
        let until = self.now();
        let (entries, more) = {
            let lives = self.lives.lock();
            (lives.entries.clone(), lives.more)
        };
        let mut logs = Vec::with_capacity(self.logs.len());
        let (mut lost, mut grain) = (0, 0);
        for OwnLine(log) in &self.logs {
            let log = log.lock();
            logs.push(log.pieces().to_vec());
            lost += log.lost();
            grain = grain.max(log.grain());
        }
        let depths = self.depths.lock().queues().to_vec();
        let labels = self
            .queues
            .get()
            .and_then(WeakQueues::get)
            .map(|queues| queues.labels());
        Timeline::new(super::story::Recorded {
            until,
            entries,
            more,
            logs,
            workers: self.workers,
            lost,
            grain,
            depths,
            labels: labels.unwrap_or_default(),
        })
    }
}

fn nanos(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}
