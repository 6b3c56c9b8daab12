//! One OS thread that runs guests.

use std::sync::Arc;

use super::{Hub, hand};

/// A worker before it runs on its thread.
pub(super) struct Worker {
    hub: Arc<Hub>,
    number: usize,
    reactor: tokio::runtime::Handle,
}

impl Worker {
    pub(super) fn new(hub: &Arc<Hub>, number: usize, reactor: &tokio::runtime::Handle) -> Worker {
        Worker {
            hub: Arc::clone(hub),
            number,
            reactor: reactor.clone(),
        }
    }

    /// Runs lives until the scheduler stops.
    pub(super) fn run(self) {
        let Worker { hub, number, reactor } = self;
        // WASI's timers and sockets find their reactor through the thread.
        let _entered = reactor.enter();
        crate::stack::has_fibers();
        crate::timeline::this_is_worker(number);
        let mut picks = 0u32;
        let next = |picks| hand::take().or_else(|| hub.lanes.next(picks, || hub.clock.idle(number)));
        while let Some(turn) = next(picks) {
            picks = picks.wrapping_add(1);
            hub.clock.busy(number);
            turn.run();
        }
        hub.clock.idle(number);
    }
}
