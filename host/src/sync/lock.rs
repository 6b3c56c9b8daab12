//! parking_lot's locks, with ranks. Where debug assertions are off they are those and nothing besides.
#![allow(clippy::disallowed_types)] // the one place that has them

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use super::Rank;
use super::rank::{Held, Stamp};

/// A lock around a value.
pub(crate) struct Mutex<T> {
    stamp: Stamp,
    inner: parking_lot::Mutex<T>,
}

/// The value of a [`Mutex`], until this is dropped.
pub(crate) struct MutexGuard<'a, T> {
    inner: parking_lot::MutexGuard<'a, T>,
    /// After the guard: a lock is free before its rank is.
    held: Held,
}

impl<T> Mutex<T> {
    pub(crate) fn new(rank: Rank, value: T) -> Mutex<T> {
        Mutex {
            stamp: Stamp::new(rank),
            inner: parking_lot::Mutex::new(value),
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        // Before it is taken: two threads that would wait for each other are told, and do not.
        let held = self.stamp.hold();
        MutexGuard {
            inner: self.inner.lock(),
            held,
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// Where threads wait for a change of what a [`Mutex`] protects.
pub(crate) struct Condvar(parking_lot::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Condvar {
        Condvar(parking_lot::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        guard.held.alone();
        self.0.wait(&mut guard.inner);
    }

    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        until: Instant,
    ) -> parking_lot::WaitTimeoutResult {
        guard.held.alone();
        self.0.wait_until(&mut guard.inner, until)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// A lock that many may hold who only read.
pub(crate) struct RwLock<T> {
    stamp: Stamp,
    inner: parking_lot::RwLock<T>,
}

impl<T: Clone> RwLock<T> {
    pub(crate) fn new(rank: Rank, value: T) -> RwLock<T> {
        RwLock {
            stamp: Stamp::new(rank),
            inner: parking_lot::RwLock::new(value),
        }
    }

    /// A copy of the value.
    pub(crate) fn get(&self) -> T {
        let _held = self.stamp.hold();
        self.inner.read().clone()
    }

    /// Puts another value there; what was there before.
    pub(crate) fn replace(&self, value: T) -> T {
        let _held = self.stamp.hold();
        std::mem::replace(&mut *self.inner.write(), value)
    }
}
