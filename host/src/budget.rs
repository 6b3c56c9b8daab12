//! The memory that all interpreters of a pool may use together.
//!
//! Linear memory is charged by its declared size, before it is given, and returned when the store is dropped. A guest
//! that asks for more than is left gets -1 from `memory.grow`, as at its own limit.

use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::limits::{LimitHit, LimitKind};

/// A shared account of bytes. Cloning gives another handle to the same account.
///
/// Invariant: `used <= limit`, and `used` is the sum of what all live interpreters hold.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: u64,
    used: AtomicU64,
    peak: AtomicU64,
}

impl Budget {
    /// An account of `limit` bytes with nothing used.
    pub fn new(limit: u64) -> Budget {
        Budget(Arc::new(Account {
            limit,
            used: AtomicU64::new(0),
            peak: AtomicU64::new(0),
        }))
    }

    /// Bytes that may be used at most.
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.0.used.load(Relaxed)
    }

    /// The most bytes that were ever in use at once.
    pub fn peak(&self) -> u64 {
        self.0.peak.load(Relaxed)
    }

    /// Takes `bytes`, or nothing when fewer are left.
    pub(crate) fn charge(&self, bytes: u64) -> bool {
        let charged = self.0.used.fetch_update(Relaxed, Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| *sum <= self.0.limit)
        });
        match charged {
            Ok(before) => {
                self.0.peak.fetch_max(before + bytes, Relaxed);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes `bytes` until the answer is dropped.
    pub(crate) fn hold(&self, bytes: u64) -> Result<Held, LimitHit> {
        if !self.charge(bytes) {
            let asked = self.used().saturating_add(bytes);
            return Err(LimitHit::new(LimitKind::PoolMemory, self.limit(), asked));
        }
        Ok(Held {
            budget: self.clone(),
            bytes,
        })
    }

    /// Gives back `bytes` that were charged.
    pub(crate) fn release(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Relaxed);
    }
}

/// Bytes that are charged until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Budget,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_gives_more_than_its_limit() {
        let budget = Budget::new(100);
        assert!(budget.charge(60));
        assert!(!budget.charge(41));
        assert!(!budget.charge(u64::MAX));
        assert!(budget.charge(40));
        budget.release(100);
        assert_eq!((budget.used(), budget.peak()), (0, 100));
    }
}
