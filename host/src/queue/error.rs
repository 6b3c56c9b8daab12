//! Why a queue did not do what it was asked, one type for each operation; a put that fails hands its item back.

use std::fmt;

use super::Item;
use crate::limits::LimitHit;

/// What is wrong with a handle that came from elsewhere.
pub(crate) const FOREIGN: &str = "a queue or an interpreter of another pool means nothing in this one";

/// Why an item was not put. Nothing was put.
#[derive(Debug, Clone, PartialEq)]
pub enum PutError {
    /// No room, now or within the time. CPython's `QueueFull`.
    Full(Item),
    /// The queue is closed.
    Closed(Item),
    /// The item is larger than the queue can ever hold.
    TooLarge {
        /// The item.
        item: Item,
        /// What the queue holds at most, in bytes.
        max_bytes: u64,
    },
    /// A queue or an interpreter of another pool, which means nothing in this one.
    Foreign(Item),
    /// The handle may only get.
    NotAllowed(Item),
    /// The sender or the pool has no memory left for one more message.
    Limit {
        /// The item.
        item: Item,
        /// The limit that was reached.
        hit: LimitHit,
    },
}

/// Why nothing was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetError {
    /// Nothing there, now or within the time. CPython's `QueueEmpty`.
    Empty,
    /// The queue is closed and nothing is left in it.
    Closed,
    /// The handle may only put.
    NotAllowed,
    /// The sender of this item ended before anybody got it, and the item's [`Unbound`](super::Unbound) said
    /// [`Error`](super::Unbound::Error). The item is gone. CPython's `ItemInterpreterDestroyed`.
    InterpreterDestroyed,
}

/// A batch that was not put as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct PutManyError {
    /// How many of its items were put: the first ones.
    pub accepted: usize,
    /// What stopped it, with the item that was not put.
    pub error: PutError,
    /// The items behind that one.
    pub rest: Vec<Item>,
}

impl PutError {
    /// The item that was not put.
    pub fn into_item(self) -> Item {
        match self {
            PutError::Full(item) | PutError::Closed(item) | PutError::Foreign(item) | PutError::NotAllowed(item) => {
                item
            }
            PutError::TooLarge { item, .. } | PutError::Limit { item, .. } => item,
        }
    }

    /// The same error with the item changed.
    pub(super) fn map(self, change: impl FnOnce(Item) -> Item) -> PutError {
        match self {
            PutError::Full(item) => PutError::Full(change(item)),
            PutError::Closed(item) => PutError::Closed(change(item)),
            PutError::Foreign(item) => PutError::Foreign(change(item)),
            PutError::NotAllowed(item) => PutError::NotAllowed(change(item)),
            PutError::TooLarge { item, max_bytes } => PutError::TooLarge {
                item: change(item),
                max_bytes,
            },
            PutError::Limit { item, hit } => PutError::Limit {
                item: change(item),
                hit,
            },
        }
    }
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PutError::Full(_) => f.write_str("the queue is full"),
            PutError::Closed(_) => f.write_str("the queue is closed"),
            PutError::Foreign(_) => f.write_str(FOREIGN),
            PutError::NotAllowed(_) => {
                f.write_str("this handle is for getting only (a manifest's `puts` grants putting)")
            }
            PutError::TooLarge { item, max_bytes } => write!(
                f,
                "an item of {} bytes does not fit into a queue that holds {max_bytes}",
                item.weight()
            ),
            PutError::Limit { hit, .. } => hit.fmt(f),
        }
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::Empty => "the queue is empty",
            GetError::Closed => "the queue is closed and empty",
            GetError::NotAllowed => "this handle is for putting only (a manifest's `gets` grants getting)",
            GetError::InterpreterDestroyed => "the interpreter that put this item has ended",
        })
    }
}

impl fmt::Display for PutManyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {} items: {}", self.accepted, self.error)
    }
}

impl std::error::Error for PutError {}
impl std::error::Error for GetError {}
impl std::error::Error for PutManyError {}
