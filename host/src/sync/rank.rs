//! The order in which locks are taken.

#[cfg(debug_assertions)]
use std::cell::RefCell;

/// The ranks of all locks of this crate, from the one that is taken first to the one under which nothing is taken.
///
/// | held | may be taken under it, and why |
/// |---|---|
/// | `Compilations` | `Compilation`: who waits for it |
/// | `Seats` | `ClockFlags`: of a new seat; `Roster`: places that are needed no more |
/// | `SeatCurrent` | what ends a life: `Parked`, `Reach`, `Sleepers` |
/// | `Polls` | `Reply`, `Queue`: whether what it waits for is there; `Waiting` |
/// | `Reply` | `Waiting` |
/// | `Queue` | `Slot`, `Waiting`: who is served |
/// | `Slot` | `Waiting` |
/// | `Waiting` | what drops the last handle of a queue: `Tables`, `Graves` |
///
/// What is not in this table takes nothing under it. Places that are filled once ([`OnceLock`](std::sync::OnceLock)) take none
/// of these while they are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// What is compiled now.
    Compilations,
    /// One compilation.
    Compilation,
    /// The code cache's listing of its folder.
    Listing,
    /// An executor's program.
    Program,
    /// Functions of an executor's program, by name.
    Functions,
    /// An executor's queue and its seats.
    Seats,
    /// What runs in a seat.
    SeatCurrent,
    /// A seat between two turns.
    SeatBetween,
    /// A result to come.
    Promise,
    /// Which of several results are there.
    Settled,
    /// The value of a typed call on its way to its future.
    Typed,
    /// The desk of an interpreter, where calls are handed in.
    Desk,
    /// What a guest polls.
    Polls,
    /// An answer to come.
    Reply,
    /// A queue.
    Queue,
    /// One who waits at a queue.
    Slot,
    /// The queues in which an interpreter's items may lie.
    Touched,
    /// What a life that stands still waits for.
    Waiting,
    /// The queues of a pool.
    Tables,
    /// Queues on their way out.
    Graves,
    /// The lives of a pool.
    Roster,
    /// Who calls directly, and who waits for that.
    Threads,
    /// Flags of the threads that call directly.
    ClockFlags,
    /// A life's turn in a lane.
    Parked,
    /// How to reach a life.
    Reach,
    /// Whom a life's processor time counts for besides itself.
    Family,
    /// Workers that sleep.
    Sleepers,
    /// How a life ended.
    Ending,
    /// The last request that a guest's limits refused.
    Refused,
    /// A guest's output on its way.
    Output,
    /// A guest's input that came and was not read yet.
    Input,
    /// What starts the thread that reads an input.
    Reader,
    /// Lives in the record.
    Lives,
    /// Depths of queues in the record.
    Depths,
    /// Turns of one worker in the record.
    Turns,
}

/// The rank of a lock; nothing where debug assertions are off.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    #[cfg(debug_assertions)]
    rank: Rank,
}

/// A rank that this thread holds, until it is dropped; nothing where debug assertions are off.
pub(super) struct Held {
    #[cfg(debug_assertions)]
    rank: Rank,
}

#[cfg(debug_assertions)]
thread_local! {
    static HELD: RefCell<Vec<Rank>> = const { RefCell::new(Vec::new()) };
}

#[cfg(debug_assertions)]
impl Stamp {
    pub(super) fn new(rank: Rank) -> Stamp {
        Stamp { rank }
    }

    /// This thread is about to take the lock.
    pub(super) fn hold(self) -> Held {
        let Stamp { rank } = self;
        let above = with(|held| {
            let above = held.iter().copied().find(|held| *held >= rank);
            held.push(rank);
            above
        });
        let held = Held { rank };
        // Who panics already is not helped by a second panic.
        if let Some(above) = above.flatten()
            && !std::thread::panicking()
        {
            assert!(
                above < rank,
                "the lock {rank:?} is taken under {above:?}, whose rank is not lower"
            );
        }
        held
    }
}

#[cfg(debug_assertions)]
impl Held {
    /// Nothing else is held.
    pub(super) fn alone(&self) {
        let Held { rank } = self;
        let others = with(|held| held.iter().copied().filter(|other| other != rank).collect::<Vec<_>>());
        let others = others.unwrap_or_default();
        assert!(
            others.is_empty(),
            "who waits with the lock {rank:?} holds {others:?} too"
        );
    }
}

#[cfg(debug_assertions)]
impl Drop for Held {
    fn drop(&mut self) {
        with(|held| {
            if let Some(at) = held.iter().rposition(|held| *held == self.rank) {
                held.remove(at);
            }
        });
    }
}

/// What this thread holds; `None` for a thread that is on its way out.
#[cfg(debug_assertions)]
fn with<T>(look: impl FnOnce(&mut Vec<Rank>) -> T) -> Option<T> {
    HELD.try_with(|held| look(&mut held.borrow_mut())).ok()
}

#[cfg(not(debug_assertions))]
impl Stamp {
    #[inline(always)]
    pub(super) fn new(_: Rank) -> Stamp {
        Stamp {}
    }

    #[inline(always)]
    pub(super) fn hold(self) -> Held {
        Held {}
    }
}

#[cfg(not(debug_assertions))]
impl Held {
    #[inline(always)]
    pub(super) fn alone(&self) {}
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::sync::{Condvar, Mutex, Rank};

    fn said(run: impl FnOnce()) -> String {
        let said = catch_unwind(AssertUnwindSafe(run))
            .err()
            .and_then(|panic| panic.downcast::<String>().ok());
        said.map(|said| *said).unwrap_or_default()
    }

    #[test]
    fn locks_are_taken_in_the_order_of_their_ranks() {
        let queue = Mutex::new(Rank::Queue, 1);
        let slot = Mutex::new(Rank::Slot, 2);
        let held = queue.lock();
        assert_eq!(*held + *slot.lock(), 3);
        drop(held);
        let slot_first = said(|| drop((slot.lock(), queue.lock())));
        assert!(slot_first.contains("Queue is taken under Slot"), "{slot_first}");
        // Two of a rank have no order.
        let other = Mutex::new(Rank::Queue, 4);
        let twice = said(|| drop((queue.lock(), other.lock())));
        assert!(twice.contains("Queue is taken under Queue"), "{twice}");
        // And what went wrong holds nothing.
        assert_eq!(*queue.lock(), 1);
    }

    #[test]
    fn who_waits_holds_one_lock() {
        let (roster, queue) = (Mutex::new(Rank::Roster, ()), Mutex::new(Rank::Queue, ()));
        let waits = said(|| {
            let _held = queue.lock();
            Condvar::new().wait(&mut roster.lock());
        });
        assert!(waits.contains("Roster holds [Queue] too"), "{waits}");
    }

    #[test]
    fn locks_may_be_given_back_in_any_order() {
        let (queue, slot) = (Mutex::new(Rank::Queue, ()), Mutex::new(Rank::Slot, ()));
        let first = queue.lock();
        let second = slot.lock();
        drop(first);
        drop(second);
        drop((queue.lock(), slot.lock()));
    }
}
