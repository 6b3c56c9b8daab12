//! Whose the small items in a queue are, and how many bytes of them.
//!
//! An account that was charged with each message and credited with each that is taken would go from the core of who puts to the
//! core of who gets, twice a message. So a queue counts under its lock, and charges the accounts in steps, as it does with
//! the pool's budget. Large items are charged one by one: beside their copies that costs nothing.

use std::sync::Arc;

use indexmap::IndexMap;

use super::account::Account;
use crate::interpreter::InterpreterId;
use crate::limits::LimitHit;

/// Items that weigh more than this are charged one by one.
pub(super) const SMALL: u64 = 4 << 10;

/// Not worth tidying up below this.
const FEW: usize = 8;

/// What each sender has in one queue.
///
/// Invariant: each account is charged with `reserved >= held`, and less than two steps more.
#[derive(Default)]
pub(super) struct Tallies {
    tallies: IndexMap<InterpreterId, Tally>,
    /// Who was asked for last; most often the next is the same.
    last: usize,
}

struct Tally {
    account: Arc<Account>,
    held: u64,
    reserved: u64,
}

impl Tallies {
    /// Counts an item of this sender, or says which limit it hits.
    pub(super) fn hold(&mut self, account: &Arc<Account>, weight: u64) -> Result<(), LimitHit> {
        let at = match self.find(account.owner()) {
            Some(at) => at,
            None => self.open(account),
        };
        self.tallies[at].hold(weight)
    }

    /// An item of this sender is in the queue no more.
    pub(super) fn let_go(&mut self, owner: InterpreterId, weight: u64) {
        if let Some(at) = self.find(owner) {
            self.tallies[at].let_go(weight);
        }
    }

    /// Counts an item again that was counted a moment ago; no limit is asked. Whether it is counted.
    pub(super) fn hold_again(&mut self, owner: InterpreterId, weight: u64) -> bool {
        let Some(at) = self.find(owner) else { return false };
        self.tallies[at].hold(weight).is_ok()
    }

    /// This sender has ended, and so much of it is lost. What of it stays is counted on.
    pub(super) fn end(&mut self, owner: InterpreterId, lost: u64) {
        let Some(at) = self.find(owner) else { return };
        self.tallies[at].let_go(lost);
        if self.tallies[at].held == 0 {
            self.tallies.swap_remove_index(at);
        }
    }

    /// Counts nothing any more.
    pub(super) fn clear(&mut self) {
        self.tallies.clear();
    }

    fn find(&mut self, owner: InterpreterId) -> Option<usize> {
        if self
            .tallies
            .get_index(self.last)
            .is_some_and(|(last, _)| *last == owner)
        {
            return Some(self.last);
        }
        self.last = self.tallies.get_index_of(&owner)?;
        Some(self.last)
    }

    fn open(&mut self, account: &Arc<Account>) -> usize {
        if self.tallies.len() >= FEW && self.tallies.len() == self.tallies.capacity() {
            self.tallies.retain(|_, tally| tally.held > 0);
        }
        let tally = Tally {
            account: Arc::clone(account),
            held: 0,
            reserved: 0,
        };
        self.last = self.tallies.insert_full(account.owner(), tally).0;
        self.last
    }
}

impl Tally {
    fn hold(&mut self, weight: u64) -> Result<(), LimitHit> {
        let held = self.held + weight;
        if held > self.reserved {
            let needed = held - self.reserved;
            let step = needed + self.account.step();
            let more = match self.account.charge(step) {
                Ok(()) => step,
                Err(_) => self.account.charge(needed).map(|()| needed)?,
            };
            self.reserved += more;
        }
        self.held = held;
        Ok(())
    }

    fn let_go(&mut self, weight: u64) {
        self.held -= weight;
        let keep = self.held + self.account.step();
        if self.reserved > keep + self.account.step() {
            self.account.release(self.reserved - keep);
            self.reserved = keep;
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.account.release(self.reserved);
    }
}

#[cfg(test)]
mod tests {
    use bytesize::ByteSize;

    use super::*;
    use crate::ledger::Ledger;
    use crate::limits::Limits;

    fn account(owner: u64, limit: u64) -> Arc<Account> {
        let limits = Limits {
            messages: ByteSize::b(limit),
            ..Limits::default()
        };
        Arc::new(Account::new(InterpreterId(owner), &Ledger::new(&limits, None)))
    }

    #[test]
    fn counts_to_the_byte_where_the_limit_is_near_and_gives_everything_back() {
        let account = account(1, 1 << 20);
        let mut tallies = Tallies::default();
        for _ in 0..1 << 10 {
            assert!(tallies.hold(&account, 1 << 10).is_ok());
        }
        assert!(tallies.hold(&account, 1).is_err());
        tallies.let_go(account.owner(), 1 << 10);
        assert!(tallies.hold(&account, 1 << 10).is_ok());
        drop(tallies);
        assert_eq!(account.in_flight(), 0);
    }

    #[test]
    fn charges_in_steps_and_keeps_less_than_two_of_them() {
        let account = account(1, 64 << 20);
        let mut tallies = Tallies::default();
        assert!(tallies.hold(&account, 100).is_ok());
        assert_eq!(account.in_flight(), 100 + account.step());
        for _ in 0..1_000 {
            assert!(tallies.hold(&account, 100).is_ok());
            tallies.let_go(account.owner(), 100);
            assert_eq!(account.in_flight(), 100 + account.step());
        }
        tallies.let_go(account.owner(), 100);
        assert!(account.in_flight() <= 2 * account.step());
    }

    #[test]
    fn thousands_of_senders_are_forgotten_when_nothing_of_them_is_there() {
        let mut tallies = Tallies::default();
        let stays = account(0, 1 << 20);
        assert!(tallies.hold(&stays, 64).is_ok());
        for owner in 1..10_000 {
            let account = account(owner, 1 << 20);
            assert!(tallies.hold(&account, 64).is_ok());
            tallies.let_go(account.owner(), 64);
        }
        assert!(tallies.tallies.len() <= 2 * FEW, "{}", tallies.tallies.len());
        assert!(tallies.find(stays.owner()).is_some());
    }
}
