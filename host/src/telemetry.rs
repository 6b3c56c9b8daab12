//! What pools and executors tell through the `metrics` and `tracing` facades; nothing, where nobody listens.
//!
//! | metric | kind | labels | what |
//! |---|---|---|---|
//! | `wasm_pool_calls_total` | counter | `program`, `outcome` | calls that have ended: `ok`, or an [outcome's label](crate::Outcome::label) |
//! | `wasm_pool_call_seconds` | histogram | `program` | from the start of what was submitted (a call, or a batch of them) to its end |
//! | `wasm_pool_wait_seconds` | histogram | `program` | from submission to start |
//! | `wasm_pool_open_seconds` | histogram | `program` | making an interpreter |
//! | `wasm_pool_working` | gauge | | interpreters that make calls at the moment |
//! | `wasm_pool_waiting` | gauge | | submitted and not yet begun |
//! | `wasm_pool_rejected_total` | counter | | submissions for which there was no room |
//! | `wasm_pool_interpreters`, `wasm_pool_interpreters_peak` | gauge | | lives that are not over; the most at once |
//! | `wasm_pool_memory_bytes`, `wasm_pool_memory_peak_bytes` | gauge | | linear memory and queued items; the most at once |
//! | `wasm_pool_queue_items`, `wasm_pool_queue_bytes` | gauge | `queue` | what lies in each named queue |
//!
//! The last three rows are as of the last [`Pool::observe`]. A recorder that is installed after a program was first used does
//! not hear of that program. What is submitted runs in a `tracing` span `task`, with `program`, `interpreter` and `call`.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::outcome::Outcome;
use crate::pool::Pool;
use crate::program::Program;

/// What is measured of one program, found once: looking a metric up costs more than a small call.
pub(crate) struct Meters {
    label: Arc<str>,
    pub(crate) well: Counter,
    pub(crate) call: Histogram,
    pub(crate) wait: Histogram,
    pub(crate) open: Histogram,
}

impl Meters {
    pub(crate) fn new(program: &str) -> Meters {
        let label: Arc<str> = program.into();
        Meters {
            well: counter!("wasm_pool_calls_total", "program" => Arc::clone(&label), "outcome" => "ok"),
            call: histogram!("wasm_pool_call_seconds", "program" => Arc::clone(&label)),
            wait: histogram!("wasm_pool_wait_seconds", "program" => Arc::clone(&label)),
            open: histogram!("wasm_pool_open_seconds", "program" => Arc::clone(&label)),
            label,
        }
    }
}

/// A call failed.
pub(crate) fn failed(program: &Program, outcome: &Outcome) {
    let label = Arc::clone(&program.meters().label);
    counter!("wasm_pool_calls_total", "program" => label, "outcome" => outcome.label()).increment(1);
    tracing::debug!(program = program.name(), %outcome, "a call failed");
}

/// How busy an executor is.
pub(crate) struct Load {
    pub(crate) working: Gauge,
    pub(crate) waiting: Gauge,
    pub(crate) rejected: Counter,
}

impl Load {
    pub(crate) fn new() -> Load {
        Load {
            working: gauge!("wasm_pool_working"),
            waiting: gauge!("wasm_pool_waiting"),
            rejected: counter!("wasm_pool_rejected_total"),
        }
    }
}

impl Pool {
    /// Tells what is in the pool at the moment: its lives, its memory, its named queues. A service calls this before it is
    /// scraped.
    pub fn observe(&self) {
        gauge!("wasm_pool_interpreters").set(self.alive() as f64);
        gauge!("wasm_pool_interpreters_peak").set(self.peak() as f64);
        gauge!("wasm_pool_memory_bytes").set(self.budget().used() as f64);
        gauge!("wasm_pool_memory_peak_bytes").set(self.budget().peak() as f64);
        for queue in self.queues().named() {
            let name = queue.name().unwrap_or_default().to_owned();
            gauge!("wasm_pool_queue_items", "queue" => name.clone()).set(queue.qsize() as f64);
            gauge!("wasm_pool_queue_bytes", "queue" => name).set(queue.bytes() as f64);
        }
    }
}
