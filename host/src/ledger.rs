//! What adds up over an interpreter and all that descend from it.
//!
//! Memory, handles and open files end with whoever has them, and a grant bounds how many there are at once. What does not end
//! so, a guest would have anew with each child, one after the other: bytes that were written, fuel, processor time, and the
//! queues and messages that lie somewhere when their maker is gone. Each interpreter that stands in a family has a ledger of
//! these, below its parent's: what it takes counts in its own and in all above, and the first that is full refuses.
//!
//! An interpreter that may have no children and is none itself writes into no ledger but for messages and queues, alone.

use std::sync::Arc;
use std::time::Duration;

use crate::limits::{LimitHit, LimitKind, Limits};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The ledger of one interpreter and its descendants. It outlives them as long as something of theirs lies somewhere.
#[derive(Debug)]
pub(crate) struct Ledger {
    parent: Option<Arc<Ledger>>,
    sums: [Sum; KINDS],
}

/// What has a sum. Amounts are bytes, units, nanoseconds or a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Output,
    Fuel,
    CpuTime,
    /// Goes down again.
    Messages,
    /// Goes down again.
    Queues,
}

const KINDS: usize = 5;

#[derive(Debug)]
struct Sum {
    used: AtomicU64,
    limit: u64,
}

impl Kind {
    fn limit(self) -> LimitKind {
        match self {
            Kind::Output => LimitKind::Output,
            Kind::Fuel => LimitKind::Fuel,
            Kind::CpuTime => LimitKind::CpuTime,
            Kind::Messages => LimitKind::Messages,
            Kind::Queues => LimitKind::Queues,
        }
    }
}

impl Ledger {
    /// An empty one below its parent's, if it has one.
    pub(crate) fn new(limits: &Limits, parent: Option<&Arc<Ledger>>) -> Arc<Ledger> {
        let sum = |limit| Sum {
            used: AtomicU64::new(0),
            limit,
        };
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Arc::new(Ledger {
            parent: parent.cloned(),
            // In the order of the kinds.
            sums: [
                sum(limits.output.as_u64()),
                sum(limits.fuel.unwrap_or(u64::MAX)),
                sum(limits.cpu_time.map_or(u64::MAX, nanos)),
                sum(limits.messages.as_u64()),
                sum(u64::from(limits.queues)),
            ],
        })
    }

    /// Takes so much until it is [given back](Ledger::give_back); or nothing, when one above has no room for it.
    pub(crate) fn take(&self, kind: Kind, amount: u64) -> Result<(), LimitHit> {
        for (above, ledger) in self.line().enumerate() {
            let sum = ledger.sum(kind);
            let asked = sum.add(amount);
            if asked > sum.limit {
                let taken = self.line().take(above + 1);
                taken.for_each(|ledger| ledger.sum(kind).sub(amount));
                return Err(LimitHit::new(kind.limit(), sum.limit, asked));
            }
        }
        Ok(())
    }

    pub(crate) fn give_back(&self, kind: Kind, amount: u64) {
        self.line().for_each(|ledger| ledger.sum(kind).sub(amount));
    }

    /// So much is used, for good; whether it was more than there was. Then all that comes after it is too.
    pub(crate) fn spend(&self, kind: Kind, amount: u64) -> Result<(), LimitHit> {
        let mut hit = Ok(());
        for ledger in self.line() {
            let sum = ledger.sum(kind);
            if sum.add(amount) > sum.limit && hit.is_ok() {
                hit = Err(LimitHit::new(kind.limit(), sum.limit, None));
            }
        }
        hit
    }

    /// How much is left, in the one that has least.
    pub(crate) fn left(&self, kind: Kind) -> u64 {
        self.line().map(|ledger| ledger.sum(kind).left()).min().unwrap_or(0)
    }

    /// Its own limit.
    pub(crate) fn limit(&self, kind: Kind) -> u64 {
        self.sum(kind).limit
    }

    #[cfg(test)]
    pub(crate) fn used(&self, kind: Kind) -> u64 {
        self.sum(kind).used.load(Relaxed)
    }

    /// The limit of the one that has least left: the one that was reached, when one was.
    pub(crate) fn nearest(&self, kind: Kind) -> LimitHit {
        let nearest = self.line().map(|ledger| ledger.sum(kind)).min_by_key(|sum| sum.left());
        LimitHit::new(kind.limit(), nearest.map_or(0, |sum| sum.limit), None)
    }

    /// What is each call's own begins again.
    pub(crate) fn begin_call(&self) {
        for kind in [Kind::Fuel, Kind::CpuTime] {
            self.sum(kind).used.store(0, Relaxed);
        }
    }

    fn sum(&self, kind: Kind) -> &Sum {
        &self.sums[kind as usize]
    }

    /// This one and all above it.
    fn line(&self) -> impl Iterator<Item = &Ledger> {
        std::iter::successors(Some(self), |ledger| ledger.parent.as_deref())
    }
}

impl Drop for Ledger {
    /// One after the other: a long line of them must not end in a chain of calls.
    fn drop(&mut self) {
        let mut above = self.parent.take();
        while let Some(mut ledger) = above.and_then(Arc::into_inner) {
            above = ledger.parent.take();
        }
    }
}

impl Sum {
    /// What it is then.
    fn add(&self, amount: u64) -> u64 {
        self.used.fetch_add(amount, Relaxed).saturating_add(amount)
    }

    fn sub(&self, amount: u64) {
        self.used.fetch_sub(amount, Relaxed);
    }

    fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(queues: u32, parent: Option<&Arc<Ledger>>) -> Arc<Ledger> {
        let limits = Limits {
            queues,
            fuel: Some(100),
            ..Limits::default()
        };
        Ledger::new(&limits, parent)
    }

    #[test]
    fn what_one_takes_counts_for_all_above_and_the_first_that_is_full_refuses() {
        let main = of(10, None);
        let (first, second) = (of(8, Some(&main)), of(8, Some(&main)));
        assert_eq!(first.take(Kind::Queues, 8), Ok(()));
        let own = first.take(Kind::Queues, 1);
        assert_eq!(own, Err(LimitHit::new(LimitKind::Queues, 8, 9)));
        let above = second.take(Kind::Queues, 3);
        assert_eq!(above, Err(LimitHit::new(LimitKind::Queues, 10, 11)));
        // Who was refused has taken nothing anywhere.
        assert_eq!((second.left(Kind::Queues), main.left(Kind::Queues)), (2, 2));
        assert_eq!(second.take(Kind::Queues, 2), Ok(()));
        first.give_back(Kind::Queues, 8);
        assert_eq!((first.left(Kind::Queues), main.left(Kind::Queues)), (8, 8));
    }

    #[test]
    fn what_is_spent_stays_spent_for_everybody() {
        let main = of(1, None);
        assert_eq!(of(1, Some(&main)).spend(Kind::Fuel, 60), Ok(()));
        let child = of(1, Some(&main));
        assert_eq!(child.left(Kind::Fuel), 40);
        let hit = LimitHit::new(LimitKind::Fuel, 100, None);
        assert_eq!(child.spend(Kind::Fuel, 41), Err(hit));
        assert_eq!((main.left(Kind::Fuel), main.nearest(Kind::Fuel)), (0, hit));
        assert_eq!(main.spend(Kind::Fuel, 1), Err(hit));
        main.begin_call();
        assert_eq!(child.left(Kind::Fuel), 59);
    }

    #[test]
    fn a_line_of_very_many_ends() {
        let mut last = of(1, None);
        for _ in 0..200_000 {
            last = of(1, Some(&last));
        }
        assert_eq!(last.left(Kind::Queues), 1);
    }
}
