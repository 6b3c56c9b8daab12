//! The life that a worker has at hand: one that the life before it woke, and that runs next without queueing.
//!
//! Two guests that answer each other would otherwise cross from core to core at every message, and wake a sleeping worker
//! each time, which costs more than the message. So a life that is woken by one that is about to wait anyway is kept for the
//! same worker. What keeps that harmless:
//!
//! - only while no other life waits for a worker, so nobody is overtaken;
//! - only of a life that, when it woke somebody before, soon waited itself; one that went on computing wakes for all;
//! - at the next tick what is still at hand goes to the lanes, where any worker takes it.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::lanes::{Lanes, Turn};

/// A life that waits this soon after it woke another one is expected to do so again. About what it costs to wake a worker.
const SOON: Duration = Duration::from_micros(20);

thread_local! {
    static HAND: Cell<Option<Turn>> = const { Cell::new(None) };
    static SLICE: Cell<Option<Slice>> = const { Cell::new(None) };
}

/// The slice that runs on this thread.
#[derive(Clone, Copy)]
struct Slice {
    /// Which executor's, by the address of its lanes.
    lanes: usize,
    /// Whom it wakes is for all workers.
    shares: bool,
    /// When it first woke somebody.
    woke: Option<Instant>,
}

/// A slice begins on this thread, of a life of which `shares` was said before.
pub(super) fn begin(lanes: &Lanes, shares: bool) {
    SLICE.set(Some(Slice {
        lanes: address(lanes),
        shares,
        woke: None,
    }));
}

/// The slice is over; whether whom the life wakes next time is for all workers, if it woke anybody.
pub(super) fn end() -> Option<bool> {
    let woke = SLICE.take()?.woke?;
    Some(woke.elapsed() > SOON)
}

/// Keeps a woken life at hand, or gives it back.
pub(super) fn keep(lanes: &Lanes, turn: Turn) -> Result<(), Turn> {
    let Some(slice) = SLICE.get().filter(|slice| slice.lanes == address(lanes)) else {
        return Err(turn);
    };
    if slice.woke.is_none() {
        SLICE.set(Some(Slice {
            woke: Some(Instant::now()),
            ..slice
        }));
    }
    if slice.shares || lanes.anybody_waits() {
        return Err(turn);
    }
    match HAND.take() {
        None => {
            HAND.set(Some(turn));
            Ok(())
        }
        held => {
            HAND.set(held);
            Err(turn)
        }
    }
}

/// What is at hand.
pub(super) fn take() -> Option<Turn> {
    HAND.take()
}

fn address(lanes: &Lanes) -> usize {
    std::ptr::from_ref(lanes).addr()
}
