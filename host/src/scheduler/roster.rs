//! Who lives, and until when.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::control::{Control, Span};
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
    /// Places that are kept for executors, and how many lives stand in them.
    reserved: usize,
    peak: usize,
    in_reserved: usize,
    /// Calls that other threads than ours make; they are ended like lives, and nobody waits for them.
    guests_of_threads: Vec<Weak<Control>>,
}

impl State {
    /// Places that are taken or kept.
    fn taken(&self) -> usize {
        self.lives.len() - self.in_reserved + self.reserved
    }
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

    /// Keeps so many of `room` places for lives that have their limits for each call; whether there are so many.
    pub(crate) fn reserve(&self, places: usize, room: usize) -> bool {
        let mut state = self.state.lock();
        let fits = state.taken().saturating_add(places) <= room;
        if fits {
            state.reserved += places;
        }
        fits
    }

    /// Keeps them no more.
    pub(crate) fn release(&self, places: usize) {
        self.state.lock().reserved -= places;
    }

    /// Ends this one with all others; `false` when nobody may begin any more.
    pub(crate) fn end_with_others(&self, control: &Arc<Control>) -> bool {
        let mut state = self.state.lock();
        if !state.closed {
            state.guests_of_threads.retain(|control| control.strong_count() > 0);
            state.guests_of_threads.push(Arc::downgrade(control));
        }
        !state.closed
    }

    /// A number that no life has.
    pub(crate) fn number(&self) -> u64 {
        let mut state = self.state.lock();
        state.next += 1;
        state.next - 1
    }

    /// Lists a life, if there is room for it among `room` or it has a place that is kept.
    pub(crate) fn list(&self, life: &Arc<Control>, room: usize) -> Result<Listed, NotListed> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(NotListed::Closed);
        }
        match life.span() {
            Span::Life if state.taken() >= room => return Err(NotListed::Full),
            Span::Life => {}
            Span::Call => state.in_reserved += 1,
        }
        let number = state.next;
        state.next += 1;
        let due = life.due(life.born());
        let earliest = due.is_some_and(|due| state.lives.first_key_value().is_none_or(|(first, _)| due < first.0));
        life.list(due);
        state
            .lives
            .insert((due.unwrap_or(self.never), number), Arc::downgrade(life));
        state.peak = state.peak.max(state.lives.len());
        Ok(Listed { number, earliest })
    }

    /// Strikes a life off.
    pub(crate) fn strike(&self, number: u64, life: &Control) {
        let mut state = self.state.lock();
        let at = life.listed().unwrap_or(self.never);
        let listed = state.lives.remove(&(at, number)).is_some();
        if listed && life.span() == Span::Call {
            state.in_reserved -= 1;
        }
        if state.lives.is_empty() {
            self.nobody.notify_all();
        }
    }

    /// How many lives are listed.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().lives.len()
    }

    /// The most that were listed at once.
    pub(crate) fn peak(&self) -> usize {
        self.state.lock().peak
    }

    /// Everybody who is listed.
    pub(super) fn lives(&self) -> Vec<Arc<Control>> {
        self.state.lock().lives.values().filter_map(Weak::upgrade).collect()
    }

    /// Whether nobody is listed any more.
    pub(crate) fn is_closed(&self) -> bool {
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
            let others = std::mem::take(&mut state.guests_of_threads);
            let lives = state.lives.values().chain(&others);
            lives.filter_map(Weak::upgrade).collect()
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
                let entry = first.remove();
                let Some(life) = entry.upgrade() else { continue };
                // The deadline of a life that is called may have moved on meanwhile.
                let due = life.due(now);
                let late = due.is_some_and(|due| due <= now);
                let due = due.filter(|_| !late);
                life.list(due);
                state.lives.insert((due.unwrap_or(self.never), number), entry);
                late.then_some(life)
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
