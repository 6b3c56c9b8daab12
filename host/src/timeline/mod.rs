//! What every interpreter of a pool did, when: recorded while it runs, told as a picture or as a trace.
//!
//! A pool that was [built to](crate::pool::PoolBuilder::timeline) records, for each interpreter, when it was made, ready, on which
//! worker, waiting for what, and how it ended, and now and then how many items lay in each named queue.
//! [`Pool::timeline`](crate::Pool::timeline) is what there is so far; [`Timeline::write_svg`] draws it, and
//! [`Timeline::write_trace`] writes it for Perfetto and `chrome://tracing`.
//!
//! What it costs: a few per cent of the processor time of guests that do nothing but answer each other, and of those that begin and
//! end at once (`host/benches/timeline.rs`); a guest that computes has at most a turn every switch interval, and notices nothing.
//!
//! What bounds it: 8 MiB of turns (more beyond 64 workers), 65,536 interpreters, 32,768 depths of at most 64 queues. When the turns
//! are more, those of an interpreter that lie closest together become one, as close as it takes: sums stay exact, places within
//! a [`Timeline::grain`] do not.
//!
//! - `waits`: what a life says that it waits for; `track`: what it does now.
//! - `log`: the turns on one worker, bounded; `depth`: the queues, bounded.
//! - `recorder`: who writes all that; `story`: the record as it is told.
//! - `svg`, `trace`: the two ways to look at it.

mod depth;
mod log;
mod recorder;
mod story;
mod svg;
mod trace;
mod track;
mod waits;

pub(crate) use self::recorder::Recorder;
pub use self::story::{Does, Life, Stretch, Timeline};
pub use self::track::State;
pub(crate) use self::track::Track;
pub use self::waits::WaitsFor;
pub(crate) use self::waits::{as_poll, gives_way, this_is_worker, waits_for};
