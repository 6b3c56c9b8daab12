//! The host's own concurrency with loom's locks, atomics and threads in place of the real ones, so that `tests/` can look at
//! every order in which threads may get on.
//!
//! What has to do with threads is the host's own code, file by file; what those files only pass along (items, a
//! life's switch) is the least that does.
//!
//! With the feature `real-threads` the locks and threads are the host's own, and each model runs many times: for ThreadSanitizer,
//! as `README.md` says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::new_without_default,
    clippy::len_without_is_empty
)] // only tests use it
#![allow(missing_docs, unreachable_pub, dead_code, unused_imports)] // files of the host, of which a part is used

#[path = "../../../host/src/budget.rs"]
pub mod budget;
mod interpreter;
#[path = "../../../host/src/ledger.rs"]
mod ledger;
mod limits;
mod outcome;
pub mod queue;
pub mod scheduler;
mod status;
#[cfg(not(feature = "real-threads"))]
mod sync;
#[cfg(feature = "real-threads")]
#[path = "../../../host/src/sync/mod.rs"]
mod sync;
mod timeline;
pub mod world;

/// The budget, as limiters and queues use it.
pub fn charge(budget: &budget::Budget, bytes: u64) -> bool {
    budget.charge(bytes)
}

pub fn release(budget: &budget::Budget, bytes: u64) {
    budget.release(bytes);
}
