//! Counts what an interpreter takes and refuses what is over its limits.
//!
//! Wasmtime's own limiter bounds each memory and each table; this one bounds their sums and charges the pool's budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use wasmtime::ResourceLimiter;

use crate::budget::Budget;
use crate::ledger::Ledger;
use crate::limits::{LimitHit, LimitKind, Limits};
use crate::pooling::Parts;
use crate::stdio::Written;
use crate::sync::{Mutex, Rank};

/// What outlives the store: how much the interpreter took, for its [`Ending`](crate::Ending).
pub(crate) struct Vitals {
    pub peak_memory: AtomicU64,
    pub written: Written,
    /// Of a family, if it has or may have one.
    family: Option<Arc<Ledger>>,
    /// The last request that was refused.
    refused: Mutex<Option<LimitHit>>,
    /// There is one; looked at before every call.
    has_refused: AtomicBool,
}

impl Vitals {
    /// Of one whose output and fuel count for this family, if it is in one.
    pub(crate) fn new(limits: &Limits, family: Option<Arc<Ledger>>) -> Vitals {
        Vitals {
            peak_memory: AtomicU64::new(0),
            written: Written::new(limits.output.as_u64(), family.clone()),
            family,
            refused: Mutex::new(Rank::Refused, None),
            has_refused: AtomicBool::new(false),
        }
    }

    pub(crate) fn family(&self) -> Option<&Arc<Ledger>> {
        self.family.as_ref()
    }

    pub(crate) fn refuse(&self, hit: LimitHit) {
        *self.refused.lock() = Some(hit);
        self.has_refused.store(true, Relaxed);
    }

    /// What was refused until now is of no interest any more.
    pub(crate) fn forget(&self) {
        if self.has_refused.load(Relaxed) {
            self.has_refused.store(false, Relaxed);
            *self.refused.lock() = None;
        }
    }

    pub(crate) fn refused(&self) -> Option<LimitHit> {
        *self.refused.lock()
    }
}

/// The limiter of one store.
///
/// Invariant: the budget is charged with exactly `memory` bytes, which are given back when this is dropped.
pub(crate) struct Limiter {
    memory_limit: u64,
    tables_limit: u64,
    parts: Parts,
    memory: u64,
    tables: u64,
    /// What the growth under way added; taken back when it fails.
    growing: u64,
    budget: Budget,
    vitals: Arc<Vitals>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits, parts: Parts, budget: &Budget, vitals: &Arc<Vitals>) -> Limiter {
        Limiter {
            memory_limit: limits.memory.as_u64(),
            tables_limit: limits.tables,
            parts,
            memory: 0,
            tables: 0,
            growing: 0,
            budget: budget.clone(),
            vitals: Arc::clone(vitals),
        }
    }

    /// All its memories together, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    fn refuse(&self, kind: LimitKind, limit: u64, asked: u64) -> wasmtime::Result<bool> {
        self.vitals.refuse(LimitHit::new(kind, limit, asked));
        Ok(false)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.growing = 0;
        if maximum.is_some_and(|maximum| desired > maximum) {
            // Its own maximum, which is no limit of ours.
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        let sum = self.memory.saturating_add(more);
        if sum > self.memory_limit {
            return self.refuse(LimitKind::Memory, self.memory_limit, sum);
        }
        if !self.budget.charge(more) {
            let asked = self.budget.used().saturating_add(more);
            return self.refuse(LimitKind::PoolMemory, self.budget.limit(), asked);
        }
        self.memory = sum;
        self.growing = more;
        self.vitals.peak_memory.fetch_max(sum, Relaxed);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory -= self.growing;
        self.budget.release(std::mem::take(&mut self.growing));
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let sum = self.tables.saturating_add(desired.saturating_sub(current) as u64);
        if sum > self.tables_limit {
            return self.refuse(LimitKind::Tables, self.tables_limit, sum);
        }
        self.tables = sum;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.parts.core_instances as usize
    }

    fn tables(&self) -> usize {
        self.parts.tables as usize
    }

    fn memories(&self) -> usize {
        self.parts.memories as usize
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.budget.release(self.memory);
    }
}

#[cfg(test)]
mod tests {
    use bytesize::ByteSize;

    use super::*;

    fn limiter(memory: u64, pool: u64) -> (Limiter, Budget, Arc<Vitals>) {
        let limits = Limits {
            memory: ByteSize::b(memory),
            ..Limits::default()
        };
        let budget = Budget::new(pool);
        let vitals = Arc::new(Vitals::new(&limits, None));
        let parts = Parts {
            memories: 1,
            tables: 1,
            core_instances: 1,
        };
        (Limiter::new(&limits, parts, &budget, &vitals), budget, vitals)
    }

    fn grows(limiter: &mut Limiter, from: usize, to: usize) -> bool {
        limiter.memory_growing(from, to, None).is_ok_and(|given| given)
    }

    #[test]
    fn bounds_the_sum_of_all_memories() {
        let (mut limiter, _, vitals) = limiter(100, 1_000);
        assert!(grows(&mut limiter, 0, 60));
        assert!(!grows(&mut limiter, 0, 60));
        assert_eq!(
            vitals.refused().map(|hit| (hit.kind, hit.asked)),
            Some((LimitKind::Memory, Some(120)))
        );
        assert!(grows(&mut limiter, 60, 100));
    }

    #[test]
    fn gives_everything_back_to_the_pool() {
        let (mut first, budget, _) = limiter(100, 100);
        assert!(grows(&mut first, 0, 80));
        let failed =
            first.memory_growing(80, 90, None).is_ok() && first.memory_grow_failed(wasmtime::Error::msg("no")).is_ok();
        assert!(failed && budget.used() == 80);
        drop(first);
        assert_eq!(budget.used(), 0);
    }
}
