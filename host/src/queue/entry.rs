//! What stands in a queue: an item with what it weighs, who is charged for it, and what becomes of it without its sender.

use std::sync::Arc;

use super::account::{Account, Charge};
use super::{GetError, ITEM_OVERHEAD, Item, PutError, Queue, Received, Unbound};

/// An item in a queue, or what is left of it.
pub(crate) struct Entry {
    content: Content,
    unbound: Unbound,
    pub(super) weight: u64,
    charge: Charge,
}

enum Content {
    Item(Item),
    /// Its sender has ended.
    Lost,
    /// Its sender has ended, and whoever gets it must hear of it.
    Destroyed,
}

/// What was lost with its sender. To be dropped outside the queue's lock: it may hold the last handle of a queue.
pub(super) struct Loss {
    /// What it weighed beside the place that its entry keeps.
    pub(super) freed: u64,
    /// The entry keeps its place.
    pub(super) stays: bool,
    _content: Content,
}

impl Entry {
    /// An entry of an item that is to be put into a queue of so many bytes; its sender is charged.
    pub(super) fn new(
        item: Item,
        max_bytes: u64,
        sender: Option<&Arc<Account>>,
        unbound: Unbound,
    ) -> Result<Entry, PutError> {
        let weight = item.weight();
        if weight > max_bytes {
            return Err(PutError::TooLarge { item, max_bytes });
        }
        match Charge::take(sender, weight) {
            Ok(charge) => Ok(Entry {
                content: Content::Item(item),
                unbound,
                weight,
                charge,
            }),
            Err(hit) => Err(PutError::Limit { item, hit }),
        }
    }

    pub(super) fn is_item(&self) -> bool {
        matches!(self.content, Content::Item(_))
    }

    /// Whoever gets it gets an error.
    pub(crate) fn is_destroyed(&self) -> bool {
        matches!(self.content, Content::Destroyed)
    }

    /// The interpreter of this account ended: what is lost with it, if this entry is its own and does not outlive it.
    pub(super) fn lose(&mut self, sender: &Account) -> Option<Loss> {
        if !self.charge.is_of(sender) || self.unbound == Unbound::Keep {
            return None;
        }
        let content = match self.unbound {
            Unbound::Error => Content::Destroyed,
            Unbound::Keep | Unbound::Replace | Unbound::Remove => Content::Lost,
        };
        self.charge.end();
        let stays = self.unbound != Unbound::Remove;
        // An entry that stays takes memory, as any small item does.
        let kept = if stays { ITEM_OVERHEAD } else { 0 };
        let freed = self.weight - kept;
        self.weight = kept;
        Some(Loss {
            freed,
            stays,
            _content: std::mem::replace(&mut self.content, content),
        })
    }

    pub(super) fn into_item(self) -> Item {
        match self.content {
            Content::Item(item) => item,
            // Only of entries that were put, and nobody tries to put those.
            Content::Lost | Content::Destroyed => Item::None,
        }
    }

    /// The queue that it carries.
    pub(crate) fn queue(&self) -> Option<&Queue> {
        match &self.content {
            Content::Item(Item::Queue(queue)) => Some(queue),
            _ => None,
        }
    }

    /// [`queue`](Entry::queue), out of it.
    pub(super) fn into_queue(self) -> Option<Queue> {
        match self.content {
            Content::Item(Item::Queue(queue)) => Some(queue),
            _ => None,
        }
    }

    /// What whoever gets it gets; it counts towards nobody any more.
    pub(crate) fn open(self) -> Result<Received, GetError> {
        match self.content {
            Content::Item(item) => Ok(Received::Item(item)),
            Content::Lost => Ok(Received::Unbound),
            Content::Destroyed => Err(GetError::InterpreterDestroyed),
        }
    }
}
