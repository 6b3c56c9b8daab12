//! The run queue: two first-in-first-out lanes.
//!
//! Lane one holds lives that an event woke (and new ones); lane two holds lives that used up their switch interval. A
//! guest that answers requests is therefore served at once beside any number of spinning ones. Every 32nd pick takes
//! lane two first, so that a flood of events cannot starve those either.

use std::sync::Arc;

use async_task::Runnable;
use crossbeam_channel::{Receiver, Sender, TryRecvError, select_biased, unbounded};

use super::control::Control;

/// One turn of one life on a worker.
pub(crate) type Turn = Runnable<Arc<Control>>;

/// How often lane two goes first. Measured with 8 spinning guests: rarer, and an event storm delays them visibly;
/// more often, and a woken guest waits a switch interval too often.
const SECOND_LANE_EVERY: u32 = 32;

/// The two lanes. Both are unbounded, but each life stands in them at most once, so the number of lives bounds them.
pub(crate) struct Lanes {
    woken: (Sender<Turn>, Receiver<Turn>),
    /// Tickets: the turn itself is parked in the control, where `end` can take it out and put it into lane one. A
    /// ticket whose turn is gone is skipped.
    switched: (Sender<Arc<Control>>, Receiver<Arc<Control>>),
    stop: (Sender<()>, Receiver<()>),
}

impl Lanes {
    pub(crate) fn new() -> Lanes {
        Lanes {
            woken: unbounded(),
            switched: unbounded(),
            stop: unbounded(),
        }
    }

    /// Queues a turn in the lane where it belongs.
    pub(crate) fn push(&self, turn: Turn) {
        let control = Arc::clone(turn.metadata());
        if control.was_switched_out() {
            control.park(turn);
            if control.cause().is_some() {
                // Ended between the two lines above; whoever ended it may have found nothing parked.
                if let Some(turn) = control.unpark() {
                    self.push_first(turn);
                }
                return;
            }
            // Both ends live in this struct: sending cannot fail.
            let _ = self.switched.0.send(control);
        } else {
            self.push_first(turn);
        }
    }

    /// Queues a turn in lane one.
    pub(crate) fn push_first(&self, turn: Turn) {
        let _ = self.woken.0.send(turn);
    }

    /// The next turn for a worker that has taken `picks` before; waits for one. `None` when the worker must stop.
    pub(crate) fn next(&self, picks: u32, mut idle: impl FnMut()) -> Option<Turn> {
        let second_first = picks % SECOND_LANE_EVERY == SECOND_LANE_EVERY - 1;
        loop {
            let ready = if second_first {
                self.take_switched().or_else(|| self.woken.1.try_recv().ok())
            } else {
                self.woken.1.try_recv().ok().or_else(|| self.take_switched())
            };
            if ready.is_some() {
                return ready;
            }
            idle();
            select_biased! {
                recv(self.woken.1) -> turn => return turn.ok(),
                recv(self.switched.1) -> ticket => {
                    if let Some(turn) = ticket.ok().and_then(|control| control.unpark()) {
                        return Some(turn);
                    }
                }
                recv(self.stop.1) -> _ => return None,
            }
        }
    }

    fn take_switched(&self) -> Option<Turn> {
        loop {
            match self.switched.1.try_recv() {
                Ok(control) => match control.unpark() {
                    Some(turn) => return Some(turn),
                    None => continue,
                },
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return None,
            }
        }
    }

    /// Tells `workers` workers to stop when they find the lanes empty.
    pub(crate) fn close(&self, workers: usize) {
        for _ in 0..workers {
            let _ = self.stop.0.send(());
        }
    }
}
