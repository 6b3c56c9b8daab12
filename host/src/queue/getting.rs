//! How items leave a queue: at once, or when there is one.

use std::sync::Arc;
use std::task::Waker;

use super::GetError;
use super::entry::Entry;
use super::line::Ticket;
use super::shared::Shared;
use super::state::{State, Wakes, tell};
use super::wait::{Delivery, Getter};

impl Shared {
    /// Gets what is first in the ring.
    pub(crate) fn try_get(&self) -> Result<Entry, GetError> {
        let mut wakes = Wakes::new();
        let mut state = self.state.lock();
        let got = self.take(&mut state, &mut wakes);
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        got
    }

    /// Gets up to `max` entries, as that many gets would, as long as none of them is an error.
    pub(crate) fn try_get_many(&self, max: usize) -> Result<Vec<Entry>, GetError> {
        let mut wakes = Wakes::new();
        let mut got = Vec::new();
        let mut state = self.state.lock();
        // Whoever is let in when there is room again may be served in the same batch.
        loop {
            let count = (max - got.len()).min(state.ring.len());
            let good = state.ring.iter().take(count).take_while(|entry| !entry.is_destroyed());
            let good = good.count();
            if good == 0 {
                break;
            }
            let before = got.len();
            got.extend(state.ring.drain(..good));
            for entry in &got[before..] {
                state.bytes -= entry.weight;
                state.let_go(entry, &self.budget);
            }
            self.admit(&mut state, &mut wakes);
        }
        let done = if got.is_empty() && max > 0 {
            // Nothing, or an error that comes alone.
            match self.take(&mut state, &mut wakes) {
                Ok(entry) if entry.is_destroyed() => Err(GetError::InterpreterDestroyed),
                Ok(entry) => Ok(vec![entry]),
                Err(error) => Err(error),
            }
        } else {
            Ok(got)
        };
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        done
    }

    /// Takes what is first, or joins the line; `index` is the queue's position for a getter that waits at several.
    pub(super) fn get_or_join(&self, getter: &Arc<Getter>, index: usize) -> Option<Ticket> {
        let mut wakes = Wakes::new();
        let mut state = self.state.lock();
        let joined = if state.ring.is_empty() && !state.closed {
            Some(state.getters.join((Arc::clone(getter), index)))
        } else {
            // Unless another of his queues has served him meanwhile.
            if getter.claim() {
                let delivery = match self.take(&mut state, &mut wakes) {
                    Ok(entry) => Delivery::Entry(entry),
                    Err(_) => Delivery::Closed,
                };
                wakes.extend(getter.fill(index, delivery));
            }
            None
        };
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        joined
    }

    fn take(&self, state: &mut State, wakes: &mut Wakes) -> Result<Entry, GetError> {
        let Some(entry) = state.ring.pop_front() else {
            return Err(if state.closed {
                GetError::Closed
            } else {
                GetError::Empty
            });
        };
        state.bytes -= entry.weight;
        state.let_go(&entry, &self.budget);
        self.admit(state, wakes);
        Ok(entry)
    }

    /// A getter that was served goes without these items: they are the first again, in this order.
    pub(crate) fn put_back(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut wakes = Wakes::new();
        let mut left = Vec::new();
        let mut state = self.state.lock();
        for entry in entries {
            // Once nobody waits, nobody does.
            match state.hand_over(entry, &mut wakes) {
                Ok(()) => {}
                Err(entry) => left.push(entry),
            }
        }
        if !left.is_empty() {
            tell(&mut state.get_watchers, &mut wakes);
        }
        for mut entry in left.into_iter().rev() {
            // What was in the queue a moment ago is not refused now, whatever is left of the budget.
            state.hold_again(&mut entry, &self.budget);
            state.bytes += entry.weight;
            state.ring.push_front(entry);
        }
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
    }

    /// A getter leaves its line.
    pub(super) fn leave_getters(&self, ticket: Ticket) {
        let left = self.state.lock().getters.leave(ticket);
        drop(left);
    }
}
