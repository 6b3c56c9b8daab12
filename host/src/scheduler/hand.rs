//! The life that a worker has at hand: one that the life before it woke, and that runs next without queueing.
//!
//! Two guests that answer each other would otherwise cross from core to core at every message, and wake a sleeping worker
//! each time, which costs more than the message. So a life that is woken by one that is about to wait anyway is kept for the
//! same worker. What keeps that harmless:
//!
//! - only while no other life waits for a worker, so nobody is overtaken;
//! - only of a life whose slice was short when it woke somebody before; one that went on computing wakes for all;
//! - at the next tick what is still at hand goes to the lanes, where any worker takes it.

use std::cell::Cell;

use super::lanes::{Lanes, Turn};

/// A life that waited this soon, in nanoseconds, in a slice in which it woke another one, is expected to do so again. Some
/// times what it costs to wake a worker.
const SOON: u64 = 20_000;

thread_local! {
    static HAND: Cell<Option<Turn>> = const { Cell::new(None) };
    static SLICE: Cell<Option<Slice>> = const { Cell::new(None) };
}

/// The slice that runs on this thread.
#[derive(Clone, Copy)]
struct Slice {
    /// Which scheduler's, by the address of its lanes.
    lanes: usize,
    /// Whom it wakes is for all workers.
    shares: bool,
    /// It has woken somebody.
    woke: bool,
}

/// A slice begins on this thread, of a life of which `shares` was said before.
pub(super) fn begin(lanes: &Lanes, shares: bool) {
    SLICE.set(Some(Slice {
        lanes: address(lanes),
        shares,
        woke: false,
    }));
}

/// The slice is over after so many nanoseconds; whether whom the life wakes next time is for all workers, if it woke anybody.
pub(super) fn end(wall: u64) -> Option<bool> {
    let slice = SLICE.take()?;
    slice.woke.then_some(wall > SOON)
}

/// Keeps a woken life at hand, or gives it back.
pub(super) fn keep(lanes: &Lanes, turn: Turn) -> Result<(), Turn> {
    let Some(slice) = SLICE.get().filter(|slice| slice.lanes == address(lanes)) else {
        return Err(turn);
    };
    SLICE.set(Some(Slice { woke: true, ..slice }));
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
