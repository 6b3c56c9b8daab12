//! Who lives, and until when.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::control::Control;
use crate::outcome::Cause;

/// The lives of a pool that are not over, and their deadlines.
///
/// Invariants: a life is listed from before its first turn until after its guest is gone; a number is never given twice;
/// once closed, nobody is added. Lives are never ended under the lock.
pub(crate) struct Roster {
    state: Mutex<State>,
    /// Told when the last life is struck off.
    nobody: Condvar,
    /// The deadline of those that have none, or had one that has passed.
    never: Instant,
}

#[derive(Default)]
struct State {
    next: u64,
    closed: bool,
    /// By deadline and number.
    lives: BTreeMap<(Instant, u64), Weak<Control>>,
}

/// Longer than any process lives.
const EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Why a life was not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotListed {
    Closed,
    Full,
}

/// A listed life.
pub(crate) struct Listed {
    pub number: u64,
    /// Its deadline is earlier than all others: the clock must hear of it.
    pub earliest: bool,
}

impl Roster {
    pub(super) fn new() -> Roster {
        Roster {
            state: Mutex::default(),
            nobody: Condvar::new(),
            never: Instant::now() + EVER,
        }
    }

    /// Lists a life, if there is room for it among `room`.
    pub(crate) fn list(&self, life: &Arc<Control>, room: usize) -> Result<Listed, NotListed> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(NotListed::Closed);
        }
        if state.lives.len() >= room {
            return Err(NotListed::Full);
        }
        let number = state.next;
        state.next += 1;
        let deadline = life.deadline().unwrap_or(self.never);
        let earliest = deadline < self.never
            && state
                .lives
                .first_key_value()
                .is_none_or(|(first, _)| deadline < first.0);
        state.lives.insert((deadline, number), Arc::downgrade(life));
        Ok(Listed { number, earliest })
    }

    /// Strikes a life off.
    pub(crate) fn strike(&self, number: u64, deadline: Option<Instant>) {
        let mut state = self.state.lock();
        let in_time = deadline.and_then(|deadline| state.lives.remove(&(deadline, number)));
        if in_time.is_none() {
            state.lives.remove(&(self.never, number));
        }
        if state.lives.is_empty() {
            self.nobody.notify_all();
        }
    }

    /// How many lives are listed.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().lives.len()
    }

    /// Everybody who is listed.
    pub(super) fn lives(&self) -> Vec<Arc<Control>> {
        self.state.lock().lives.values().filter_map(Weak::upgrade).collect()
    }

    /// Whether nobody is listed any more.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Lists nobody any more.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Lists nobody any more and ends every life that is listed.
    pub(crate) fn end_all(&self) {
        let lives: Vec<_> = {
            let mut state = self.state.lock();
            state.closed = true;
            state.lives.values().filter_map(Weak::upgrade).collect()
        };
        lives.iter().for_each(|life| life.end(Cause::Killed));
    }

    /// Ends every life whose deadline has passed; the next deadline.
    pub(super) fn end_the_late(&self) -> Option<Instant> {
        let now = Instant::now();
        loop {
            let late = {
                let mut state = self.state.lock();
                let first = state.lives.first_entry()?;
                let (deadline, number) = *first.key();
                if deadline > now {
                    return Some(deadline).filter(|deadline| *deadline < self.never);
                }
                // It stays listed until its guest is gone.
                let life = first.remove();
                let late = life.upgrade();
                state.lives.insert((self.never, number), life);
                late
            };
            if let Some(life) = late {
                life.end(Cause::Deadline);
            }
        }
    }

    /// The next deadline.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let state = self.state.lock();
        let (first, _) = state.lives.first_key_value()?;
        Some(first.0).filter(|deadline| *deadline < self.never)
    }

    /// Waits until nobody is listed; `false` when the time came first.
    pub(crate) fn wait_until_none(&self, until: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while !state.lives.is_empty() {
            match until {
                Some(until) => {
                    if self.nobody.wait_until(&mut state, until).timed_out() {
                        return state.lives.is_empty();
                    }
                }
                None => self.nobody.wait(&mut state),
            }
        }
        true
    }
}
