//! What an executor tells through the `metrics` and `tracing` facades; nothing, where nobody listens.
//!
//! | metric | kind | labels | what |
//! |---|---|---|---|
//! | `wasm_pool_calls_total` | counter | `program`, `outcome` | calls that have ended: `ok`, or an [outcome's label](crate::Outcome::label) |
//! | `wasm_pool_call_seconds` | histogram | `program` | from the start of what was submitted (a call, or a batch of them) to its end |
//! | `wasm_pool_wait_seconds` | histogram | `program` | from submission to start |
//! | `wasm_pool_open_seconds` | histogram | `program` | making an interpreter |
//! | `wasm_pool_interpreters` | gauge | | that work at the moment |
//! | `wasm_pool_waiting` | gauge | | submitted and not yet begun |
//! | `wasm_pool_rejected_total` | counter | | submissions for which there was no room |
//!
//! A recorder that is installed after a program was first used does not hear of that program.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::outcome::Outcome;
use crate::program::Program;

/// What is measured of one program, found once: looking a metric up costs more than a small call.
pub(crate) struct Meters {
    label: Arc<str>,
    pub(super) well: Counter,
    pub(super) call: Histogram,
    pub(super) wait: Histogram,
    pub(super) open: Histogram,
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
pub(super) fn failed(program: &Program, outcome: &Outcome) {
    let label = Arc::clone(&program.meters().label);
    counter!("wasm_pool_calls_total", "program" => label, "outcome" => outcome.label()).increment(1);
    tracing::debug!(program = program.name(), %outcome, "a call failed");
}

/// How busy an executor is.
pub(super) struct Load {
    pub(super) working: Gauge,
    pub(super) waiting: Gauge,
    pub(super) rejected: Counter,
}

impl Load {
    pub(super) fn new() -> Load {
        Load {
            working: gauge!("wasm_pool_interpreters"),
            waiting: gauge!("wasm_pool_waiting"),
            rejected: counter!("wasm_pool_rejected_total"),
        }
    }
}
