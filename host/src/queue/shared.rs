//! The queue itself: a lock around a ring and two lines of waiters.
//!
//! Who puts hands his item straight to the first who waits; who gets makes room for the first who waits to put. So
//! waiters are served in the order in which they came, nobody who comes later overtakes them, and nobody wakes in vain.
//!
//! Invariants, whenever the lock is free:
//! - somebody waits to get only while the ring is empty, and to put only while his item does not fit;
//! - `held` is the weight of the ring and of those who wait to put, and the pool's budget is charged with `reserved >= held`;
//! - a closed queue has no waiters.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};
use std::task::Waker;

use bytesize::ByteSize;

use super::account::Account;
use super::entry::Entry;
use super::line::Ticket;
use super::registry;
use super::state::{State, Wakes, Watcher, tell};
use super::wait::Delivery;
use super::{PutError, QueueId, Unbound};
use crate::budget::Budget;
use crate::scheduler::Hub;
use crate::scheduler::control::Control;
use crate::status::QueueStatus;
use crate::sync::{Mutex, Rank};
use crate::timeline::WaitsFor;

/// A queue. Everything about it but its handles.
pub(crate) struct Shared {
    pub(super) id: QueueId,
    pub(super) name: Option<Box<str>>,
    pub(super) max_size: u32,
    pub(super) max_bytes: u64,
    pub(super) unbound: Unbound,
    /// Handles that the host holds and that can put; they keep a getter's hope alive.
    pub(super) host_putters: AtomicUsize,
    /// Handles that the host holds and that can get.
    pub(super) host_getters: AtomicUsize,
    pub(super) registry: Weak<registry::Inner>,
    pub(super) budget: Budget,
    /// Who made it, if a guest did.
    creator: Option<Arc<Account>>,
    /// Nothing is called under this lock but what only touches waiters.
    pub(super) state: Mutex<State>,
}

/// Which side of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Get,
    Put,
}

impl Side {
    /// What a life waits for that waits on this side of a queue.
    pub(super) fn waits_for(self, queue: QueueId) -> WaitsFor {
        match self {
            Side::Get => WaitsFor::Item(queue),
            Side::Put => WaitsFor::Room(queue),
        }
    }
}

/// What is new when a queue is made.
pub(super) struct Make {
    pub id: QueueId,
    pub name: Option<Box<str>>,
    pub max_size: u32,
    pub max_bytes: u64,
    pub unbound: Unbound,
    pub registry: Weak<registry::Inner>,
    pub budget: Budget,
    pub creator: Option<Arc<Account>>,
}

impl Shared {
    pub(super) fn new(make: Make) -> Shared {
        Shared {
            id: make.id,
            name: make.name,
            max_size: make.max_size,
            max_bytes: make.max_bytes,
            unbound: make.unbound,
            host_putters: AtomicUsize::new(0),
            host_getters: AtomicUsize::new(0),
            registry: make.registry,
            budget: make.budget,
            creator: make.creator,
            state: Mutex::new(Rank::Queue, State::new()),
        }
    }

    /// Whether it is one of the pool of this hub; one whose pool is gone is closed, and nobody's.
    pub(super) fn is_of(&self, hub: &Hub) -> bool {
        let registry = self.registry.upgrade();
        registry.is_none_or(|registry| std::ptr::eq(&*registry.hub, hub))
    }

    /// There is room: lets in those who wait to put.
    pub(super) fn admit(&self, state: &mut State, wakes: &mut Wakes) {
        while let Some((entry, _)) = state.putters.first() {
            let weight = entry.weight;
            if !self.fits(state, weight) {
                return;
            }
            if let Some((entry, putter)) = state.putters.take_first() {
                state.push(entry, wakes);
                wakes.extend(putter.finish(Ok(())));
            }
        }
        tell(&mut state.put_watchers, wakes);
    }

    pub(super) fn fits(&self, state: &State, weight: u64) -> bool {
        let by_count = self.max_size == 0 || state.ring.len() < self.max_size as usize;
        by_count && state.bytes + weight <= self.max_bytes
    }

    pub(super) fn close(&self) {
        let mut wakes = Wakes::new();
        let mut state = self.state.lock();
        state.closed = true;
        for (getter, index) in state.getters.take_all() {
            if getter.claim() {
                wakes.extend(getter.fill(index, Delivery::Closed));
            }
        }
        let putters: Vec<_> = state.putters.take_all().collect();
        for (entry, putter) in putters {
            state.let_go(&entry, &self.budget);
            wakes.extend(putter.finish(Err(PutError::Closed(entry.into_item()))));
        }
        tell(&mut state.get_watchers, &mut wakes);
        tell(&mut state.put_watchers, &mut wakes);
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
    }

    /// Closes it and drops what is in it.
    pub(super) fn shut(&self) {
        self.close();
        let left = {
            let mut state = self.state.lock();
            state.bytes = 0;
            let held = state.held;
            state.release(held, &self.budget);
            state.tallies.clear();
            std::mem::take(&mut state.ring)
        };
        drop(left);
    }

    /// The interpreter of this account has ended: what it put and nobody got goes the way of its `Unbound`.
    pub(super) fn forget(&self, sender: &Account) {
        let mut wakes = Wakes::new();
        let mut lost = Vec::new();
        let mut state = self.state.lock();
        let (mut freed, mut tallied) = (0, 0);
        state.ring.retain_mut(|entry| {
            let Some(loss) = entry.lose(sender) else { return true };
            freed += loss.freed;
            tallied += loss.tallied;
            let stays = loss.stays;
            lost.push(loss);
            stays
        });
        state.bytes -= freed;
        state.tallies.end(sender.owner(), tallied);
        state.release(freed, &self.budget);
        self.admit(&mut state, &mut wakes);
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        drop(lost);
    }

    /// Wants to hear of an item or of room; `None` when it is there.
    pub(super) fn watch(&self, side: Side, waker: &Waker, control: &Arc<Control>) -> Option<Ticket> {
        let mut state = self.state.lock();
        if self.is_ready_in(&state, side) {
            return None;
        }
        let watcher = Watcher {
            waker: waker.clone(),
            control: Arc::clone(control),
        };
        Some(match side {
            Side::Get => state.get_watchers.join(watcher),
            Side::Put => state.put_watchers.join(watcher),
        })
    }

    /// Whether there may be something to get, or room.
    pub(crate) fn is_ready(&self, side: Side) -> bool {
        self.is_ready_in(&self.state.lock(), side)
    }

    fn is_ready_in(&self, state: &State, side: Side) -> bool {
        state.closed
            || match side {
                Side::Get => !state.ring.is_empty(),
                Side::Put => state.putters.is_empty() && self.fits(state, super::ITEM_OVERHEAD),
            }
    }

    pub(super) fn unwatch(&self, side: Side, ticket: Ticket) {
        let mut state = self.state.lock();
        let left = match side {
            Side::Get => state.get_watchers.leave(ticket),
            Side::Put => state.put_watchers.leave(ticket),
        };
        drop(state);
        drop(left);
    }

    /// Of its items; what is left of those that were lost counts towards its bounds, and is no item.
    pub(super) fn bytes(&self) -> u64 {
        let state = self.state.lock();
        let items = state.ring.iter().filter(|entry| entry.is_item());
        items.map(|entry| entry.weight).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().ring.len()
    }

    /// What is in it and who waits at it.
    pub(super) fn status(&self) -> QueueStatus {
        let state = self.state.lock();
        QueueStatus {
            id: self.id,
            name: self.name.as_deref().unwrap_or_default().to_owned(),
            items: state.ring.len(),
            bytes: ByteSize::b(state.bytes),
            getters: state.getters.len(),
            putters: state.putters.len(),
            closed: state.closed,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        let state = self.state.lock();
        !self.fits(&state, super::ITEM_OVERHEAD)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(crate) fn id(&self) -> QueueId {
        self.id
    }

    /// What a person calls it: `queue 3`, `queue "work"`.
    pub(crate) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("queue {name:?}"),
            None => format!("queue {}", self.id),
        }
    }

    /// The life that waits here can be reached by somebody outside the pool's interpreters: by a handle of the host, or, while
    /// new lives may start, by its name.
    pub(crate) fn has_hope(&self, side: Side, lives_may_start: bool) -> bool {
        use std::sync::atomic::Ordering::SeqCst;
        let handles = match side {
            Side::Get => &self.host_putters,
            Side::Put => &self.host_getters,
        };
        handles.load(SeqCst) > 0 || (lives_may_start && self.name.is_some())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        self.budget.release(state.reserved);
        let ring = std::mem::take(&mut state.ring);
        if let Some(creator) = &self.creator {
            creator.gave_up_queue();
        }
        if let Some(registry) = self.registry.upgrade() {
            registry.strike(self.id);
            registry.bury(ring.into_iter().filter_map(Entry::into_queue));
        }
    }
}
