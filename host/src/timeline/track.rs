//! What is recorded of a life where the life is at hand: who it is in the record, and what it does now.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::waits::{Code, WaitsFor};

/// What an interpreter does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was made and has not begun.
    Made,
    /// It could run, and waits for a worker.
    Ready,
    /// It runs, on the worker with this number.
    Running(usize),
    /// It waits.
    Waiting(WaitsFor),
}

/// A life's own part of the record. Written by the worker that runs it and by whoever wakes it, never by both at once; read by
/// anybody, who may see a moment ago.
pub(crate) struct Track {
    /// Its place in the record; [`NOBODY`](Track::NOBODY).
    life: AtomicU32,
    /// Its last piece in the log of the worker that ran it last.
    last: AtomicU32,
    /// When it was made, in nanoseconds of the recorder; the times below are counted from then.
    born: AtomicU64,
    /// When it was woken for its next turn; 0: it was not, or goes on without waiting.
    woken: AtomicU64,
    state: AtomicU64,
    since: AtomicU64,
}

const MADE: u64 = 0;
const RUNNING: u64 = 8 << 32;

impl Track {
    /// A life that has no place of its own in the record.
    pub(crate) const NOBODY: u32 = u32::MAX;

    pub(crate) fn new() -> Track {
        Track {
            life: AtomicU32::new(Track::NOBODY),
            last: AtomicU32::new(u32::MAX),
            born: AtomicU64::new(0),
            woken: AtomicU64::new(0),
            state: AtomicU64::new(MADE),
            since: AtomicU64::new(0),
        }
    }

    pub(super) fn enter(&self, life: u32, born: u64) {
        self.life.store(life, Relaxed);
        self.born.store(born, Relaxed);
    }

    pub(super) fn life(&self) -> u32 {
        self.life.load(Relaxed)
    }

    pub(super) fn born(&self) -> u64 {
        self.born.load(Relaxed)
    }

    pub(super) fn last(&self) -> u32 {
        self.last.load(Relaxed)
    }

    pub(super) fn set_last(&self, piece: u32) {
        self.last.store(piece, Relaxed);
    }

    /// It could run from now on.
    pub(super) fn wakes(&self, now: u64) {
        self.woken.store(now, Relaxed);
        self.set(Code::TURN.word(), now);
    }

    /// It runs.
    pub(super) fn runs(&self, worker: usize, now: u64) {
        self.set(RUNNING | worker as u64 & u64::from(u32::MAX), now);
    }

    /// It waits, or gave way; since when it had waited for the turn that is over, if it had.
    pub(super) fn rests(&self, code: Code, now: u64) -> Option<u64> {
        self.set(code.word(), now);
        let woken = self.woken.load(Relaxed);
        if woken != 0 {
            self.woken.store(0, Relaxed);
        }
        (woken != 0).then_some(woken)
    }

    fn set(&self, state: u64, now: u64) {
        self.state.store(state, Relaxed);
        self.since.store(now, Relaxed);
    }

    /// What it does, and since when, counted from when it was made.
    pub(crate) fn state(&self) -> (State, Duration) {
        let (state, since) = (self.state.load(Relaxed), self.since.load(Relaxed));
        let state = match state {
            MADE => State::Made,
            state if state & RUNNING == RUNNING => State::Running((state & u64::from(u32::MAX)) as usize),
            state => Code::from_word(state).waits_for().map_or(State::Ready, State::Waiting),
        };
        (state, Duration::from_nanos(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_made_ready_running_and_waiting() {
        let track = Track::new();
        let state = || track.state().0;
        assert_eq!(state(), State::Made);
        track.wakes(5);
        assert_eq!(state(), State::Ready);
        track.runs(3, 7);
        assert_eq!(track.state(), (State::Running(3), Duration::from_nanos(7)));
        assert_eq!(track.rests(Code::from(WaitsFor::Poll), 9), Some(5));
        assert_eq!(state(), State::Waiting(WaitsFor::Poll));
        // The next turn came without a wait.
        track.runs(0, 9);
        assert_eq!(track.rests(Code::TURN, 10), None);
        assert_eq!(state(), State::Ready);
    }
}
