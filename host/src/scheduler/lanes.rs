//! The run queue: four first-in-first-out lanes.
//!
//! - *woken*: lives that an event woke, and lives that must end. They go first, so a guest that answers requests is
//!   served at once beside any number of spinning ones, and an end is never late.
//! - *ousted*: lives that have used some of their slice: they gave way to a woken one, or were woken when a fifth of it was
//!   used up. They go on before others begin.
//! - *fresh* and *switched*: lives that have not run yet, and lives that used up their switch interval. They take turns:
//!   neither a flood of starts nor a crowd of spinning guests keeps the other waiting. What a life took beyond its slice and
//!   cannot sit out, since it has ended, those sit out who begin after it: so all who begin get no more time than all who
//!   go on.
//!
//! What goes first is bounded, as long as anybody computes: a life that has run for a switch interval since its last turn from
//! the switched lane stands there again, even when an event woke it, unless all who computed or stood there then have had
//! their turn since. So whoever computes gets as much of the workers as whoever computes and waits by turns. And every 32nd
//! pick passes the woken lane over, so that a flood of events cannot starve the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use async_task::Runnable;
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::control::Control;
use super::hand;
use super::idle::{self, Idle};
use super::life::Start;

/// One turn of one life on a worker.
pub(crate) enum Turn {
    /// The first: the life is made where it runs.
    Start(Box<dyn Start>),
    /// A later one.
    Next(Runnable<Arc<Control>>),
}

impl Turn {
    /// Runs it on this worker.
    pub(super) fn run(self) {
        match self {
            Turn::Start(start) => start.start(),
            Turn::Next(turn) => {
                turn.run();
            }
        }
    }

    /// Its life could run from now on.
    pub(super) fn is_ready(&self) {
        if let Turn::Next(turn) = self {
            turn.metadata().is_ready();
        }
    }
}

/// How often the woken lane is passed over. Measured with 8 spinning guests: more rarely, and an event storm delays them
/// visibly; more often, and a woken guest waits a switch interval too often.
const PASS_OVER_EVERY: u32 = 32;

/// The lanes. All are unbounded, but each life stands in them at most once, so the number of lives bounds them.
pub(crate) struct Lanes {
    woken: (Sender<Turn>, Receiver<Turn>),
    ousted: Tickets,
    fresh: Tickets,
    switched: Tickets,
    rounds: Rounds,
    idle: Idle,
}

/// A lane where lives may stand for long: the turn itself is parked in the control, where [`Control::end`] can take it out
/// and put it into the woken lane. A ticket whose turn is gone is skipped.
type Tickets = (Sender<Arc<Control>>, Receiver<Arc<Control>>);

/// How many have come into the switched lane, how many have left it, and how many run that will come there; and who goes next, of
/// those who begin and those who go on.
#[derive(Default)]
struct Rounds {
    came: AtomicU64,
    left: AtomicU64,
    computing: AtomicUsize,
    /// The last turn was one of the fresh lane.
    fresh_was_last: AtomicBool,
    /// What lives that have ended owe to the switched lane, in parts of a slice.
    owed: AtomicU64,
}

/// Parts of a slice.
pub(super) const PARTS: u64 = 1_000;

/// The lane that a turn belongs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Lane {
    Woken = 0,
    Fresh = 1,
    Switched = 2,
    Ousted = 3,
}

impl Lanes {
    pub(crate) fn new() -> Lanes {
        Lanes {
            woken: unbounded(),
            ousted: unbounded(),
            fresh: unbounded(),
            switched: unbounded(),
            rounds: Rounds::default(),
            idle: Idle::new(idle::LOOKS),
        }
    }

    /// Queues a turn of `control`'s life in the lane where it belongs.
    pub(super) fn push(&self, turn: Turn, control: &Arc<Control>) {
        let lane = match control.lane(self) {
            Lane::Woken => {
                if let Err(turn) = hand::keep(self, turn) {
                    control.is_ready();
                    self.push_first(turn);
                }
                return;
            }
            Lane::Ousted => &self.ousted,
            Lane::Fresh => &self.fresh,
            Lane::Switched => {
                self.rounds.came.fetch_add(1, Ordering::Relaxed);
                &self.switched
            }
        };
        control.is_ready();
        control.park(turn);
        // Both ends live in this struct: sending cannot fail.
        let _ = lane.0.send(Arc::clone(control));
        if control.cause().is_some()
            && let Some(turn) = control.unpark()
        {
            // Ended between the lines above; whoever ended it may have found nothing parked.
            self.push_first(turn);
            return;
        }
        self.idle.queued();
    }

    /// A life that runs computes: its slice has seen a tick.
    pub(super) fn computes(&self) {
        self.rounds.computing.fetch_add(1, Ordering::Relaxed);
    }

    /// Its slice is over.
    pub(super) fn computes_no_more(&self) {
        self.rounds.computing.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether anybody computes, or waits to go on with that.
    pub(super) fn anybody_computes(&self) -> bool {
        self.rounds.computing.load(Ordering::Relaxed) > 0 || !self.ousted.1.is_empty() || !self.switched.1.is_empty()
    }

    /// The end of the switched lane when all have come there who compute now.
    pub(super) fn mark(&self) -> u64 {
        self.rounds.came.load(Ordering::Relaxed) + self.rounds.computing.load(Ordering::Relaxed) as u64
    }

    /// Whether so many have had their turn from the switched lane.
    pub(super) fn has_reached(&self, mark: u64) -> bool {
        self.rounds.left.load(Ordering::Relaxed) >= mark
    }

    /// Queues a turn in the woken lane.
    pub(crate) fn push_first(&self, turn: Turn) {
        let _ = self.woken.0.send(turn);
        self.idle.queued();
    }

    /// Whether any life waits for a worker.
    pub(super) fn anybody_waits(&self) -> bool {
        !(self.woken.1.is_empty() && self.ousted.1.is_empty() && self.fresh.1.is_empty() && self.switched.1.is_empty())
    }

    /// Whether a woken life waits for a worker.
    pub(super) fn anybody_woken(&self) -> bool {
        !self.woken.1.is_empty()
    }

    /// The next turn for a worker that has taken `picks` before; waits for one, after a call of `idle`. `None` when the
    /// worker must stop.
    pub(crate) fn next(&self, picks: u32, mut idle: impl FnMut()) -> Option<Turn> {
        loop {
            if let Some(turn) = self.ready(picks) {
                return Some(turn);
            }
            idle();
            if !self.idle.wait(|| self.anybody_waits()) {
                return None;
            }
        }
    }

    fn ready(&self, picks: u32) -> Option<Turn> {
        let woken = || self.woken.1.try_recv().ok();
        let others = || {
            take(&self.ousted).or_else(|| match self.fresh_is_next() {
                true => self.take_fresh().or_else(|| self.take_switched()),
                false => self.take_switched().or_else(|| self.take_fresh()),
            })
        };
        if picks % PASS_OVER_EVERY == PASS_OVER_EVERY - 1 {
            others().or_else(woken)
        } else {
            woken().or_else(others)
        }
    }

    /// A life has ended and owes so many parts of a slice; all that have ended owe no more than `most`.
    pub(super) fn owe(&self, parts: u64, most: u64) {
        let add = |owed: u64| Some(owed.saturating_add(parts).min(most));
        let _ = self.rounds.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Whether somebody begins before anybody of the switched lane goes on.
    fn fresh_is_next(&self) -> bool {
        if self.switched.1.is_empty() {
            // There is nobody to whom it is owed.
            self.rounds.owed.store(0, Ordering::Relaxed);
            return true;
        }
        !self.rounds.fresh_was_last.load(Ordering::Relaxed) && self.rounds.owed.load(Ordering::Relaxed) < PARTS
    }

    /// The first turn of the fresh lane.
    fn take_fresh(&self) -> Option<Turn> {
        let turn = take(&self.fresh)?;
        self.rounds.fresh_was_last.store(true, Ordering::Relaxed);
        Some(turn)
    }

    /// Somebody has a turn from the switched lane.
    fn pay(&self) {
        self.rounds.fresh_was_last.store(false, Ordering::Relaxed);
        if self.rounds.owed.load(Ordering::Relaxed) > 0 {
            let pay = |owed: u64| Some(owed.saturating_sub(PARTS));
            let _ = self.rounds.owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay);
        }
    }

    /// The first turn of the switched lane of a life that owes no more than its last slice.
    fn take_switched(&self) -> Option<Turn> {
        loop {
            let ticket = self.switched.1.try_recv().ok()?;
            self.rounds.left.fetch_add(1, Ordering::Relaxed);
            if !ticket.new_round(self) {
                self.rounds.came.fetch_add(1, Ordering::Relaxed);
                let _ = self.switched.0.send(ticket);
            } else if let Some(turn) = ticket.unpark() {
                self.pay();
                return Some(turn);
            }
        }
    }

    /// Tells the workers to stop when they find the lanes empty.
    pub(crate) fn close(&self) {
        self.idle.close();
    }
}

/// The first turn of a lane that is still parked.
fn take(lane: &Tickets) -> Option<Turn> {
    loop {
        let ticket = lane.1.try_recv().ok()?;
        if let Some(turn) = ticket.unpark() {
            return Some(turn);
        }
    }
}
