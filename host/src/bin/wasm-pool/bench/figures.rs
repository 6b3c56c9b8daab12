//! What was measured: rounds, and what they say together.

use crate::args::Part;

/// What one operation took in a round, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Each {
    pub wall: f64,
    /// Processor time of this process, all threads together.
    pub cpu: f64,
}

/// The middle of several rounds, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

/// Rounds that differ by more than this tell of a busy machine.
const UNSTEADY: f64 = 1.5;

impl Spread {
    /// Of these values; `None` when there are none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => return None,
            odd if odd % 2 == 1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Spread {
            median,
            min: *values.first()?,
            max: *values.last()?,
        })
    }

    /// Whether its rounds lie too far apart to be trusted.
    pub(super) fn is_unsteady(&self) -> bool {
        self.max > self.min * UNSTEADY
    }
}

/// What one operation moves from guest to guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moves {
    Nothing,
    /// One message of so many bytes.
    Message(u64),
}

/// What one kind of operation takes.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub part: Part,
    /// For programs.
    pub name: &'static str,
    /// For people.
    pub what: String,
    pub moves: Moves,
    pub ours: Vec<Each>,
    /// Bare Wasmtime doing only that, each round just before or after ours; empty where nothing bare does that.
    pub bare: Vec<Each>,
}

impl Figure {
    pub(super) fn new(part: Part, name: &'static str, what: impl Into<String>) -> Figure {
        Figure {
            part,
            name,
            what: what.into(),
            moves: Moves::Nothing,
            ours: Vec::new(),
            bare: Vec::new(),
        }
    }

    /// The same of what moves a message.
    pub(super) fn moving(self, bytes: u64) -> Figure {
        Figure {
            moves: Moves::Message(bytes),
            ..self
        }
    }

    pub(super) fn wall(&self) -> Option<Spread> {
        Spread::of(self.ours.iter().map(|each| each.wall))
    }

    pub(super) fn cpu(&self) -> Option<Spread> {
        Spread::of(self.ours.iter().map(|each| each.cpu))
    }

    pub(super) fn bare_wall(&self) -> Option<Spread> {
        Spread::of(self.bare.iter().map(|each| each.wall))
    }

    pub(super) fn bare_cpu(&self) -> Option<Spread> {
        Spread::of(self.bare.iter().map(|each| each.cpu))
    }

    /// Processor time beside that of bare Wasmtime, round by round.
    pub(super) fn ratio(&self) -> Option<Spread> {
        let pairs = self.ours.iter().zip(&self.bare);
        Spread::of(pairs.map(|(ours, bare)| ours.cpu / bare.cpu))
    }
}

/// How fast guests that compute were done in a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    /// Guests a second.
    pub guests: f64,
    /// Processor time of a guest, in nanoseconds.
    pub cpu: f64,
}

/// So many workers.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub workers: usize,
    pub ours: Vec<Rate>,
    /// Bare Wasmtime on as many threads.
    pub bare: Vec<Rate>,
}

/// What more workers gain. The first step is one worker.
#[derive(Debug, Clone, Default)]
pub(super) struct Curve {
    pub steps: Vec<Step>,
}

impl Curve {
    /// How many times as fast as one worker, round by round.
    pub(super) fn speed_up(&self, step: &Step) -> Option<Spread> {
        faster(&step.ours, &self.steps.first()?.ours)
    }

    /// The same of bare Wasmtime on threads.
    pub(super) fn bare_speed_up(&self, step: &Step) -> Option<Spread> {
        faster(&step.bare, &self.steps.first()?.bare)
    }

    /// Our throughput beside that of bare Wasmtime on as many threads.
    pub(super) fn beside_bare(step: &Step) -> Option<Spread> {
        faster(&step.ours, &step.bare)
    }
}

fn faster(ours: &[Rate], than: &[Rate]) -> Option<Spread> {
    let pairs = ours.iter().zip(than);
    Spread::of(pairs.map(|(ours, than)| ours.guests / than.guests))
}

/// What an instance takes that does nothing but wait.
#[derive(Debug, Clone)]
pub(super) struct Density {
    /// For programs.
    pub name: &'static str,
    /// For people.
    pub what: &'static str,
    /// How many there were at last.
    pub instances: u32,
    /// Memory that is this process's alone, in bytes an instance; one for each batch that was started.
    pub private: Vec<f64>,
    /// The kernel's page tables for it, in bytes an instance.
    pub tables: Vec<f64>,
    /// Linear memory that each declares, in bytes.
    pub declared: u64,
    /// Whose memory was counted: the file below /proc.
    pub source: &'static str,
}

impl Density {
    /// All that an instance takes of the machine's memory, in bytes.
    pub(super) fn each(&self) -> Option<Spread> {
        Spread::of(self.private.iter().zip(&self.tables).map(|(own, tables)| own + tables))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_what_cannot_be_is_left_out() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied()).map(|s| (s.median, s.min, s.max));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some((2.0, 1.0, 3.0)));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some((2.5, 1.0, 4.0)));
        assert_eq!(spread(&[f64::NAN, 1.0, f64::INFINITY]), Some((1.0, 1.0, 1.0)));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn a_speed_up_is_that_of_its_own_round() {
        let rates = |all: &[f64]| all.iter().map(|&guests| Rate { guests, cpu: 1.0 }).collect();
        let step = |workers, ours: &[f64]| Step {
            workers,
            ours: rates(ours),
            bare: Vec::new(),
        };
        // The machine was half as fast in the second round; the third has not come to the second step.
        let curve = Curve {
            steps: vec![step(1, &[10.0, 5.0, 9.0]), step(2, &[19.0, 9.5])],
        };
        let two = curve.speed_up(&curve.steps[1]);
        assert_eq!(two.map(|two| (two.min, two.max)), Some((1.9, 1.9)));
        assert_eq!(curve.bare_speed_up(&curve.steps[1]), None);
    }
}
