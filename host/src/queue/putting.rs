//! How items come into a queue: at once, or when there is room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use super::account::Account;
use super::entry::Entry;
use super::line::Ticket;
use super::shared::Shared;
use super::state::{State, Wakes};
use super::wait::Putter;
use super::{Item, PutError, Unbound};

/// Items of a batch that are put under one lock.
const BATCH: usize = 256;

/// What became of an attempt to put.
pub(super) enum PutAttempt {
    Done,
    Failed(PutError),
    Waits(Ticket, Arc<Putter>),
}

impl Shared {
    /// Puts an item, or waits for room if `may_wait`.
    pub(super) fn put(
        &self,
        item: Item,
        sender: Option<&Arc<Account>>,
        unbound: Option<Unbound>,
        may_wait: impl FnOnce() -> Option<Putter>,
    ) -> PutAttempt {
        if self.is_foreign(&item) {
            return PutAttempt::Failed(PutError::Foreign(item));
        }
        let entry = match Entry::new(item, self.max_bytes, sender, unbound.unwrap_or(self.unbound)) {
            Ok(entry) => entry,
            Err(error) => return PutAttempt::Failed(error),
        };
        let mut wakes = Wakes::new();
        let mut state = self.state.lock();
        let attempt = self.put_entry(&mut state, entry, sender, may_wait, &mut wakes);
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        attempt
    }

    fn put_entry(
        &self,
        state: &mut State,
        entry: Entry,
        sender: Option<&Arc<Account>>,
        may_wait: impl FnOnce() -> Option<Putter>,
        wakes: &mut Wakes,
    ) -> PutAttempt {
        if state.closed {
            return PutAttempt::Failed(PutError::Closed(entry.into_item()));
        }
        let Err(entry) = state.hand_over(entry, wakes) else {
            return PutAttempt::Done;
        };
        let fits = state.putters.is_empty() && self.fits(state, entry.weight);
        let putter = if fits { None } else { may_wait() };
        if !fits && putter.is_none() {
            return PutAttempt::Failed(PutError::Full(entry.into_item()));
        }
        if let Err(hit) = state.hold(&entry, sender, &self.budget) {
            let item = entry.into_item();
            return PutAttempt::Failed(PutError::Limit { item, hit });
        }
        match putter {
            None => {
                state.push(entry, wakes);
                PutAttempt::Done
            }
            Some(putter) => {
                let putter = Arc::new(putter);
                putter.begin();
                let ticket = state.putters.join((entry, Arc::clone(&putter)));
                PutAttempt::Waits(ticket, putter)
            }
        }
    }

    /// Puts items in order as long as there is room; what was not put stays in `items`. How many, and what stopped it.
    pub(super) fn put_some(
        &self,
        items: &mut VecDeque<Item>,
        sender: Option<&Arc<Account>>,
        unbound: Option<Unbound>,
    ) -> Result<usize, (usize, PutError)> {
        // Whatever takes time is done before the lock is taken.
        let (mut entries, stopped) = self.entries(items, sender, unbound.unwrap_or(self.unbound));
        let mut wakes = Wakes::new();
        let mut put = 0;
        let mut state = self.state.lock();
        let mut failed = None;
        while let Some(entry) = entries.pop_front() {
            let room = !state.getters.is_empty() || (state.putters.is_empty() && self.fits(&state, entry.weight));
            if !room && !state.closed {
                entries.push_front(entry);
                break;
            }
            match self.put_entry(&mut state, entry, sender, || None, &mut wakes) {
                PutAttempt::Done => put += 1,
                PutAttempt::Failed(error) => {
                    failed = Some(error);
                    break;
                }
                // Not asked for.
                PutAttempt::Waits(..) => break,
            }
        }
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        let all = entries.is_empty();
        for entry in entries.into_iter().rev() {
            items.push_front(entry.into_item());
        }
        match failed.or(stopped.filter(|_| all)) {
            Some(error) => Err((put, error)),
            None => Ok(put),
        }
    }

    /// Makes entries of items, until there is no more, enough for any queue, or one that cannot be one.
    fn entries(
        &self,
        items: &mut VecDeque<Item>,
        sender: Option<&Arc<Account>>,
        unbound: Unbound,
    ) -> (VecDeque<Entry>, Option<PutError>) {
        let mut entries = VecDeque::with_capacity(items.len().min(BATCH));
        while entries.len() < BATCH
            && let Some(item) = items.pop_front()
        {
            if self.is_foreign(&item) {
                return (entries, Some(PutError::Foreign(item)));
            }
            match Entry::new(item, self.max_bytes, sender, unbound) {
                Ok(entry) => entries.push_back(entry),
                Err(error) => return (entries, Some(error)),
            }
        }
        (entries, None)
    }

    fn is_foreign(&self, item: &Item) -> bool {
        let is_handle = matches!(item, Item::Queue(_) | Item::Interpreter(_));
        let registry = is_handle.then(|| self.registry.upgrade()).flatten();
        registry.is_some_and(|registry| !item.belongs_to(&registry.hub))
    }

    /// A putter leaves its line, with its item if it was not put.
    pub(super) fn leave_putters(&self, ticket: Ticket) -> Option<Item> {
        let mut wakes = Wakes::new();
        let mut state = self.state.lock();
        let (entry, _) = state.putters.leave(ticket)?;
        state.let_go(&entry, &self.budget);
        // Behind a large item that would not fit a small one may have waited that does.
        self.admit(&mut state, &mut wakes);
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        Some(entry.into_item())
    }
}
