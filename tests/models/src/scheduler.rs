//! Who sleeps, who lives, and who stands still: the host's idle workers, its roster, and a life that only counts.

#[path = "../../../host/src/scheduler/idle.rs"]
mod idle;
#[path = "../../../host/src/scheduler/roster.rs"]
mod roster;

pub(crate) mod control;
pub(crate) mod standing;

use std::sync::Arc;

use self::control::{Control, Span};
use self::roster::NotListed;

/// What the lives of a pool share.
pub(crate) struct Hub;

/// Who sleeps and who looks out, as the lanes use it.
pub struct Idle(idle::Idle);

impl Idle {
    /// Whoever finds nothing looks so often before he sleeps.
    pub fn new(looks: u32) -> Idle {
        Idle(idle::Idle::new(looks))
    }

    pub fn queued(&self) {
        self.0.queued();
    }

    pub fn wait(&self, waits: impl Fn() -> bool) -> bool {
        self.0.wait(waits)
    }

    pub fn close(&self) {
        self.0.close();
    }
}

/// A life.
#[derive(Clone)]
pub struct Life(Arc<Control>);

impl Life {
    /// One that has its limits for all of it.
    pub fn new() -> Life {
        Life(Arc::new(Control::new(Span::Life)))
    }

    /// One in a place that is kept for it.
    pub fn called() -> Life {
        Life(Arc::new(Control::new(Span::Call)))
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.0)
    }

    pub fn stands_still(&self) -> bool {
        self.0.stands_still()
    }

    pub fn was_ended(&self) -> bool {
        self.0.was_ended()
    }
}

/// The lives of a pool, as pools and executors use it.
pub struct Roster(roster::Roster);

impl Roster {
    pub fn new() -> Roster {
        Roster(roster::Roster::new())
    }

    /// Lists a life among so many; whether there was room and it was open.
    pub fn list(&self, life: &Life, room: usize) -> bool {
        self.0.list(&life.0, room).is_ok()
    }

    pub fn strike(&self, life: &Life) {
        self.0.strike(&life.0);
    }

    pub fn reserve(&self, places: usize, room: usize) -> bool {
        self.0.reserve(places, room)
    }

    pub fn release(&self, places: usize) {
        self.0.release(places);
    }

    pub fn end_all(&self) {
        self.0.end_all();
    }

    pub fn wait_until_none(&self) {
        assert!(self.0.wait_until_none(None));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn peak(&self) -> usize {
        self.0.peak()
    }
}
