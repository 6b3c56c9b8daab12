//! Queues: messages from one guest to another.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::bindings::wasm_pool::interpreters::queues as wit;
use crate::error::QueueError;
use crate::item::{Item, Message};
use crate::select::Pollable;

/// A queue of values of one type. Cloning gives another handle on the same queue.
///
/// A bounded FIFO in the host: whoever puts waits for room, whoever gets waits for an item, in the order of coming.
pub struct Queue<T> {
    raw: wit::Queue,
    of: PhantomData<fn(T) -> T>,
}

/// What becomes of an item when its sender ends before anybody got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unbound {
    /// Whoever gets it gets [`QueueError::Unbound`] in its place.
    #[default]
    Replace,
    /// Whoever gets it gets [`QueueError::InterpreterDestroyed`].
    Error,
    /// It is removed.
    Remove,
}

/// Makes a [`Queue`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Builder {
    max_size: Option<u32>,
    max_bytes: Option<u64>,
    unbound: Unbound,
}

impl Builder {
    /// How many items it holds at most; 0: bounded by bytes only. Default: 1,024.
    pub fn max_size(mut self, items: u32) -> Builder {
        self.max_size = Some(items);
        self
    }

    /// How many bytes it holds at most; an item counts its content and 64 bytes. Default: 16 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Builder {
        self.max_bytes = Some(bytes);
        self
    }

    /// For items that are put without saying otherwise.
    pub fn unbound(mut self, unbound: Unbound) -> Builder {
        self.unbound = unbound;
        self
    }

    /// The queue.
    ///
    /// # Errors
    /// [`QueueError::Limit`], [`QueueError::Invalid`]
    pub fn create<T: Message>(self) -> Result<Queue<T>, QueueError> {
        let options = wit::QueueOptions {
            max_size: self.max_size,
            max_bytes: self.max_bytes,
            unbound: self.unbound.into(),
        };
        Ok(Queue::from_wit(wit::create(options)?))
    }
}

impl<T: Message> Queue<T> {
    /// A new queue with every default. Nobody else can use it until it is sent to somebody.
    ///
    /// # Errors
    /// [`QueueError::Limit`]
    pub fn create() -> Result<Queue<T>, QueueError> {
        Builder::default().create()
    }

    /// A queue to be configured.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The queue that was granted under this name.
    ///
    /// # Errors
    /// [`QueueError::NotFound`]
    pub fn open(name: &str) -> Result<Queue<T>, QueueError> {
        Ok(Queue::from_wit(wit::open(name)?))
    }

    /// The queue with this id, if this guest created it, was granted it, or was sent it.
    ///
    /// # Errors
    /// [`QueueError::NotFound`]
    pub fn from_id(id: u64) -> Result<Queue<T>, QueueError> {
        Ok(Queue::from_wit(wit::from_id(id)?))
    }

    /// Puts a value, waiting for room.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was put.
    pub fn put(&self, value: &T) -> Result<(), QueueError> {
        self.put_with(value, None, None)
    }

    /// Puts a value, waiting for room as long as `timeout`.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was put.
    pub fn put_timeout(&self, value: &T, timeout: Duration) -> Result<(), QueueError> {
        self.put_with(value, Some(timeout), None)
    }

    /// Puts a value, with what becomes of it should this guest end before anybody got it.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was put.
    pub fn put_with(&self, value: &T, timeout: Option<Duration>, unbound: Option<Unbound>) -> Result<(), QueueError> {
        let item = value.to_item()?.into_wit();
        Ok(self.raw.put(item, timeout.map(nanoseconds), unbound.map(Into::into))?)
    }

    /// Puts a value if there is room now.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was put.
    pub fn try_put(&self, value: &T) -> Result<(), QueueError> {
        Ok(self.raw.put_nowait(value.to_item()?.into_wit(), None)?)
    }

    /// Puts values in this order in one call, waiting for room.
    ///
    /// # Errors
    /// How many were put, and what stopped it.
    pub fn put_many<'a>(&self, values: impl IntoIterator<Item = &'a T>) -> Result<(), (usize, QueueError)>
    where
        T: 'a,
    {
        let items: Result<Vec<_>, _> = values
            .into_iter()
            .map(|value| value.to_item().map(Item::into_wit))
            .collect();
        let items = items.map_err(|error| (0, error.into()))?;
        self.raw
            .put_many(items, None, None)
            .map_err(|part| (part.accepted as usize, part.error.into()))
    }

    /// Gets the next value, waiting for it.
    ///
    /// # Errors
    /// [`QueueError`]
    pub fn get(&self) -> Result<T, QueueError> {
        received(self.raw.get(None)?)
    }

    /// Gets the next value, waiting for it as long as `timeout`.
    ///
    /// # Errors
    /// [`QueueError::Empty`] when none came in time, and as [`get`](Queue::get).
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, QueueError> {
        received(self.raw.get(Some(nanoseconds(timeout)))?)
    }

    /// Gets the next value if there is one now.
    ///
    /// # Errors
    /// As [`get_timeout`](Queue::get_timeout).
    pub fn try_get(&self) -> Result<T, QueueError> {
        received(self.raw.get_nowait()?)
    }

    /// Waits for the next value and takes what else is there, `max` in all at most. Each may be an error of its own.
    ///
    /// # Errors
    /// As [`get`](Queue::get).
    pub fn get_many(&self, max: u32) -> Result<Vec<Result<T, QueueError>>, QueueError> {
        Ok(self.raw.get_many(max, None)?.into_iter().map(received).collect())
    }

    /// The values, waiting for each; ends when the queue is closed and empty. Values that were lost with their senders are passed
    /// over; so is what is no such value.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// The same queue, of values of another type.
    pub fn cast<U: Message>(self) -> Queue<U> {
        Queue::from_wit(self.raw)
    }
}

/// Items as they travel, without a conversion and without a copy in the guest.
impl Queue<Item> {
    /// Puts an item, waiting for room.
    ///
    /// # Errors
    /// [`QueueError`]; nothing was put.
    pub fn put_item(&self, item: Item) -> Result<(), QueueError> {
        Ok(self.raw.put(item.into_wit(), None, None)?)
    }

    /// Puts items in this order in one call, waiting for room.
    ///
    /// # Errors
    /// How many were put, and what stopped it.
    pub fn put_items(&self, items: Vec<Item>) -> Result<(), (usize, QueueError)> {
        let items = items.into_iter().map(Item::into_wit).collect();
        self.raw
            .put_many(items, None, None)
            .map_err(|part| (part.accepted as usize, part.error.into()))
    }
}

impl<T> Queue<T> {
    /// Its number in its pool, from 1; never used again.
    pub fn id(&self) -> u64 {
        self.raw.id()
    }

    /// How many items it holds at most; 0 when only bytes bound it.
    pub fn max_size(&self) -> u32 {
        self.raw.max_size()
    }

    /// How many bytes it holds at most.
    pub fn max_bytes(&self) -> u64 {
        self.raw.max_bytes()
    }

    /// How many items it holds. Others put and get meanwhile.
    pub fn qsize(&self) -> u32 {
        self.raw.qsize()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Whether it has no room.
    pub fn is_full(&self) -> bool {
        self.raw.is_full()
    }

    /// Closes it: nothing more can be put, what is in it can still be got.
    pub fn close(&self) {
        self.raw.close();
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    /// Ready when there may be something to get; for [`wait`](crate::wait).
    pub fn ready_to_get(&self) -> Pollable {
        Pollable(self.raw.subscribe_get())
    }

    /// Ready when there may be room; for [`wait`](crate::wait).
    pub fn ready_to_put(&self) -> Pollable {
        Pollable(self.raw.subscribe_put())
    }

    pub(crate) fn from_wit(raw: wit::Queue) -> Queue<T> {
        Queue { raw, of: PhantomData }
    }

    pub(crate) fn into_wit(self) -> wit::Queue {
        self.raw
    }

    pub(crate) fn raw(&self) -> &wit::Queue {
        &self.raw
    }
}

pub(crate) fn received<T: Message>(received: wit::Received) -> Result<T, QueueError> {
    match received {
        wit::Received::Item(item) => Ok(T::from_item(Item::from_wit(item))?),
        wit::Received::Unbound => Err(QueueError::Unbound),
    }
}

/// As WIT has it; what is longer than 584 years is that.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl From<Unbound> for wit::Unbound {
    fn from(unbound: Unbound) -> wit::Unbound {
        match unbound {
            Unbound::Replace => wit::Unbound::Replace,
            Unbound::Error => wit::Unbound::Error,
            Unbound::Remove => wit::Unbound::Remove,
        }
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Queue<T> {
        Queue::from_wit(self.raw.share())
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

/// See [`Queue::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Queue<T>);

impl<T: Message> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            match self.0.get() {
                Ok(value) => return Some(value),
                Err(QueueError::Unbound | QueueError::InterpreterDestroyed | QueueError::Message(_)) => {}
                Err(_) => return None,
            }
        }
    }
}

impl<'a, T: Message> IntoIterator for &'a Queue<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
