//! What the seats of an executor share: the queue of what was submitted, and who works at it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use wasmtime::component::Val;

use super::batch::{InHand, Submission};
use super::executor::Pending;
use super::future::{BROKEN, FutureError};
use super::opened::Way;
use super::seat::Seat;
use super::{Path, Reuse};
use crate::error::{Error, ErrorKind, Result};
use crate::interpreter::Setup;
use crate::pool::Commons;
use crate::program::{Function, Program};
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::telemetry::Load;

/// What the seats share.
pub(super) struct Shared {
    pub commons: Arc<Commons>,
    pub setup: Arc<Setup>,
    pub reuse: Reuse,
    pub initializer: Option<(String, Vec<Val>)>,
    pub path: Path,
    pub seats: usize,
    pub waiting: usize,
    pub patience: Duration,
    pub state: Mutex<State>,
    /// How many submissions seats have taken from the queue and not finished.
    pub in_hand: Arc<AtomicUsize>,
    /// Told when the queue has room.
    pub room: Condvar,
    /// Told when nobody works any more.
    pub rest: Condvar,
    pub numbers: AtomicU64,
    pub load: Load,
    /// Functions of the program that was asked last, by name.
    pub functions: Mutex<Option<(Program, HashMap<String, Function>)>>,
}

/// Invariants: when something waits in the queue, all seats work; the roster keeps a place for each seat, and from the end on for
/// each that works.
#[derive(Default)]
pub(super) struct State {
    pub queue: VecDeque<Submission>,
    /// The one that was there last comes first: its interpreter is the warmest.
    idle: Vec<Arc<Seat>>,
    made: usize,
    pub working: usize,
    end: Option<Ended>,
}

impl State {
    /// Nothing is taken any more, unless that is so already; how many of the `seats` places are needed no more.
    fn end(&mut self, seats: usize, why: Ended) -> usize {
        match self.end {
            Some(_) => 0,
            None => {
                self.end = Some(why);
                seats - self.working
            }
        }
    }
}

/// Why nothing is taken any more.
#[derive(Clone)]
pub(super) enum Ended {
    Closed(String),
    Broken(String),
}

impl Ended {
    fn error(&self) -> Error {
        match self {
            Ended::Closed(why) => Error::new(ErrorKind::Closed, why),
            Ended::Broken(why) => Error::new(ErrorKind::Broken, format!("{BROKEN}{why}")),
        }
    }
}

/// What a seat does next.
pub(super) enum Next {
    Task(Submission),
    /// Something that is called in another way.
    Other,
    Nothing,
}

impl Shared {
    /// Queues a submission and sees to it that somebody takes it.
    pub(super) fn put(shared: &Arc<Shared>, submission: Submission) -> Result<()> {
        let way = submission.way;
        if shared.commons.hub.roster.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the pool is shutting down"));
        }
        let mut state = shared.state.lock();
        shared.wait_for_room(&mut state, submission.submitted)?;
        state.queue.push_back(submission);
        shared.load.waiting.increment(1.0);
        let seat = state.idle.pop().or_else(|| {
            (state.made < shared.seats).then(|| {
                state.made += 1;
                Seat::new(Arc::clone(shared))
            })
        });
        if seat.is_some() {
            state.working += 1;
            shared.load.working.increment(1.0);
        }
        drop(state);
        if let Some(seat) = seat {
            seat.begin_turn(way);
        }
        Ok(())
    }

    fn wait_for_room(&self, state: &mut MutexGuard<'_, State>, since: Instant) -> Result<()> {
        let until = since.checked_add(self.patience);
        loop {
            if let Some(end) = &state.end {
                return Err(end.error());
            }
            if self.has_room_in(state) {
                return Ok(());
            }
            let late = match until {
                Some(until) => self.room.wait_until(state, until).timed_out(),
                None => {
                    self.room.wait(state);
                    false
                }
            };
            if late && state.end.is_none() && !self.has_room_in(state) {
                self.load.rejected.increment(1);
                let after = match self.patience.is_zero() {
                    true => String::new(),
                    false => format!(" after {}", crate::units::show_duration(since.elapsed())),
                };
                let message = format!(
                    "no room for one more call{after}: {} run and {} wait",
                    self.in_hand.load(Relaxed),
                    state.queue.len()
                );
                return Err(Error::new(ErrorKind::Saturated, message));
            }
        }
    }

    fn has_room_in(&self, state: &State) -> bool {
        let taken = state.queue.len() + self.in_hand.load(Relaxed);
        taken < self.waiting.saturating_add(self.seats)
    }

    /// Whether something could be submitted at this moment, for all that is known of room.
    pub(super) fn has_room(&self) -> bool {
        self.has_room_in(&self.state.lock())
    }

    /// The next task for a seat that calls this way.
    pub(super) fn next(&self, way: Way) -> Next {
        let mut state = self.state.lock();
        match state.queue.front() {
            None => Next::Nothing,
            Some(first) if first.way != way => Next::Other,
            Some(_) => {
                let mut first = state.queue.pop_front();
                if let Some(first) = &mut first {
                    first.in_hand = Some(InHand::new(&self.in_hand));
                }
                self.load.waiting.decrement(1.0);
                self.room.notify_one();
                first.map_or(Next::Nothing, Next::Task)
            }
        }
    }

    /// The turn of a seat is over: it begins the next one, or rests.
    pub(super) fn sit_down(seat: Arc<Seat>) {
        let shared = Arc::clone(&seat.shared);
        let mut state = shared.state.lock();
        let next = seat
            .unfinished_way()
            .or_else(|| state.queue.front().map(|first| first.way));
        if let Some(way) = next {
            drop(state);
            return seat.begin_turn(way);
        }
        if state.end.is_some() {
            // Whoever waits for the end waits until its interpreter is gone. Nothing is queued meanwhile.
            drop(state);
            seat.clear();
            state = shared.state.lock();
            shared.commons.hub.roster.release(1);
        }
        state.working -= 1;
        shared.load.working.decrement(1.0);
        if state.working == 0 {
            shared.rest.notify_all();
        }
        shared.room.notify_one();
        if state.end.is_none() {
            state.idle.push(seat);
        }
    }

    /// No seat can go on: nothing more is taken, and nothing that waits will run.
    pub(super) fn stop(&self, why: &str) {
        let waiting = {
            let mut state = self.state.lock();
            let places = state.end(self.seats, Ended::Closed(why.to_owned()));
            self.commons.hub.roster.release(places);
            self.room.notify_all();
            self.emptied(&mut state)
        };
        for submission in waiting {
            submission.fail(FutureError::Closed(why.to_owned()));
        }
    }

    /// A seat works no more, after the end.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        self.commons.hub.roster.release(1);
        state.working -= 1;
        self.load.working.decrement(1.0);
        if state.working == 0 {
            self.rest.notify_all();
        }
    }

    /// The initializer failed: nothing that waits will run.
    pub(super) fn break_down(&self, why: &str) {
        tracing::error!(why, "the executor is broken");
        let waiting = {
            let mut state = self.state.lock();
            let broken = Ended::Broken(why.to_owned());
            let places = state.end(self.seats, broken.clone());
            self.commons.hub.roster.release(places);
            state.end = Some(broken);
            self.room.notify_all();
            self.emptied(&mut state)
        };
        for submission in waiting {
            submission.fail(FutureError::Broken(why.to_owned()));
        }
    }

    pub(super) fn close(&self, pending: Pending) {
        let (idle, cancelled) = {
            let mut state = self.state.lock();
            let closed = Ended::Closed("the executor is shutting down".to_owned());
            let places = state.end(self.seats, closed);
            self.commons.hub.roster.release(places);
            self.room.notify_all();
            let cancelled = match pending {
                Pending::Run => VecDeque::new(),
                Pending::Cancel => self.emptied(&mut state),
            };
            (std::mem::take(&mut state.idle), cancelled)
        };
        drop(idle);
        for submission in cancelled {
            submission.cancel();
        }
    }

    fn emptied(&self, state: &mut State) -> VecDeque<Submission> {
        self.load.waiting.decrement(state.queue.len() as f64);
        std::mem::take(&mut state.queue)
    }

    /// Whether something is still taken.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn takes_more(&self) -> Result<()> {
        match &self.state.lock().end {
            Some(end) => Err(end.error()),
            None => Ok(()),
        }
    }

    pub(super) fn function(&self, program: &Program, name: &str) -> Result<Function> {
        if let Some((known, functions)) = &*self.functions.lock()
            && known == program
            && let Some(function) = functions.get(name)
        {
            return Ok(function.clone());
        }
        let function = program.function(name)?;
        let mut known = self.functions.lock();
        match &mut *known {
            Some((of, functions)) if of == program => {
                functions.insert(name.to_owned(), function.clone());
            }
            // Functions of a program that was replaced are looked up each time.
            Some((of, _)) if of != program => {}
            _ => *known = Some((program.clone(), HashMap::from([(name.to_owned(), function.clone())]))),
        }
        Ok(function)
    }

    /// A number that no other task has.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed)
    }
}
