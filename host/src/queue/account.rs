//! What one interpreter has in queues: its bytes in flight, its queues.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use super::QueueId;
use super::shared::Shared;
use crate::budget::{Budget, Held};
use crate::interpreter::InterpreterId;
use crate::limits::{LimitHit, LimitKind, Limits};
use crate::sync::{Mutex, Rank};

/// The account of one interpreter. It outlives the interpreter as long as an item of it lies somewhere.
pub(crate) struct Account {
    owner: InterpreterId,
    in_flight: AtomicU64,
    in_flight_limit: u64,
    queues: AtomicU32,
    queues_limit: u32,
    /// The queues in which something of it may lie.
    touched: Mutex<HashMap<QueueId, Weak<Shared>>>,
}

impl Account {
    pub(crate) fn new(owner: InterpreterId, limits: &Limits) -> Account {
        Account {
            owner,
            in_flight: AtomicU64::new(0),
            in_flight_limit: limits.messages.as_u64(),
            queues: AtomicU32::new(0),
            queues_limit: limits.queues,
            touched: Mutex::new(Rank::Touched, HashMap::new()),
        }
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> InterpreterId {
        self.owner
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

    /// Counts one more queue, if it may have one more.
    pub(super) fn take_queue(&self) -> Result<(), LimitHit> {
        let limit = self.queues_limit;
        self.queues
            .fetch_update(Relaxed, Relaxed, |queues| (queues < limit).then_some(queues + 1))
            .map(drop)
            .map_err(|queues| LimitHit::new(LimitKind::Queues, u64::from(limit), u64::from(queues) + 1))
    }

    pub(super) fn gave_up_queue(&self) {
        self.queues.fetch_sub(1, Relaxed);
    }
}

/// Bytes that the host keeps for a guest outside any queue: on the guest's account and on the pool's, until this is dropped.
pub(crate) struct Load {
    _charge: Charge,
    _held: Held,
}

impl Load {
    pub(crate) fn take(account: &Arc<Account>, budget: &Budget, bytes: u64) -> Result<Load, LimitHit> {
        let charge = Charge::take(Some(account), bytes)?;
        Ok(Load {
            _charge: charge,
            _held: budget.hold(bytes)?,
        })
    }
}

/// The bytes of one item on its sender's account, until this is dropped.
pub(super) struct Charge {
    account: Option<Arc<Account>>,
    bytes: u64,
}

impl Charge {
    /// Charges the sender, if a guest is one.
    pub(super) fn take(sender: Option<&Arc<Account>>, bytes: u64) -> Result<Charge, LimitHit> {
        let Some(account) = sender else {
            return Ok(Charge { account: None, bytes });
        };
        let before = account.in_flight.fetch_add(bytes, Relaxed);
        if before + bytes > account.in_flight_limit {
            account.in_flight.fetch_sub(bytes, Relaxed);
            let asked = before + bytes;
            return Err(LimitHit::new(LimitKind::Messages, account.in_flight_limit, asked));
        }
        Ok(Charge {
            account: Some(Arc::clone(account)),
            bytes,
        })
    }

    /// Whether it is on this account.
    pub(super) fn is_of(&self, account: &Account) -> bool {
        self.account
            .as_ref()
            .is_some_and(|charged| std::ptr::eq(&**charged, account))
    }

    /// Gives the bytes back before the time.
    pub(super) fn end(&mut self) {
        if let Some(account) = self.account.take() {
            account.in_flight.fetch_sub(self.bytes, Relaxed);
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.end();
    }
}
