//! What the host has under this name, from loom.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

pub(crate) use loom::hint;
pub(crate) use loom::sync::{Arc, atomic};

/// As the host's: without poison. In which order locks are taken is looked at where they are real.
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

/// What the host calls its locks.
#[derive(Clone, Copy)]
pub(crate) enum Rank {
    Queue,
    Slot,
    Touched,
    Roster,
    Sleepers,
}

/// Empty while its thread waits at a [`Condvar`].
pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

const NO_POISON: &str = "nobody panics under a lock";

impl<T> Mutex<T> {
    pub(crate) fn new(_: Rank, value: T) -> Mutex<T> {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().expect(NO_POISON)))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().expect(NO_POISON)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().expect("it is held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_deref_mut().expect("it is held")
    }
}

pub(crate) struct Condvar(loom::sync::Condvar);

/// Never: loom has no time.
pub(crate) struct TimedOut;

impl Condvar {
    pub(crate) fn new() -> Condvar {
        Condvar(loom::sync::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.0.take().expect("it is held");
        guard.0 = Some(self.0.wait(held).expect(NO_POISON));
    }

    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> TimedOut {
        self.wait(guard);
        TimedOut
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

impl TimedOut {
    pub(crate) fn timed_out(&self) -> bool {
        false
    }
}

/// loom's threads, which know no time either.
pub(crate) mod thread {
    use std::time::Duration;

    pub(crate) use loom::thread::{Thread, current, park, spawn, yield_now};

    pub(crate) fn park_timeout(_: Duration) {
        park();
    }
}
