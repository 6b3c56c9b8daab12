//! The host's own concurrency with loom's locks, atomics and threads in place of the real ones, so that `tests/` can look at
//! every order in which threads may get on.
#![allow(clippy::expect_used, missing_docs, unreachable_pub, dead_code)] // files of the host, of which a part is used

#[path = "../../../host/src/budget.rs"]
pub mod budget;
#[path = "../../../host/src/scheduler/idle.rs"]
mod idle;

/// Who sleeps and who looks out, as the lanes use it.
pub struct Idle(idle::Idle);

impl Idle {
    /// Whoever finds nothing looks so often before he sleeps.
    pub fn new(looks: u32) -> Idle {
        Idle(idle::Idle::new(looks))
    }

    pub fn queued(&self) {
        self.0.queued();
    }

    pub fn wait(&self, waits: impl Fn() -> bool) -> bool {
        self.0.wait(waits)
    }

    pub fn close(&self) {
        self.0.close();
    }
}

/// The budget, as limiters and queues use it.
pub fn charge(budget: &budget::Budget, bytes: u64) -> bool {
    budget.charge(bytes)
}

pub fn release(budget: &budget::Budget, bytes: u64) {
    budget.release(bytes);
}

/// What a budget says when it has not enough.
mod limits {
    pub struct LimitHit;

    pub enum LimitKind {
        PoolMemory,
    }

    impl LimitHit {
        pub(crate) fn new(_: LimitKind, _: u64, _: impl Into<Option<u64>>) -> LimitHit {
            LimitHit
        }
    }
}

/// What the host has under this name, from loom.
mod sync {
    pub(crate) use loom::sync::{Arc, atomic};
    pub(crate) use loom::{hint, thread};

    /// As parking_lot's: without poison.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("nobody panics under it")
        }
    }
}
