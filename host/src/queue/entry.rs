//! What stands in a queue: an item with what it weighs, who is charged for it, and what becomes of it without its sender.

use std::sync::Arc;

use super::account::{Account, Charge};
use super::tally::SMALL;
use super::{GetError, ITEM_OVERHEAD, Item, PutError, Queue, Received, Unbound};
use crate::interpreter::InterpreterId;

/// An item in a queue, or what is left of it.
pub(crate) struct Entry {
    content: Content,
    unbound: Unbound,
    pub(super) weight: u64,
    payer: Payer,
}

/// Towards whose account it counts.
enum Payer {
    /// Nobody's: the host put it, or its sender is gone.
    Nobody,
    /// It is small: the queue counts it, as long as it is there.
    Tally(InterpreterId),
    Charge(
        InterpreterId,
        #[expect(dead_code, reason = "gives back what it holds when it is dropped")] Charge,
    ),
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
    /// What of that the queue counted for its sender.
    pub(super) tallied: u64,
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
        let payer = match sender {
            None => Payer::Nobody,
            Some(account) if weight <= SMALL => Payer::Tally(account.owner()),
            Some(account) => match Charge::take(account, weight) {
                Ok(charge) => Payer::Charge(account.owner(), charge),
                Err(hit) => return Err(PutError::Limit { item, hit }),
            },
        };
        Ok(Entry {
            content: Content::Item(item),
            unbound,
            weight,
            payer,
        })
    }

    /// Whose it is, if the queue counts it.
    pub(super) fn tallied(&self) -> Option<InterpreterId> {
        match self.payer {
            Payer::Tally(owner) => Some(owner),
            Payer::Nobody | Payer::Charge(..) => None,
        }
    }

    /// It counts towards nobody from now on.
    pub(super) fn unpaid(&mut self) {
        self.payer = Payer::Nobody;
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
        let tallied = match &self.payer {
            Payer::Tally(owner) if *owner == sender.owner() => self.weight,
            Payer::Charge(owner, _) if *owner == sender.owner() => 0,
            _ => return None,
        };
        if self.unbound == Unbound::Keep {
            return None;
        }
        let content = match self.unbound {
            Unbound::Error => Content::Destroyed,
            Unbound::Keep | Unbound::Replace | Unbound::Remove => Content::Lost,
        };
        self.unpaid();
        let stays = self.unbound != Unbound::Remove;
        // An entry that stays takes memory, as any small item does.
        let kept = if stays { ITEM_OVERHEAD } else { 0 };
        let freed = self.weight - kept;
        self.weight = kept;
        Some(Loss {
            freed,
            tallied,
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
