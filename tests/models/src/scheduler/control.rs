//! The switch of a life, as queues and the roster use it: whether it stands still, whether it was ended, its place.

use std::time::Instant;

use super::standing::Waiting;
use crate::outcome::Cause;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Life,
    Call,
}

pub(crate) struct Control {
    span: Span,
    born: Instant,
    still: AtomicBool,
    ended: AtomicBool,
    listed: AtomicU32,
}

impl Control {
    pub(super) fn new(span: Span) -> Control {
        Control {
            span,
            born: Instant::now(),
            still: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            listed: AtomicU32::new(u32::MAX),
        }
    }

    pub(crate) fn stand_still(&self, _: Waiting) {
        self.still.store(true, SeqCst);
    }

    pub(crate) fn rouse(&self) {
        self.still.store(false, SeqCst);
    }

    pub(super) fn stands_still(&self) -> bool {
        self.still.load(SeqCst)
    }

    pub(super) fn end(&self, _: Cause) {
        self.ended.store(true, SeqCst);
    }

    pub(super) fn was_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    pub(super) fn span(&self) -> Span {
        self.span
    }

    pub(super) fn born(&self) -> Instant {
        self.born
    }

    pub(super) fn due(&self, _: Instant) -> Option<Instant> {
        None
    }

    pub(super) fn listed(&self) -> u32 {
        self.listed.load(SeqCst)
    }

    pub(super) fn list(&self, place: u32) {
        self.listed.store(place, SeqCst);
    }
}
