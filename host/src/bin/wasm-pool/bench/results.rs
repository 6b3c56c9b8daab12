//! All that a bench has found out, and how far it can be trusted.

use std::time::Duration;

use wasm_pool::{ByteSize, Limits, units};

use super::figures::{Curve, Density, Figure, Spread};
use super::meter::Message;
use super::probes::{Machine, Others};

/// What was measured so far.
pub(super) struct Results {
    pub machine: Machine,
    pub workers: usize,
    pub quick: bool,
    /// The load average of the last minute, before anything was measured.
    pub load: Option<f64>,
    pub others: Option<Others>,
    pub took: Duration,
    /// It was ended before it was done.
    pub cut: bool,
    pub figures: Vec<Figure>,
    pub curve: Option<Curve>,
    pub densities: Vec<Density>,
}

/// How many instances fit into this machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fits {
    /// Into its memory.
    pub by_memory: u64,
    /// Into what a pool may use, which counts memory as declared.
    pub by_pool_memory: u64,
    /// By mappings and addresses.
    pub by_room: u64,
    /// The least of them.
    pub all: u64,
    /// Which that is, for people.
    pub bound: String,
}

/// From this load for each processor on a machine was not idle before.
const LOADED: f64 = 0.5;

/// From this share of the processors on others matter.
const BUSY: f64 = 0.05;

impl Results {
    pub(super) fn new(machine: Machine, workers: usize, quick: bool) -> Results {
        Results {
            machine,
            workers,
            quick,
            load: None,
            others: None,
            took: Duration::ZERO,
            cut: false,
            figures: Vec::new(),
            curve: None,
            densities: Vec::new(),
        }
    }

    /// Takes in what was told; what is known better replaces what was known before.
    pub(super) fn take_in(&mut self, message: Message) {
        match message {
            Message::Figure(figure) => {
                let known = self.figures.iter_mut().find(|known| known.name == figure.name);
                match known {
                    Some(known) => *known = figure,
                    None => self.figures.push(figure),
                }
            }
            Message::Curve(curve) => self.curve = Some(curve),
            Message::Density(density) => {
                let known = self.densities.iter_mut().find(|known| known.name == density.name);
                match known {
                    Some(known) => *known = density,
                    None => self.densities.push(density),
                }
            }
            Message::Passed(..) | Message::Done(_) => {}
        }
    }

    /// Whether nothing is known yet.
    pub(super) fn is_empty(&self) -> bool {
        let none_waits = self.densities.iter().all(|density| density.each().is_none());
        self.figures.is_empty() && self.curve.is_none() && none_waits
    }

    /// How many instances like these fit.
    pub(super) fn fits(&self, density: &Density) -> Option<Fits> {
        let each = density.each()?.median.max(1.0);
        let pool = Limits::default().pool_memory;
        let by_memory = (self.machine.memory as f64 / each) as u64;
        let by_pool_memory = pool.as_u64() / density.declared.max(1);
        let by_room = self.machine.room;
        let all = by_memory.min(by_pool_memory).min(by_room);
        let bound = match all {
            all if all == by_room => self.machine.bound.clone(),
            all if all == by_memory => "the machine's memory".to_owned(),
            _ => format!(
                "a pool's memory, {} of it declared by each; --pool-memory is {}",
                units::show_size(ByteSize::b(density.declared)),
                units::show_size(pool)
            ),
        };
        Some(Fits {
            by_memory,
            by_pool_memory,
            by_room,
            all,
            bound,
        })
    }

    /// What of it is uncertain.
    fn unsteady(&self) -> Vec<String> {
        let figures = self
            .figures
            .iter()
            .filter(|figure| figure.wall().is_some_and(|wall| wall.is_unsteady()));
        let mut names: Vec<_> = figures.map(|figure| figure.what.clone()).collect();
        let steps = self.curve.iter().flat_map(|curve| curve.steps.iter());
        let unsteady = |rates: &[super::figures::Rate]| {
            Spread::of(rates.iter().map(|rate| rate.guests)).is_some_and(|rate| rate.is_unsteady())
        };
        let steps: Vec<_> = steps
            .filter(|step| unsteady(&step.ours))
            .map(|step| step.workers.to_string())
            .collect();
        if !steps.is_empty() {
            names.push(format!("scaling on {}", steps.join(", ")));
        }
        names
    }

    /// What a reader must know to trust the figures or not; a sentence each.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if cfg!(debug_assertions) {
            notes.push("this is a build without optimisation: what it says is not what wasm-pool costs".to_owned());
        }
        if self.workers > self.machine.cores {
            notes.push(format!(
                "{} workers share {} processors",
                self.workers, self.machine.cores
            ));
        }
        notes.push(self.busy());
        let unsteady = self.unsteady();
        if !unsteady.is_empty() {
            notes.push(format!(
                "rounds differ by more than half, so these are uncertain: {}",
                unsteady.join("; ")
            ));
        }
        if self.quick {
            notes.push("--quick: few rounds, and short ones; a run without it is surer".to_owned());
        }
        notes
    }

    /// Who else used the machine.
    fn busy(&self) -> String {
        let processors = self.machine.processors.unwrap_or(self.machine.cores).max(1);
        let load = self.load.map(|load| (load, load / processors as f64));
        let mut said = Vec::new();
        if let Some((load, _)) = load {
            said.push(format!(
                "the load average was {load:.1} before, on {processors} processors"
            ));
        }
        if let Some(Others { used, stolen }) = self.others {
            said.push(format!("other processes used {:.0}% of them meanwhile", used * 100.0));
            if stolen > 0.005 {
                said.push(format!("the hypervisor took {:.0}%", stolen * 100.0));
            }
        }
        let busy = load.is_some_and(|(_, each)| each > LOADED)
            || self.others.is_some_and(|others| others.used.max(others.stolen) > BUSY);
        match (said.is_empty(), busy) {
            (true, _) => "whether the machine was busy the system does not say".to_owned(),
            (_, true) => format!(
                "the machine is busy ({}): an idle one does better, and what wall time says is uncertain",
                said.join(", ")
            ),
            (_, false) => format!("the machine was quiet: {}", said.join(", ")),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::figures::{Each, Rate, Step};
    use super::*;
    use crate::args::Part;

    /// A bench as it might have gone.
    pub(crate) fn some() -> Results {
        let machine = Machine {
            processor: Some("A <fast> & \"good\" processor with a name that takes much of a line".to_owned()),
            cores: 64,
            processors: Some(96),
            memory: 64 << 30,
            kernel: "Linux 6.18.44 x86_64".to_owned(),
            room: 16_126,
            bound:
                "each takes 4 memory mappings and vm.max_map_count is 65530; `sysctl -w vm.max_map_count=N` raises it"
                    .to_owned(),
        };
        let each = |wall: f64| Each { wall, cpu: wall * 1.1 };
        let mut start = Figure::new(Part::Start, "one-worker", "on one worker");
        start.ours = vec![each(5_000.0), each(5_100.0), each(9_999.0)];
        start.bare = vec![each(4_000.0), each(4_100.0), each(4_200.0)];
        let mut queue = Figure::new(Part::Queue, "64-kib", "64 KiB one way").moving(64 << 10);
        queue.ours = vec![each(8_000.0)];
        let rate = |guests: f64| Rate { guests, cpu: 1e6 };
        let step = |workers: usize| Step {
            workers,
            ours: vec![rate(workers as f64 * 99.0), rate(workers as f64 * 100.0)],
            bare: vec![rate(workers as f64 * 101.0)],
        };
        let mut results = Results::new(machine, 64, true);
        results.figures = vec![start, queue];
        results.curve = Some(Curve {
            steps: [1, 2, 4, 64].map(step).to_vec(),
        });
        results.densities = vec![Density {
            name: "module",
            what: "a module that sleeps",
            instances: 4_000,
            private: vec![16_000.0, 17_000.0],
            tables: vec![8_192.0, 8_192.0],
            declared: 64 << 10,
            source: "/proc/self/smaps_rollup",
        }];
        results
    }

    #[test]
    fn the_least_bound_is_the_one_that_counts() {
        let mut results = some();
        let fits = results.fits(&results.densities[0]).expect("was measured");
        assert_eq!((fits.all, fits.by_room), (16_126, 16_126));
        assert!(
            fits.bound.contains("max_map_count") && fits.by_memory > 2_000_000,
            "{fits:?}"
        );
        results.machine.memory = 1 << 20;
        let fits = results.fits(&results.densities[0]).expect("was measured");
        assert_eq!((fits.all, fits.bound.as_str()), (42, "the machine's memory"));
    }

    #[test]
    fn a_busy_machine_and_rounds_that_differ_are_said() {
        let mut results = some();
        let notes = |results: &Results| results.notes().join("\n");
        assert!(
            notes(&results).contains("uncertain: on one worker"),
            "{}",
            notes(&results)
        );
        results.load = Some(0.4);
        let none = Others {
            used: 0.01,
            stolen: 0.0,
        };
        results.others = Some(none);
        assert!(notes(&results).contains("the machine was quiet"), "{}", notes(&results));
        results.others = Some(Others { used: 0.31, ..none });
        assert!(
            notes(&results).contains("other processes used 31%"),
            "{}",
            notes(&results)
        );
        assert!(notes(&results).contains("the machine is busy"));
        results.others = Some(none);
        results.load = Some(95.0);
        assert!(notes(&results).contains("the machine is busy"));
    }
}
