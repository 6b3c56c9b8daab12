//! Locks, atomics and threads of ours. The models in `tests/models` put loom's in their place.
//!
//! - Every lock has a [`Rank`], and who holds one takes only locks of higher ranks: so no two threads can wait for each other's.
//! - Where debug assertions are on, as in tests, whoever takes locks in another order panics with the names of both.
//! - Who waits at a [`Condvar`] holds nothing but its lock.

mod lock;
mod rank;

pub(crate) use std::sync::{Arc, atomic};
pub(crate) use std::{hint, thread};

pub(crate) use self::lock::{Condvar, Mutex, MutexGuard, RwLock};
pub(crate) use self::rank::Rank;
