//! What one interpreter has in queues: its bytes in flight, its queues.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::QueueId;
use super::shared::Shared;
use crate::budget::{Budget, Held};
use crate::interpreter::InterpreterId;
use crate::ledger::{Kind, Ledger};
use crate::limits::LimitHit;
use crate::sync::{Mutex, Rank};

/// The account of one interpreter. It outlives the interpreter as long as an item of it lies somewhere.
pub(crate) struct Account {
    owner: InterpreterId,
    /// How many queues and how many bytes of messages.
    ledger: Arc<Ledger>,
    /// The queues in which something of it may lie.
    touched: Mutex<HashMap<QueueId, Weak<Shared>>>,
}

impl Account {
    pub(crate) fn new(owner: InterpreterId, ledger: &Arc<Ledger>) -> Account {
        Account {
            owner,
            ledger: Arc::clone(ledger),
            touched: Mutex::new(Rank::Touched, HashMap::new()),
        }
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> InterpreterId {
        self.owner
    }

    /// Where it counts what it takes.
    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Remembers that something of this account may lie in a queue.
    pub(crate) fn touch(&self, queue: &Arc<Shared>) {
        let mut touched = self.touched.lock();
        if touched.len() == touched.capacity() {
            touched.retain(|_, queue| queue.strong_count() > 0);
        }
        touched.insert(queue.id, Arc::downgrade(queue));
    }

    /// Its interpreter has ended: what it put and nobody got goes the way of its `Unbound`.
    pub(crate) fn end(&self) {
        let touched = std::mem::take(&mut *self.touched.lock());
        for queue in touched.values().filter_map(Weak::upgrade) {
            queue.forget(self);
        }
    }

    /// Charges it with bytes, if it has so many left.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), LimitHit> {
        self.ledger.take(Kind::Messages, bytes)
    }

    /// Gives back bytes that were charged.
    pub(super) fn release(&self, bytes: u64) {
        self.ledger.give_back(Kind::Messages, bytes);
    }

    /// What a queue may keep of it beyond what is in it: so little that a thousand queues do not matter.
    pub(super) fn step(&self) -> u64 {
        self.ledger.limit(Kind::Messages) >> 16
    }

    #[cfg(test)]
    pub(super) fn in_flight(&self) -> u64 {
        self.ledger.used(Kind::Messages)
    }

    /// Counts one more queue, if it may have one more.
    pub(super) fn take_queue(&self) -> Result<(), LimitHit> {
        self.ledger.take(Kind::Queues, 1)
    }

    pub(super) fn gave_up_queue(&self) {
        self.ledger.give_back(Kind::Queues, 1);
    }
}

/// Bytes that the host keeps for a guest outside any queue: on the guest's account and on the pool's, until this is dropped.
pub(crate) struct Load {
    _charge: Charge,
    _held: Held,
}

impl Load {
    pub(crate) fn take(account: &Arc<Account>, budget: &Budget, bytes: u64) -> Result<Load, LimitHit> {
        let charge = Charge::take(account, bytes)?;
        Ok(Load {
            _charge: charge,
            _held: budget.hold(bytes)?,
        })
    }
}

/// The bytes of one item on its sender's account, until this is dropped.
pub(super) struct Charge {
    account: Arc<Account>,
    bytes: u64,
}

impl Charge {
    pub(super) fn take(account: &Arc<Account>, bytes: u64) -> Result<Charge, LimitHit> {
        account.charge(bytes)?;
        Ok(Charge {
            account: Arc::clone(account),
            bytes,
        })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.release(self.bytes);
    }
}
