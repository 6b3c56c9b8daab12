//! The run queue: three first-in-first-out lanes.
//!
//! - *woken*: lives that an event woke, and lives that must end. They go first, so a guest that answers requests is
//!   served at once beside any number of spinning ones, and an end is never late.
//! - *fresh* and *switched*: lives that have not run yet, and lives that used up their switch interval. They take turns:
//!   neither a flood of starts nor a crowd of spinning guests keeps the other waiting.
//!
//! Every 32nd pick passes the woken lane over, so that a flood of events cannot starve the other two.

use std::sync::Arc;

use async_task::Runnable;
use crossbeam_channel::{Receiver, Sender, select_biased, unbounded};

use super::control::Control;
use super::hand;

/// One turn of one life on a worker.
pub(crate) type Turn = Runnable<Arc<Control>>;

/// How often the woken lane is passed over. Measured with 8 spinning guests: more rarely, and an event storm delays them
/// visibly; more often, and a woken guest waits a switch interval too often.
const PASS_OVER_EVERY: u32 = 32;

/// The lanes. All are unbounded, but each life stands in them at most once, so the number of lives bounds them.
pub(crate) struct Lanes {
    woken: (Sender<Turn>, Receiver<Turn>),
    fresh: Tickets,
    switched: Tickets,
    stop: (Sender<()>, Receiver<()>),
}

/// A lane where lives may stand for long: the turn itself is parked in the control, where [`Control::end`] can take it out
/// and put it into the woken lane. A ticket whose turn is gone is skipped.
type Tickets = (Sender<Arc<Control>>, Receiver<Arc<Control>>);

/// The lane that a turn belongs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Lane {
    Woken = 0,
    Fresh = 1,
    Switched = 2,
}

impl Lanes {
    pub(crate) fn new() -> Lanes {
        Lanes {
            woken: unbounded(),
            fresh: unbounded(),
            switched: unbounded(),
            stop: unbounded(),
        }
    }

    /// Queues a turn of `control`'s life in the lane where it belongs.
    pub(super) fn push(&self, turn: Turn, control: &Arc<Control>) {
        let lane = match control.lane() {
            Lane::Woken => {
                if let Err(turn) = hand::keep(self, turn) {
                    self.push_first(turn);
                }
                return;
            }
            Lane::Fresh => &self.fresh,
            Lane::Switched => &self.switched,
        };
        control.park(turn);
        if control.cause().is_some() {
            // Ended between the lines above; whoever ended it may have found nothing parked.
            if let Some(turn) = control.unpark() {
                self.push_first(turn);
            }
            return;
        }
        // Both ends live in this struct: sending cannot fail.
        let _ = lane.0.send(Arc::clone(control));
    }

    /// Queues a turn in the woken lane.
    pub(crate) fn push_first(&self, turn: Turn) {
        let _ = self.woken.0.send(turn);
    }

    /// Whether any life waits for a worker.
    pub(super) fn anybody_waits(&self) -> bool {
        !(self.woken.1.is_empty() && self.fresh.1.is_empty() && self.switched.1.is_empty())
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
            select_biased! {
                recv(self.woken.1) -> turn => return turn.ok(),
                recv(self.fresh.1) -> ticket => if let Some(turn) = redeem(ticket.ok()) { return Some(turn) },
                recv(self.switched.1) -> ticket => if let Some(turn) = redeem(ticket.ok()) { return Some(turn) },
                recv(self.stop.1) -> _ => return None,
            }
        }
    }

    fn ready(&self, picks: u32) -> Option<Turn> {
        let woken = || self.woken.1.try_recv().ok();
        let (first, second) = if picks.is_multiple_of(2) {
            (&self.fresh, &self.switched)
        } else {
            (&self.switched, &self.fresh)
        };
        let others = || take(first).or_else(|| take(second));
        if picks % PASS_OVER_EVERY == PASS_OVER_EVERY - 1 {
            others().or_else(woken)
        } else {
            woken().or_else(others)
        }
    }

    /// Tells `workers` workers to stop when they find the lanes empty.
    pub(crate) fn close(&self, workers: usize) {
        for _ in 0..workers {
            let _ = self.stop.0.send(());
        }
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

fn redeem(ticket: Option<Arc<Control>>) -> Option<Turn> {
    ticket.and_then(|control| control.unpark())
}
