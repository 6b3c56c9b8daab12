//! How many items lay in each named queue, when.

use crate::queue::{Queue, QueueId};

/// Looked at now and then, and kept where it changed.
pub(super) struct Depths {
    queues: Vec<Watched>,
    samples: usize,
    /// The least time between two looks, in nanoseconds; the clock's tick at first.
    pace: u64,
    next: u64,
}

/// One queue. What lay in it: when, in nanoseconds of the recorder, and how many items.
#[derive(Clone)]
pub(super) struct Watched {
    pub id: QueueId,
    pub name: String,
    pub samples: Vec<(u64, u64)>,
}

/// Queues that are looked at; a manifest has fewer.
const MOST_QUEUES: usize = 64;

/// Samples of all queues together; when there are more, every second one goes, and it is looked half as often.
const MOST_SAMPLES: usize = 32_768;

impl Depths {
    pub(super) fn new() -> Depths {
        Depths {
            queues: Vec::new(),
            samples: 0,
            pace: 0,
            next: 0,
        }
    }

    pub(super) fn queues(&self) -> &[Watched] {
        &self.queues
    }

    /// Whether it is time to look.
    pub(super) fn is_due(&self, now: u64) -> bool {
        now >= self.next
    }

    /// What was seen of the queues at this time.
    pub(super) fn seen(&mut self, queues: &[(Queue, u64)], now: u64) {
        for (queue, items) in queues {
            self.note(queue.id(), queue.name().unwrap_or_default(), *items, now);
        }
        self.next = now + self.pace;
    }

    fn note(&mut self, id: QueueId, name: &str, items: u64, now: u64) {
        let watched = match self.queues.iter_mut().position(|queue| queue.id == id) {
            Some(at) => &mut self.queues[at],
            None if self.queues.len() == MOST_QUEUES => return,
            None => {
                self.queues.push(Watched {
                    id,
                    name: name.to_owned(),
                    samples: Vec::new(),
                });
                let last = self.queues.len() - 1;
                &mut self.queues[last]
            }
        };
        if watched.samples.last().is_some_and(|(_, last)| *last == items) {
            return;
        }
        watched.samples.push((now, items));
        self.samples += 1;
        if self.samples > MOST_SAMPLES {
            self.thin_out(now);
        }
    }

    fn thin_out(&mut self, now: u64) {
        self.pace = (self.pace * 2).max(now / MOST_SAMPLES as u64).max(1_000_000);
        for queue in &mut self.queues {
            let mut number = 0u64;
            queue.samples.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        self.samples = self.queues.iter().map(|queue| queue.samples.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_bounded_and_reach_from_the_begin_to_the_end() {
        let mut depths = Depths::new();
        let all = 10 * MOST_SAMPLES as u64;
        for now in 0..all {
            if depths.is_due(now * 1_000_000) {
                depths.note(QueueId::new(1), "work", now, now * 1_000_000);
                depths.next = now * 1_000_000 + depths.pace;
            }
        }
        let samples = &depths.queues()[0].samples;
        assert!(samples.len() <= MOST_SAMPLES && samples.len() > MOST_SAMPLES / 8);
        assert_eq!(samples.first(), Some(&(0, 0)));
        assert!(samples.last().is_some_and(|(_, items)| *items > all * 9 / 10));
    }
}
