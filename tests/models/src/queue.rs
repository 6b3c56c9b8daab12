//! A queue: the host's lock, lines, hand-over and waits.

#[path = "../../../host/src/queue/account.rs"]
mod account;
#[path = "../../../host/src/queue/entry.rs"]
mod entry;
#[path = "../../../host/src/queue/error.rs"]
mod error;
#[path = "../../../host/src/queue/getting.rs"]
mod getting;
#[path = "../../../host/src/queue/line.rs"]
mod line;
#[path = "../../../host/src/queue/putting.rs"]
mod putting;
#[path = "../../../host/src/queue/shared.rs"]
mod shared;
#[path = "../../../host/src/queue/state.rs"]
mod state;
#[path = "../../../host/src/queue/tally.rs"]
mod tally;
#[path = "../../../host/src/queue/wait.rs"]
mod wait;

mod item;
mod registry;

use std::sync::{Arc, Weak};

use bytesize::ByteSize;
use smallvec::SmallVec;

use self::account::Account;
pub(crate) use self::error::FOREIGN;
pub use self::error::{GetError, PutError};
pub use self::item::Unbound;
pub(crate) use self::item::{ITEM_OVERHEAD, Item, Queue, QueueId, Received};
use self::putting::PutAttempt;
use self::shared::Make;
pub(crate) use self::shared::{Shared, Side};
use self::wait::{Delivery, GetWait, PutWait, Putter, block_until};
use crate::budget::Budget;
use crate::interpreter::InterpreterId;
use crate::ledger::{Kind, Ledger};
use crate::limits::Limits;
use crate::scheduler::Life;

/// A queue of numbers, as the host's handles and guests use it.
#[derive(Clone)]
pub struct Numbers(Arc<Shared>);

/// An interpreter that puts, and pays for what nobody has got yet.
#[derive(Clone)]
pub struct Sender(Arc<Account>);

/// What a get came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// This number, of the queue at this place.
    Number(usize, i64),
    Closed(usize),
    /// Nothing before it was given up.
    Nothing,
}

/// Somebody who waits to get.
pub struct Getting(GetWait);

/// Somebody who waits to put.
pub struct Putting(PutWait);

impl Numbers {
    /// A queue of so many.
    pub fn new(max_size: u32, budget: &Budget) -> Numbers {
        Numbers(Arc::new(Shared::new(Make {
            id: QueueId(1),
            name: None,
            max_size,
            max_bytes: 1 << 20,
            unbound: Unbound::Replace,
            registry: Weak::new(),
            budget: budget.clone(),
            creator: None,
        })))
    }

    /// Puts a number, or stands in line for that.
    pub fn put(&self, number: i64, life: Option<&Life>) -> Result<(), Putting> {
        let putter = || Some(Putter::new(&self.0, life.map(Life::control)));
        match self.0.put(Item::S64(number), None, None, putter) {
            PutAttempt::Done => Ok(()),
            PutAttempt::Failed(error) => panic!("{error}"),
            PutAttempt::Waits(ticket, putter) => Err(Putting(PutWait::new(Arc::clone(&self.0), putter, ticket))),
        }
    }

    /// Puts a number as this interpreter does; whether there was room for it, in the queue and in the account.
    pub fn try_put_of(&self, sender: &Sender, number: i64, unbound: Unbound) -> bool {
        sender.0.touch(&self.0);
        let attempt = self.0.put(Item::S64(number), Some(&sender.0), Some(unbound), || None);
        matches!(attempt, PutAttempt::Done)
    }

    /// Puts a number if there is room and the queue is open; whether it was put.
    pub fn try_put(&self, number: i64) -> bool {
        matches!(self.0.put(Item::S64(number), None, None, || None), PutAttempt::Done)
    }

    pub fn try_get(&self) -> Option<i64> {
        self.0.try_get().ok().map(number)
    }

    pub fn try_get_many(&self, max: usize) -> Vec<i64> {
        let got = self.0.try_get_many(max).unwrap_or_default();
        got.into_iter().map(number).collect()
    }

    /// Takes a number of the first of these queues that has one, or stands in line at all of them.
    pub fn get(queues: &[&Numbers], life: Option<&Life>) -> Getting {
        let queues: SmallVec<_> = queues.iter().map(|queue| Arc::clone(&queue.0)).collect();
        Getting(GetWait::begin(queues, life.map(Life::control)))
    }

    pub fn close(&self) {
        self.0.close();
    }
}

impl Sender {
    /// One that may have so many numbers in queues.
    pub fn of(numbers: u64) -> Sender {
        let limits = Limits {
            messages: ByteSize::b(numbers * ITEM_OVERHEAD),
            ..Limits::default()
        };
        let ledger = Ledger::new(&limits, None);
        Sender(Arc::new(Account::new(InterpreterId(1), &ledger)))
    }

    /// For how many numbers there is room.
    pub fn left(&self) -> u64 {
        self.0.ledger().left(Kind::Messages) / ITEM_OVERHEAD
    }

    /// It has ended.
    pub fn end(&self) {
        self.0.end();
    }
}

impl Getting {
    /// Blocks this thread until there is something.
    pub fn wait(mut self) -> Got {
        block_until(&mut self.0, None).map_or(Got::Nothing, got)
    }

    /// Gives up, as when the time is over.
    pub fn give_up(mut self) -> Got {
        self.0.cancel().map_or(Got::Nothing, got)
    }
}

impl Putting {
    /// Blocks this thread until it is put; whether it was.
    pub fn wait(mut self) -> bool {
        block_until(&mut self.0, None).is_some_and(|done| done.is_ok())
    }

    /// Gives up, as when the time is over; whether it was put before.
    pub fn give_up(mut self) -> bool {
        self.0.cancel().is_err_and(|done| done.is_ok())
    }
}

fn got((at, delivery): (usize, Delivery)) -> Got {
    match delivery {
        Delivery::Entry(entry) => Got::Number(at, number(entry)),
        Delivery::Closed => Got::Closed(at),
    }
}

fn number(entry: entry::Entry) -> i64 {
    match entry.open() {
        Ok(Received::Item(Item::S64(number))) => number,
        _ => panic!("only numbers are put"),
    }
}
