//! Who is started again, and which queues are closed when nobody is left to put into them.

use std::time::Duration;

use wasm_pool::manifest::{LONGEST_BACKOFF, Part, Restart, SHORTEST_BACKOFF};
use wasm_pool::{Ending, Queues, units};

use crate::names::Names;
use crate::progress::Bar;
use crate::report;
use crate::session::crew::{Keeper, Start};

/// The instances of a manifest's programs, by their places in the run.
pub(super) struct Instances<'a> {
    pub places: Vec<Place<'a>>,
    pub queues: &'a Queues,
    pub names: &'a Names,
    pub bar: &'a Bar,
}

/// One instance.
pub(super) struct Place<'a> {
    pub part: &'a Part,
    pub start: Start,
    pub restarted: u32,
    pub over: bool,
}

impl Instances<'_> {
    /// It is over for good: closes the queues into which nobody puts any more.
    fn over(&mut self, place: usize) {
        self.places[place].over = true;
        for queue in &self.places[place].part.puts {
            let puts = |place: &Place<'_>| !place.over && place.part.puts.contains(queue);
            if self.places.iter().any(puts) {
                continue;
            }
            if let Some(queue) = self.queues.open(queue) {
                queue.close();
            }
        }
    }
}

impl Keeper for Instances<'_> {
    fn ended(&mut self, place: usize, ending: &Ending, may_restart: bool) -> Option<Duration> {
        let instance = &mut self.places[place];
        let failed = !ending.outcome.is_success();
        match instance.part.restart {
            Restart::OnFailure { budget, backoff } if failed && may_restart && instance.restarted < budget => {
                let wait = backoff
                    .max(SHORTEST_BACKOFF)
                    .saturating_mul(1u32.checked_shl(instance.restarted).unwrap_or(u32::MAX));
                instance.restarted += 1;
                let wait = wait.min(LONGEST_BACKOFF);
                self.bar.suspend(|| {
                    report::note(format!(
                        "{} ended with {}, again in {} ({} of {budget})",
                        self.names.label(place),
                        ending.outcome,
                        units::show_duration(wait),
                        instance.restarted
                    ));
                });
                Some(wait)
            }
            _ => {
                self.over(place);
                None
            }
        }
    }

    fn again(&mut self, place: usize) -> Start {
        self.places[place].start.clone()
    }
}
