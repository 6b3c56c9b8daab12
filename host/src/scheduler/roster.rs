//! Who lives, and until when.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::control::{Control, Span};
use crate::outcome::Cause;
use crate::sync::{Condvar, Mutex, Rank};

/// The lives of a pool that are not over, and their deadlines.
///
/// A list without order, since lives come and go far more often than deadlines: all of it is looked through when the earliest
/// deadline there may be has come, which is once a tick at most.
///
/// Invariants: a life is listed from before its first turn until after its guest is gone; a number is never given twice;
/// once closed, nobody is added; no deadline is before `earliest`. Lives are never ended under the lock.
pub(crate) struct Roster {
    state: Mutex<State>,
    /// Told when the last life is struck off.
    nobody: Condvar,
    /// From when deadlines are counted.
    epoch: Instant,
}

struct State {
    next: u64,
    closed: bool,
    /// Nobody can be ended at a deadline any more.
    broken: bool,
    places: Vec<Option<Entry>>,
    /// Places that are empty.
    free: Vec<u32>,
    earliest: u64,
    /// Places that are kept for executors, and how many lives stand in them.
    reserved: usize,
    peak: usize,
    in_reserved: usize,
    /// Calls that other threads than ours make; they are ended like lives, and nobody waits for them.
    guests_of_threads: Vec<Weak<Control>>,
}

/// A life in the list.
struct Entry {
    life: Weak<Control>,
    /// In nanoseconds after the roster's epoch; [`NEVER`] for one that has none, or had one that has passed.
    due: u64,
}

const NEVER: u64 = u64::MAX;

/// A list that is longer than this is given up when it is empty.
const LONG: usize = 1_024;

impl State {
    /// How many are listed.
    fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Places that are taken or kept.
    fn taken(&self) -> usize {
        self.len() - self.in_reserved + self.reserved
    }

    fn lives(&self) -> impl Iterator<Item = &Weak<Control>> {
        self.places.iter().flatten().map(|entry| &entry.life)
    }

    /// A free place, filled.
    fn place(&mut self, entry: Entry) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = Some(entry);
                place
            }
            None => {
                self.places.push(Some(entry));
                u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
            }
        }
    }
}

/// Why a life was not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotListed {
    Closed,
    Full,
    /// Deadlines are not kept any more.
    Broken,
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
            state: Mutex::new(
                Rank::Roster,
                State {
                    next: 0,
                    closed: false,
                    broken: false,
                    places: Vec::new(),
                    free: Vec::new(),
                    earliest: NEVER,
                    reserved: 0,
                    peak: 0,
                    in_reserved: 0,
                    guests_of_threads: Vec::new(),
                },
            ),
            nobody: Condvar::new(),
            epoch: Instant::now(),
        }
    }

    /// As the list has it.
    fn count(&self, due: Option<Instant>) -> u64 {
        let nanos = due.map(|due| due.saturating_duration_since(self.epoch).as_nanos());
        nanos.map_or(NEVER, |nanos| u64::try_from(nanos).unwrap_or(NEVER))
    }

    fn instant(&self, due: u64) -> Option<Instant> {
        (due != NEVER).then(|| self.epoch + Duration::from_nanos(due))
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
        if state.broken {
            return Err(NotListed::Broken);
        }
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
        let due = self.count(life.due(life.born()));
        let earliest = due < state.earliest;
        state.earliest = state.earliest.min(due);
        let life_at = Arc::downgrade(life);
        life.list(state.place(Entry { life: life_at, due }));
        state.peak = state.peak.max(state.len());
        Ok(Listed { number, earliest })
    }

    /// Strikes a life off, if it is listed.
    pub(crate) fn strike(&self, life: &Control) {
        let mut state = self.state.lock();
        let place = life.listed();
        let entry = state.places.get_mut(place as usize).and_then(Option::take);
        if entry.is_some() {
            life.list(u32::MAX);
            state.free.push(place);
            if life.span() == Span::Call {
                state.in_reserved -= 1;
            }
        }
        if state.len() == 0 {
            state.earliest = NEVER;
            // A burst of lives may have made it long.
            if state.places.len() > LONG {
                state.places = Vec::new();
                state.free = Vec::new();
            }
            self.nobody.notify_all();
        }
    }

    /// How many lives are listed.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().len()
    }

    /// The most that were listed at once.
    pub(crate) fn peak(&self) -> usize {
        self.state.lock().peak
    }

    /// Everybody who is listed.
    pub(super) fn lives(&self) -> Vec<Arc<Control>> {
        self.state.lock().lives().filter_map(Weak::upgrade).collect()
    }

    /// Whether nobody is listed any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Lists nobody any more.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Deadlines cannot be kept any more: lists nobody from now on and ends all.
    pub(super) fn break_down(&self) {
        self.state.lock().broken = true;
        self.end_all();
    }

    /// Lists nobody any more and ends every life that is listed.
    pub(crate) fn end_all(&self) {
        let lives: Vec<_> = {
            let mut state = self.state.lock();
            state.closed = true;
            let others = std::mem::take(&mut state.guests_of_threads);
            let lives = state.lives().chain(&others);
            lives.filter_map(Weak::upgrade).collect()
        };
        lives.iter().for_each(|life| life.end(Cause::Killed));
    }

    /// Ends every life whose deadline has passed; the next deadline there may be.
    pub(super) fn end_the_late(&self) -> Option<Instant> {
        let now = Instant::now();
        let moment = self.count(Some(now));
        let (late, next) = {
            let mut state = self.state.lock();
            if state.earliest > moment {
                return self.instant(state.earliest);
            }
            let (mut late, mut earliest) = (Vec::new(), NEVER);
            for entry in state.places.iter_mut().flatten() {
                // One that is late stays listed until its guest is gone.
                if entry.due <= moment
                    && let Some(life) = entry.life.upgrade()
                {
                    // The deadline of a life that is called may have moved on meanwhile.
                    entry.due = self.count(life.due(now));
                    if entry.due <= moment {
                        entry.due = NEVER;
                        late.push(life);
                    }
                }
                earliest = earliest.min(entry.due);
            }
            state.earliest = earliest;
            (late, earliest)
        };
        for life in late {
            life.end(Cause::Deadline);
        }
        self.instant(next)
    }

    /// The next deadline there may be.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.instant(self.state.lock().earliest)
    }

    /// Waits until nobody is listed; `false` when the time came first.
    pub(crate) fn wait_until_none(&self, until: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.len() > 0 {
            match until {
                Some(until) => {
                    if self.nobody.wait_until(&mut state, until).timed_out() {
                        return state.len() == 0;
                    }
                }
                None => self.nobody.wait(&mut state),
            }
        }
        true
    }
}
