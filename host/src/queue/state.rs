//! What a queue's lock protects: the ring, the lines of those who wait, and the count of bytes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use smallvec::SmallVec;

use super::account::Account;
use super::entry::Entry;
use super::line::Line;
use super::tally::Tallies;
use super::wait::{Delivery, Getter, Putter};
use crate::budget::Budget;
use crate::limits::{LimitHit, LimitKind};
use crate::scheduler::control::Control;

/// Who must be woken once the lock is free.
pub(super) type Wakes = SmallVec<[Waker; 2]>;

/// What a queue's lock protects.
pub(super) struct State {
    pub(super) ring: VecDeque<Entry>,
    /// Weight of the ring.
    pub(super) bytes: u64,
    pub(super) getters: Line<(Arc<Getter>, usize)>,
    pub(super) putters: Line<(Entry, Arc<Putter>)>,
    /// Who wants to hear of an item, and of room, without taking it: pollables.
    pub(super) get_watchers: Line<Watcher>,
    pub(super) put_watchers: Line<Watcher>,
    pub(super) held: u64,
    pub(super) reserved: u64,
    /// What of it is whose.
    pub(super) tallies: Tallies,
    pub(super) closed: bool,
}

/// Somebody who wants to hear of a change, and his life, which may stand still meanwhile.
pub(super) struct Watcher {
    pub(super) waker: Waker,
    pub(super) control: Arc<Control>,
}

/// Everybody who watches hears of it.
pub(super) fn tell(watchers: &mut Line<Watcher>, wakes: &mut Wakes) {
    if watchers.is_empty() {
        return;
    }
    wakes.extend(watchers.take_all().map(|watcher| {
        watcher.control.rouse();
        watcher.waker
    }));
}

/// The budget is charged in steps of this size, so that small messages do not all touch it.
const RESERVE_STEP: u64 = 4 << 10;

impl State {
    pub(super) fn new() -> State {
        State {
            ring: VecDeque::new(),
            bytes: 0,
            getters: Line::new(),
            putters: Line::new(),
            get_watchers: Line::new(),
            put_watchers: Line::new(),
            held: 0,
            reserved: 0,
            tallies: Tallies::default(),
            closed: false,
        }
    }

    /// Nobody is refused for the budget who was in the queue a moment ago.
    pub(super) fn hold_again(&mut self, entry: &mut Entry, budget: &Budget) {
        self.held += entry.weight;
        if self.held > self.reserved && budget.charge(entry.weight) {
            self.reserved += entry.weight;
        }
        if let Some(owner) = entry.tallied()
            && !self.tallies.hold_again(owner, entry.weight)
        {
            entry.unpaid();
        }
    }

    /// Gives an entry to the first who waits for one, or back.
    pub(super) fn hand_over(&mut self, entry: Entry, wakes: &mut Wakes) -> Result<(), Entry> {
        while let Some((getter, index)) = self.getters.take_first() {
            if getter.claim() {
                wakes.extend(getter.fill(index, Delivery::Entry(entry)));
                return Ok(());
            }
        }
        Err(entry)
    }

    pub(super) fn push(&mut self, entry: Entry, wakes: &mut Wakes) {
        self.bytes += entry.weight;
        self.ring.push_back(entry);
        tell(&mut self.get_watchers, wakes);
    }

    /// Charges the budget, and the account of who puts, with an entry that is to stay.
    pub(super) fn hold(
        &mut self,
        entry: &Entry,
        sender: Option<&Arc<Account>>,
        budget: &Budget,
    ) -> Result<(), LimitHit> {
        if let (Some(_), Some(account)) = (entry.tallied(), sender) {
            self.tallies.hold(account, entry.weight)?;
        }
        if !self.reserve(entry.weight, budget) {
            self.untally(entry);
            return Err(LimitHit::new(LimitKind::PoolMemory, budget.limit(), None));
        }
        Ok(())
    }

    /// An entry stays no longer.
    pub(super) fn let_go(&mut self, entry: &Entry, budget: &Budget) {
        self.untally(entry);
        self.release(entry.weight, budget);
    }

    fn untally(&mut self, entry: &Entry) {
        if let Some(owner) = entry.tallied() {
            self.tallies.let_go(owner, entry.weight);
        }
    }

    fn reserve(&mut self, weight: u64, budget: &Budget) -> bool {
        let held = self.held + weight;
        if held > self.reserved {
            let more = (held - self.reserved).next_multiple_of(RESERVE_STEP);
            if !budget.charge(more) {
                return false;
            }
            self.reserved += more;
        }
        self.held = held;
        true
    }

    pub(super) fn release(&mut self, weight: u64, budget: &Budget) {
        self.held -= weight;
        let keep = self.held.next_multiple_of(RESERVE_STEP).max(RESERVE_STEP);
        if self.reserved > keep + RESERVE_STEP {
            budget.release(self.reserved - keep);
            self.reserved = keep;
        }
    }
}
