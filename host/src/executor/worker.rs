//! One OS thread that runs guests.

use std::sync::Arc;

use super::clock::{Clock, Seat};
use super::lanes::Lanes;

/// A worker before it runs on its thread.
pub(super) struct Worker {
    lanes: Arc<Lanes>,
    seat: Seat,
    reactor: tokio::runtime::Handle,
}

impl Worker {
    pub(super) fn new(
        number: usize,
        lanes: &Arc<Lanes>,
        clock: &Arc<Clock>,
        reactor: &tokio::runtime::Handle,
    ) -> Worker {
        Worker {
            lanes: Arc::clone(lanes),
            seat: Seat::new(clock, number),
            reactor: reactor.clone(),
        }
    }

    /// Runs lives until the executor stops.
    pub(super) fn run(self) {
        // WASI's timers and sockets find their reactor through the thread.
        let _entered = self.reactor.enter();
        let mut picks = 0u32;
        while let Some(turn) = self.lanes.next(picks, || self.seat.idle()) {
            picks = picks.wrapping_add(1);
            self.seat.busy();
            turn.run();
        }
        self.seat.idle();
    }
}
