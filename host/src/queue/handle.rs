//! A handle on a queue, and what the host does with it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use bytesize::ByteSize;
use smallvec::SmallVec;

use super::ends::{Drain, Feed};
use super::entry::Entry;
use super::inside::{Stopped, Who, after_time, delivered, open_all};
use super::shared::Shared;
use super::wait::{GetWait, block_until};
use super::{GetError, Item, PutError, PutManyError, QueueId, Received, Wait};
use crate::status::QueueStatus;

/// A handle on a queue. Cloning gives another handle on the same queue; when the last one is gone, its items go with it.
///
/// A handle in the host's hands counts as somebody who can help: as long as there is one, guests that wait at this queue
/// are not taken for deadlocked. [`into_feed`](Queue::into_feed) and [`into_drain`](Queue::into_drain) count for one side only.
pub struct Queue {
    pub(super) shared: Arc<Shared>,
    held_by: HeldBy,
}

/// Who holds a handle, and so for whom it is a hope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldBy {
    /// A guest, or an item.
    Inside,
    /// The host, to put and get.
    Host,
    HostToPut,
    HostToGet,
}

impl Queue {
    /// Its number in its pool.
    pub fn id(&self) -> QueueId {
        self.shared.id
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.shared.name.as_deref()
    }

    /// How many items it holds at most; 0 when only bytes bound it.
    pub fn max_size(&self) -> u32 {
        self.shared.max_size
    }

    /// How many bytes it holds at most.
    pub fn max_bytes(&self) -> ByteSize {
        ByteSize::b(self.shared.max_bytes)
    }

    /// How many items it holds. Others put and get meanwhile.
    pub fn qsize(&self) -> usize {
        self.shared.len()
    }

    /// How many bytes its items weigh.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes()
    }

    /// What is in it and who waits at it, at one moment.
    pub fn status(&self) -> QueueStatus {
        self.shared.status()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether it has no room for one more small item.
    pub fn is_full(&self) -> bool {
        self.shared.is_full()
    }

    /// Closes it: nothing more can be put, what is in it can still be got, all who wait in vain wake.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Puts an item; blocks this thread while there is no room. Never call it with a wait on a thread of an async
    /// runtime; [`put_async`](Queue::put_async) is for those.
    ///
    /// # Errors
    /// [`PutError`]
    pub fn put(&self, item: impl Into<Item>, wait: Wait) -> Result<(), PutError> {
        let item = item.into().inside();
        match self.try_put_or_wait(item, None, Who::default(), wait) {
            Ok(()) => Ok(()),
            Err(Stopped::Failed(error)) => Err(error.map(Item::outside)),
            Err(Stopped::Waits(mut waits)) => match block_until(&mut waits, wait.until()) {
                Some(done) => done,
                None => after_time(&mut waits),
            }
            .map_err(|error| error.map(Item::outside)),
        }
    }

    /// [`put`](Queue::put), without blocking. Dropping the future before it is ready takes the item out of the line.
    ///
    /// # Errors
    /// [`PutError`]
    pub async fn put_async(&self, item: impl Into<Item>, wait: Wait) -> Result<(), PutError> {
        let item = item.into().inside();
        self.put_as(item, None, Who::default(), wait)
            .await
            .map_err(|error| error.map(Item::outside))
    }

    /// Puts items in this order, waiting for room as long as `wait` in all.
    ///
    /// # Errors
    /// [`PutManyError`], with what was not put.
    pub fn put_many(&self, items: impl IntoIterator<Item = Item>, wait: Wait) -> Result<(), PutManyError> {
        let until = wait.until();
        let mut items: VecDeque<_> = items.into_iter().map(Item::inside).collect();
        let mut accepted = 0;
        loop {
            let stopped = match self.shared.put_some(&mut items, None, None) {
                Ok(put) => {
                    accepted += put;
                    let Some(item) = items.pop_front() else { return Ok(()) };
                    let left = match until {
                        Some(until) if wait.at_all() => Wait::For(until.saturating_duration_since(Instant::now())),
                        _ => wait,
                    };
                    match self.put(item, left) {
                        Ok(()) => {
                            accepted += 1;
                            continue;
                        }
                        Err(error) => error,
                    }
                }
                Err((put, error)) => {
                    accepted += put;
                    error
                }
            };
            return Err(PutManyError {
                accepted,
                error: stopped.map(Item::outside),
                rest: items.into_iter().map(Item::outside).collect(),
            });
        }
    }

    /// Gets the next item; blocks this thread while there is none. Never call it with a wait on a thread of an async
    /// runtime; [`get_async`](Queue::get_async) is for those.
    ///
    /// # Errors
    /// [`GetError`]
    pub fn get(&self, wait: Wait) -> Result<Received, GetError> {
        match self.shared.try_get() {
            Err(GetError::Empty) if wait.at_all() => {}
            got => return got?.open().map(Received::outside),
        }
        let (_, got) = Self::get_blocking(SmallVec::from_iter([Arc::clone(&self.shared)]), wait);
        got.map(Received::outside)
    }

    /// [`get`](Queue::get), without blocking. Dropping the future before it is ready loses nothing: what was handed over
    /// goes to the next who waits, or back to the front.
    ///
    /// # Errors
    /// [`GetError`]
    pub async fn get_async(&self, wait: Wait) -> Result<Received, GetError> {
        let entry = self.take_as(Who::default(), wait).await?;
        entry.open().map(Received::outside)
    }

    /// Gets the next items: waits for the first as [`get`](Queue::get) does, and takes what else is there, at most `max` in
    /// all.
    ///
    /// # Errors
    /// [`GetError`]
    pub fn get_many(&self, max: usize, wait: Wait) -> Result<Vec<Received>, GetError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let first = match self.shared.try_get_many(max) {
            Err(GetError::Empty) if wait.at_all() => self.get(wait)?,
            got => return Ok(open_all(got?)),
        };
        let more = self.shared.try_get_many(max - 1).unwrap_or_default();
        let mut got = vec![first];
        got.extend(open_all(more));
        Ok(got)
    }

    /// Gets the next item of whichever of `queues` has one first, and the queue's position; blocks this thread while none
    /// has. A queue that is closed and empty counts as one that has something.
    ///
    /// # Errors
    /// [`GetError`], with the position of the queue that it is about.
    pub fn select(queues: &[&Queue], wait: Wait) -> Result<(usize, Received), (usize, GetError)> {
        let (at, got) = Self::get_blocking(shared_of(queues.iter().copied()), wait);
        match got {
            Ok(received) => Ok((at, received.outside())),
            Err(error) => Err((at, error)),
        }
    }

    /// [`select`](Queue::select), without blocking.
    ///
    /// # Errors
    /// As [`select`](Queue::select).
    pub async fn select_async(queues: &[&Queue], wait: Wait) -> Result<(usize, Received), (usize, GetError)> {
        let (at, got) = Self::select_as(shared_of(queues.iter().copied()), Who::default(), wait).await;
        match got.and_then(Entry::open) {
            Ok(received) => Ok((at, received.outside())),
            Err(error) => Err((at, error)),
        }
    }

    /// This handle, as one that only puts. Dropping it does not close the queue.
    pub fn into_feed(self) -> Feed {
        Feed(self.hand_to(HeldBy::HostToPut))
    }

    /// This handle, as one that only gets: an iterator over the items, which ends when the queue is closed and empty.
    pub fn into_drain(self) -> Drain {
        Drain(self.hand_to(HeldBy::HostToGet))
    }

    /// The items, waiting for each; ends when the queue is closed and empty. Items that were lost with their senders are
    /// passed over.
    pub fn iter(&self) -> impl Iterator<Item = Item> + '_ {
        std::iter::from_fn(|| self.next_item())
    }

    pub(super) fn next_item(&self) -> Option<Item> {
        loop {
            match self.get(Wait::Forever) {
                Ok(Received::Item(item)) => return Some(item),
                Ok(Received::Unbound) | Err(GetError::InterpreterDestroyed) => {}
                Err(GetError::Closed | GetError::Empty) => return None,
            }
        }
    }

    fn get_blocking(queues: SmallVec<[Arc<Shared>; 1]>, wait: Wait) -> (usize, Result<Received, GetError>) {
        let mut waits = GetWait::begin(queues, None);
        let got = block_until(&mut waits, wait.until()).or_else(|| waits.cancel());
        let (at, got) = delivered(got);
        (at, got.and_then(Entry::open))
    }
}

/// Who holds it.
impl Queue {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A handle inside the pool.
    pub(crate) fn hold(shared: Arc<Shared>) -> Queue {
        Queue {
            shared,
            held_by: HeldBy::Inside,
        }
    }

    /// Inside the pool a handle is nobody's hope.
    pub(crate) fn inside(self) -> Queue {
        self.hand_to(HeldBy::Inside)
    }

    pub(crate) fn outside(self) -> Queue {
        self.hand_to(HeldBy::Host)
    }

    fn hand_to(self, held_by: HeldBy) -> Queue {
        let shared = Arc::clone(&self.shared);
        let (puts, gets) = held_by.sides();
        shared.host_putters.fetch_add(usize::from(puts), SeqCst);
        shared.host_getters.fetch_add(usize::from(gets), SeqCst);
        Queue { shared, held_by }
    }
}

impl HeldBy {
    /// Whether it is the host's, to put, and to get.
    fn sides(self) -> (bool, bool) {
        match self {
            HeldBy::Inside => (false, false),
            HeldBy::Host => (true, true),
            HeldBy::HostToPut => (true, false),
            HeldBy::HostToGet => (false, true),
        }
    }
}

impl Clone for Queue {
    fn clone(&self) -> Queue {
        Queue::hold(Arc::clone(&self.shared)).hand_to(self.held_by)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let (puts, gets) = self.held_by.sides();
        if self.held_by == HeldBy::Inside {
            return;
        }
        self.shared.host_putters.fetch_sub(usize::from(puts), SeqCst);
        self.shared.host_getters.fetch_sub(usize::from(gets), SeqCst);
        if let Some(registry) = self.shared.registry.upgrade() {
            registry.hub.hope_went();
        }
    }
}

/// Handles are equal when they are on the same queue.
impl PartialEq for Queue {
    fn eq(&self, other: &Queue) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Queue {}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("id", &self.shared.id.0)
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}

fn shared_of<'a>(queues: impl Iterator<Item = &'a Queue>) -> SmallVec<[Arc<Shared>; 1]> {
    queues.map(|queue| Arc::clone(&queue.shared)).collect()
}
