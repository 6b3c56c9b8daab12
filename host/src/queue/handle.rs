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
use super::rights::Rights;
use super::shared::{Shared, Side};
use super::wait::{GetWait, block_until};
use super::{GetError, Item, PutError, PutManyError, QueueId, Received, Wait};
use crate::status::QueueStatus;

/// A handle on a queue. Cloning gives another handle on the same queue; when the last one is gone, its items go with it.
///
/// A handle in the host's hands counts as somebody who can help: as long as there is one, guests that wait at this queue
/// are not taken for deadlocked. [`getter`](Queue::getter) and [`putter`](Queue::putter) make handles that can do less, and count
/// for one side only.
pub struct Queue {
    pub(super) shared: Arc<Shared>,
    rights: Rights,
    held_by: HeldBy,
}

/// Who holds a handle, and so for whom it is a hope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeldBy {
    /// A guest, or an item.
    Inside,
    Host,
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

    /// Closes it: nothing more can be put, what is in it can still be got, all who wait in vain wake. A handle that may not put
    /// changes nothing.
    pub fn close(&self) {
        if self.rights.allow(Side::Put) {
            self.shared.close();
        }
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
            let stopped = match self.put_some_as(&mut items, None, Who::default()) {
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
        match self.to_get()?.try_get() {
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
        let first = match self.to_get()?.try_get_many(max) {
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
        let (at, got) = Self::get_blocking(to_get_of(queues.iter().copied())?, wait);
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
        let (at, got) = Self::select_as(to_get_of(queues.iter().copied())?, Who::default(), wait).await;
        match got.and_then(Entry::open) {
            Ok(received) => Ok((at, received.outside())),
            Err(error) => Err((at, error)),
        }
    }

    /// Another handle on the same queue, which can only get. Who is sent it can do no more, and so can who is sent that.
    #[must_use]
    pub fn getter(&self) -> Queue {
        self.narrowed(Rights::GET)
    }

    /// Another handle on the same queue, which can only put, and close it; as [`getter`](Queue::getter).
    #[must_use]
    pub fn putter(&self) -> Queue {
        self.narrowed(Rights::PUT)
    }

    /// This handle, as one that only puts. Dropping it does not close the queue.
    pub fn into_feed(self) -> Feed {
        Feed(self.putter())
    }

    /// This handle, as one that only gets: an iterator over the items, which ends when the queue is closed and empty.
    pub fn into_drain(self) -> Drain {
        Drain(self.getter())
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
                Err(GetError::Closed | GetError::Empty | GetError::NotAllowed) => return None,
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

    /// The queue, for who wants to get.
    ///
    /// # Errors
    /// [`GetError::NotAllowed`]
    pub(crate) fn to_get(&self) -> Result<&Arc<Shared>, GetError> {
        match self.may(Side::Get) {
            true => Ok(&self.shared),
            false => Err(GetError::NotAllowed),
        }
    }

    /// Whether this handle allows it.
    pub(crate) fn may(&self, side: Side) -> bool {
        self.rights.allow(side)
    }

    pub(crate) fn rights(&self) -> Rights {
        self.rights
    }

    /// A handle inside the pool.
    pub(crate) fn hold(shared: Arc<Shared>, rights: Rights) -> Queue {
        Queue {
            shared,
            rights,
            held_by: HeldBy::Inside,
        }
    }

    /// A handle inside the pool for who has both.
    pub(crate) fn with(&self, other: &Queue) -> Queue {
        Queue::hold(Arc::clone(&self.shared), self.rights.and(other.rights))
    }

    /// Another handle, which allows no more than this.
    pub(crate) fn narrowed(&self, rights: Rights) -> Queue {
        Queue::hold(Arc::clone(&self.shared), self.rights.only(rights)).hand_to(self.held_by)
    }

    /// Inside the pool a handle is nobody's hope.
    pub(crate) fn inside(self) -> Queue {
        self.hand_to(HeldBy::Inside)
    }

    pub(crate) fn outside(self) -> Queue {
        self.hand_to(HeldBy::Host)
    }

    fn hand_to(self, held_by: HeldBy) -> Queue {
        let (shared, rights) = (Arc::clone(&self.shared), self.rights);
        if held_by == HeldBy::Host {
            shared
                .host_putters
                .fetch_add(usize::from(rights.allow(Side::Put)), SeqCst);
            shared
                .host_getters
                .fetch_add(usize::from(rights.allow(Side::Get)), SeqCst);
        }
        Queue {
            shared,
            rights,
            held_by,
        }
    }
}

impl Clone for Queue {
    fn clone(&self) -> Queue {
        self.narrowed(Rights::ALL)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if self.held_by == HeldBy::Inside {
            return;
        }
        let (puts, gets) = (self.may(Side::Put), self.may(Side::Get));
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

/// All of them, for who wants to get from any; or the position of one that does not allow it.
pub(crate) fn to_get_of<'a>(
    queues: impl Iterator<Item = &'a Queue>,
) -> Result<SmallVec<[Arc<Shared>; 1]>, (usize, GetError)> {
    queues
        .enumerate()
        .map(|(at, queue)| queue.to_get().cloned().map_err(|error| (at, error)))
        .collect()
}
