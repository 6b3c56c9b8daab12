//! The host's one-sided handles: to put only, and to get only.

use super::{GetError, Item, PutError, Queue, Received, Wait};

/// The host's side of a queue that it only puts into.
#[derive(Debug, Clone)]
pub struct Feed(pub(super) Queue);

impl Feed {
    /// As [`Queue::put`].
    ///
    /// # Errors
    /// [`PutError`]
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
pub struct Drain(pub(super) Queue);

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
