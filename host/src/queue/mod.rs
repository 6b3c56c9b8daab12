//! Messages between interpreters, and between them and the host.
//!
//! A [`Queue`] is a bounded FIFO. Guests use it through the interface `queues` in `wit/`, the host through this type, blocking or
//! async; all stand in the same lines and are served in the order in which they came. The semantics are those of PEP 734,
//! with bounds, close, batches, select and iteration besides.
//!
//! What bounds a queue: a number of items and a number of bytes. What bounds a guest: the bytes that it has in flight, the
//! queues that it may create ([`Limits`](crate::Limits)). What bounds a pool: the number of its queues, and its memory, which
//! the items are charged to as guests' memory is.
//!
//! - `shared`: the queue itself, a lock around a ring and two lines of waiters.
//! - `line`: who waits, in order, and may leave.
//! - `wait`: those who wait, as futures, and threads that wait on one.
//! - `account`: what one interpreter has in queues.
//! - `registry`: the queues of a pool.

mod account;
mod error;
mod item;
mod line;
mod registry;
mod shared;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use smallvec::SmallVec;

pub(crate) use self::account::Account;
pub use self::error::{GetError, PutError, PutManyError};
pub use self::item::{CBOR, Encoded, ITEM_OVERHEAD, Item, MAX_MEDIA_TYPE, Received};
pub(crate) use self::registry::CreateError;
pub use self::registry::{MAX_NAME, Queues, check_name};
use self::shared::PutAttempt;
pub(crate) use self::shared::{Shared, Side};
use self::wait::{Delivery, GetWait, PutWait, Putter};
pub(crate) use self::wait::{Watch, block_until};
use crate::error::{Error, ErrorKind, Result};
use crate::executor::control::Control;

/// Names a queue within its pool, from 1; never used again in the pool's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub(crate) u64);

impl QueueId {
    /// The id with this number. It names a queue only if the pool has one with it.
    pub fn new(number: u64) -> QueueId {
        QueueId(number)
    }

    /// Its number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What becomes of an item when the interpreter that put it ends before anybody got it. Items of the host stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unbound {
    /// Whoever gets it gets [`Received::Unbound`] in its place. CPython's `UNBOUND`, and its default.
    #[default]
    Replace,
    /// Whoever gets it gets [`GetError::InterpreterDestroyed`], once. CPython's `UNBOUND_ERROR`.
    Error,
    /// It is removed. CPython's `UNBOUND_REMOVE`.
    Remove,
    /// It is delivered all the same. Only for queues that the host makes.
    Keep,
}

/// What a new queue is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueOptions {
    /// How many items it holds at most; 0: bounded by bytes only. Default: 1,024.
    pub max_size: u32,
    /// How many bytes it holds at most; an item counts [`Item::weight`]. Default: 16 MiB.
    pub max_bytes: ByteSize,
    /// For items that are put without saying otherwise. Default: [`Unbound::Replace`].
    pub unbound: Unbound,
}

impl Default for QueueOptions {
    fn default() -> QueueOptions {
        QueueOptions {
            max_size: 1_024,
            max_bytes: ByteSize::mib(16),
            unbound: Unbound::Replace,
        }
    }
}

impl QueueOptions {
    /// Checks that a queue can be like this.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`]
    pub fn check(&self) -> Result<()> {
        if self.max_bytes.as_u64() < ITEM_OVERHEAD {
            let message = format!(
                "a queue of {} bytes holds no item, which counts at least {ITEM_OVERHEAD}",
                self.max_bytes.as_u64()
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(())
    }
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    No,
    /// At most so long.
    For(Duration),
    /// As long as it takes.
    Forever,
}

impl Wait {
    /// Until when, from now; `None` for ever, which is also what lies beyond the clock's end.
    fn until(self) -> Option<Instant> {
        match self {
            Wait::No => Some(Instant::now()),
            Wait::For(time) => Instant::now().checked_add(time),
            Wait::Forever => None,
        }
    }

    fn at_all(self) -> bool {
        !matches!(self, Wait::No | Wait::For(Duration::ZERO))
    }
}

/// A handle on a queue. Cloning gives another handle on the same queue; when the last one is gone, its items go with it.
///
/// A handle in the host's hands counts as somebody who can help: as long as there is one, guests that wait at this queue
/// are not taken for deadlocked. [`into_feed`](Queue::into_feed) and [`into_drain`](Queue::into_drain) count for one side only.
pub struct Queue {
    shared: Arc<Shared>,
    held_by: HeldBy,
}

/// Who holds a handle, and so for whom it is a hope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldBy {
    /// A guest, or an item.
    Inside,
    /// The host, to put and get.
    Host,
    HostToPut,
    HostToGet,
}

/// Who puts: a guest's account, and its life. The host is nobody.
#[derive(Clone, Copy, Default)]
pub(crate) struct Who<'a> {
    pub account: Option<&'a Arc<Account>>,
    pub control: Option<&'a Arc<Control>>,
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
    #[expect(clippy::result_large_err, reason = "it hands the item back")]
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
    #[expect(clippy::result_large_err, reason = "it hands the items back")]
    pub fn put_many(&self, items: impl IntoIterator<Item = Item>, wait: Wait) -> Result<(), PutManyError> {
        let until = wait.until();
        let mut items = items.into_iter().map(Item::inside).peekable();
        let mut accepted = 0;
        loop {
            let stopped = match self.shared.put_some(&mut items, None, None) {
                Ok(put) => {
                    accepted += put;
                    let Some(item) = items.next() else { return Ok(()) };
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
                rest: items.map(Item::outside).collect(),
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
        self.get_as(Who::default(), wait).await.map(Received::outside)
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
            got => return Ok(open_all(got?, Received::outside)),
        };
        let more = self.shared.try_get_many(max - 1).unwrap_or_default();
        let mut got = vec![first];
        got.extend(open_all(more, Received::outside));
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
        let (at, received) = Self::select_as(shared_of(queues.iter().copied()), Who::default(), wait).await?;
        Ok((at, received.outside()))
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

    fn next_item(&self) -> Option<Item> {
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
        delivered(got)
    }
}

/// What guests do, on their fibers.
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

    pub(crate) fn try_put_as(&self, item: Item, unbound: Option<Unbound>, who: Who<'_>) -> Result<(), PutError> {
        match self.try_put_or_wait(item, unbound, who, Wait::No) {
            Ok(()) => Ok(()),
            Err(Stopped::Failed(error)) => Err(error),
            Err(Stopped::Waits(mut waits)) => after_time(&mut waits),
        }
    }

    pub(crate) async fn put_as(
        &self,
        item: Item,
        unbound: Option<Unbound>,
        who: Who<'_>,
        wait: Wait,
    ) -> Result<(), PutError> {
        let mut waits = match self.try_put_or_wait(item, unbound, who, wait) {
            Ok(()) => return Ok(()),
            Err(Stopped::Failed(error)) => return Err(error),
            Err(Stopped::Waits(waits)) => waits,
        };
        match self.within(&mut waits, wait).await {
            Some(done) => done,
            None => after_time(&mut waits),
        }
    }

    pub(crate) fn try_get_as(&self) -> Result<Received, GetError> {
        self.shared.try_get()?.open()
    }

    pub(crate) async fn get_as(&self, who: Who<'_>, wait: Wait) -> Result<Received, GetError> {
        match self.shared.try_get() {
            Err(GetError::Empty) if wait.at_all() => {}
            got => return got?.open(),
        }
        let queues = SmallVec::from_iter([Arc::clone(&self.shared)]);
        Self::select_as(queues, who, wait)
            .await
            .map(|(_, got)| got)
            .map_err(|(_, error)| error)
    }

    pub(crate) fn try_get_many_as(&self, max: usize) -> Result<Vec<Received>, GetError> {
        Ok(open_all(self.shared.try_get_many(max)?, |received| received))
    }

    pub(crate) fn put_some_as(
        &self,
        items: &mut std::iter::Peekable<impl Iterator<Item = Item>>,
        unbound: Option<Unbound>,
        who: Who<'_>,
    ) -> Result<usize, (usize, PutError)> {
        self.shared.put_some(items, who.account, unbound)
    }

    pub(crate) async fn select_as(
        queues: SmallVec<[Arc<Shared>; 1]>,
        who: Who<'_>,
        wait: Wait,
    ) -> Result<(usize, Received), (usize, GetError)> {
        let Some(first) = queues.first().cloned() else {
            return Err((0, GetError::Empty));
        };
        let control = who.control.filter(|_| wait == Wait::Forever).cloned();
        let mut waits = GetWait::begin(queues, control);
        let got = match Queue::hold(first).within(&mut waits, wait).await {
            Some(got) => Some(got),
            None => waits.cancel(),
        };
        match delivered(got) {
            (at, Ok(received)) => Ok((at, received)),
            (at, Err(error)) => Err((at, error)),
        }
    }

    fn try_put_or_wait(&self, item: Item, unbound: Option<Unbound>, who: Who<'_>, wait: Wait) -> Result<(), Stopped> {
        let putter = || {
            let control = who.control.filter(|_| wait == Wait::Forever).cloned();
            wait.at_all().then(|| Putter::new(&self.shared, control))
        };
        match self.shared.put(item, who.account, unbound, putter) {
            PutAttempt::Done => Ok(()),
            PutAttempt::Failed(error) => Err(Stopped::Failed(error)),
            PutAttempt::Waits(ticket, putter) => {
                Err(Stopped::Waits(PutWait::new(Arc::clone(&self.shared), putter, ticket)))
            }
        }
    }

    /// The future's output, unless the time comes first.
    async fn within<F: Future + Unpin>(&self, future: &mut F, wait: Wait) -> Option<F::Output> {
        let Some(until) = wait.until() else {
            return Some(future.await);
        };
        let timer = self.shared.registry.upgrade().map(|registry| registry.timer.clone())?;
        let sleep = {
            let _entered = timer.enter();
            tokio::time::sleep_until(until.into())
        };
        match futures_util::future::select(future, std::pin::pin!(sleep)).await {
            futures_util::future::Either::Left((output, _)) => Some(output),
            futures_util::future::Either::Right(_) => None,
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

/// The host's side of a queue that it only puts into.
#[derive(Debug, Clone)]
pub struct Feed(Queue);

impl Feed {
    /// As [`Queue::put`].
    ///
    /// # Errors
    /// [`PutError`]
    #[expect(clippy::result_large_err, reason = "it hands the item back")]
    pub fn put(&self, item: impl Into<Item>, wait: Wait) -> Result<(), PutError> {
        self.0.put(item, wait)
    }

    /// As [`Queue::close`].
    pub fn close(&self) {
        self.0.close();
    }
}

/// The host's side of a queue that it only gets from: an iterator that ends when the queue is closed and empty.
#[derive(Debug, Clone)]
pub struct Drain(Queue);

impl Drain {
    /// As [`Queue::get`].
    ///
    /// # Errors
    /// [`GetError`]
    pub fn get(&self, wait: Wait) -> Result<Received, GetError> {
        self.0.get(wait)
    }
}

impl Iterator for Drain {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        self.0.next_item()
    }
}

/// Why a put is not done yet, or never will be.
enum Stopped {
    Failed(PutError),
    Waits(PutWait),
}

/// The time is over for one who waits to put.
#[expect(clippy::result_large_err, reason = "it hands the item back")]
fn after_time(waits: &mut PutWait) -> Result<(), PutError> {
    match waits.cancel() {
        Ok(item) => Err(PutError::Full(item)),
        Err(done) => done,
    }
}

fn delivered(got: Option<(usize, Delivery)>) -> (usize, Result<Received, GetError>) {
    match got {
        Some((at, Delivery::Entry(entry))) => (at, entry.open()),
        Some((at, Delivery::Closed)) => (at, Err(GetError::Closed)),
        None => (0, Err(GetError::Empty)),
    }
}

fn open_all(entries: Vec<shared::Entry>, change: impl Fn(Received) -> Received) -> Vec<Received> {
    entries
        .into_iter()
        .filter_map(|entry| entry.open().ok())
        .map(change)
        .collect()
}

fn shared_of<'a>(queues: impl Iterator<Item = &'a Queue>) -> SmallVec<[Arc<Shared>; 1]> {
    queues.map(|queue| Arc::clone(&queue.shared)).collect()
}
