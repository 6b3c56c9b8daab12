//! Where the models run: in all orders with loom, or many times with real threads.

#[cfg(not(feature = "real-threads"))]
mod kind {
    pub use loom::sync::{Arc, atomic};
    pub use loom::thread;

    /// Every order with so many preemptions: with more, the models find nothing else and take hours.
    pub fn in_all_orders(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(model);
    }
}

#[cfg(feature = "real-threads")]
mod kind {
    pub use std::sync::{Arc, atomic};
    pub use std::thread;

    /// Enough that each order which a machine gives by itself comes up.
    const TIMES: usize = 2_000;

    pub fn in_all_orders(_: usize, model: impl Fn() + Sync + Send + 'static) {
        for _ in 0..TIMES {
            model();
        }
    }
}

pub use self::kind::{Arc, atomic, in_all_orders, thread};
