//! Room for a guest's stack on a thread that others made.
//!
//! Wasmtime gives a guest its whole stack below wherever the thread is when it is called. A thread that has less left than that
//! would meet its guard page first, which ends the process. So a call that holds its thread moves to a stack of its own where
//! the thread's is too short: on a small thread, or in a host function of another call.

use std::cell::Cell;

thread_local! {
    /// Whether guests have fibers here: how much is left of those is not known.
    static FIBERS: Cell<bool> = const { Cell::new(false) };
}

/// This thread runs fibers from now on.
pub(crate) fn has_fibers() {
    FIBERS.set(true);
}

/// Runs `call` with at least so many bytes of stack.
pub(crate) fn with_room<T>(room: usize, call: impl FnOnce() -> T) -> T {
    if FIBERS.get() {
        stacker::grow(room, call)
    } else {
        stacker::maybe_grow(room, room, call)
    }
}
