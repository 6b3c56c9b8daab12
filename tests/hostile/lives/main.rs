//! Every case of `tests/hostile/cases`, through the library: alone and beside three honest neighbours, on both allocators, as
//! a core module and as a component, as a command and as a direct call.
//!
//! After each life: this process is alive and nothing has panicked in any thread; the neighbours have given the right answer;
//! memory, descriptors, threads, queues, the budget and the pool's lives are what they were; it was over in time; and
//! the next tenants of its slots find nothing. And beside it an honest guest that computes gets its share of their worker.
//!
//! The cases run one after the other in this one process, since all of it is counted. Arguments are as those of any
//! other test binary: filters, `--exact`, `--skip`, `--list`.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod afters;
mod guests;
mod life;
mod neighbours;
mod place;
mod share;
mod sidecar;
mod stage;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hostile_cases::{CASES, Case};

use self::guests::{Made, Shape};
use self::life::Act;
use self::sidecar::Sidecar;
use self::stage::{Stage, Stages};

/// What the command line asks for.
#[derive(Default)]
struct Asked {
    filters: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    list: bool,
}

impl Asked {
    fn read() -> Asked {
        let mut asked = Asked::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--exact" => asked.exact = true,
                "--list" => asked.list = true,
                "--skip" => asked.skipped.extend(words.next()),
                // What else there is has a value, and changes nothing here.
                "--test-threads" | "--color" | "--format" | "--logfile" => drop(words.next()),
                flag if flag.starts_with('-') => {}
                _ => asked.filters.push(word),
            }
        }
        asked
    }

    fn wants(&self, name: &str) -> bool {
        let fits = |filter: &String| {
            if self.exact {
                name == filter
            } else {
                name.contains(filter.as_str())
            }
        };
        (self.filters.is_empty() || self.filters.iter().any(fits)) && !self.skipped.iter().any(fits)
    }
}

/// How many of the smallest shares are shown.
const WORST: usize = 10;

/// What has panicked, in whatever thread.
#[derive(Clone, Default)]
struct Panics(Arc<Mutex<Vec<String>>>);

impl Panics {
    fn watch() -> Panics {
        let panics = Panics::default();
        let watched = panics.clone();
        std::panic::set_hook(Box::new(move |panic| watched.lock().push(panic.to_string())));
        panics
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn none(&self) -> Result<(), String> {
        match self.lock().drain(..).next() {
            Some(panic) => Err(format!("something panicked: {panic}")),
            None => Ok(()),
        }
    }
}

fn main() -> ExitCode {
    let asked = Asked::read();
    let (wanted, others): (Vec<&Case>, Vec<&Case>) = CASES.iter().partition(|case| asked.wants(case.name));
    if asked.list {
        wanted.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", wanted.len());
    let (began, panics) = (Instant::now(), Panics::watch());
    // Where nothing is wanted nothing is made.
    let stages = (!wanted.is_empty()).then(|| Stages::new().expect("the stages"));
    let (mut failed, mut shares) = (Vec::new(), Vec::new());
    for case in wanted.iter().filter(|_| stages.is_some()) {
        let case_began = Instant::now();
        let result = stages.as_ref().map_or(Ok(()), |stages| {
            play(case, stages, &panics)?;
            shares.extend(weigh(case, stages)?);
            panics.none()
        });
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!("test {} ... {word} <{:.2?}>", case.name, case_began.elapsed());
        failed.extend(result.err().map(|error| (case.name, error)));
    }
    shares.sort_by(|(one, _), (other, _)| f64::total_cmp(one, other));
    for (share, what) in shares.iter().take(WORST) {
        println!("{share:.2} of its fair share gets an honest neighbour beside {what}");
    }
    for (name, error) in &failed {
        println!("\n---- {name}\n{error}");
    }
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2?}\n",
        wanted.len() - failed.len(),
        failed.len(),
        others.len(),
        began.elapsed()
    );
    // As a test binary ends whose tests fail.
    ExitCode::from(if failed.is_empty() { 0 } else { 101 })
}

/// A case, in every shape, on every stage.
fn play(case: &Case, stages: &Stages, panics: &Panics) -> Result<(), String> {
    let sidecar = Sidecar::parse(case.sidecar)?;
    if sidecar.what.is_empty() || sidecar.rows.is_empty() {
        return Err("its sidecar does not say what it is, or which rows it covers".to_owned());
    }
    for made in guests::shapes(case, guests::folder()) {
        for (name, stage) in on(&sidecar, stages) {
            let act = Act {
                sidecar: &sidecar,
                made: &made,
                stage,
            };
            let said = |error| format!("as a {}, {name}: {error}", shape(&made));
            act.play().and_then(|()| panics.none()).map_err(said)?;
        }
    }
    Ok(())
}

/// What an honest neighbour gets beside a case, in every shape that can be loaded.
fn weigh(case: &Case, stages: &Stages) -> Result<Vec<(f64, String)>, String> {
    let sidecar = Sidecar::parse(case.sidecar)?;
    let mut shares = Vec::new();
    for made in guests::shapes(case, guests::folder()) {
        let act = Act {
            sidecar: &sidecar,
            made: &made,
            stage: &stages.scales.stage,
        };
        let what = format!("{} as a {}", case.name, shape(&made));
        let said = |error| format!("{what}: {error}");
        if let Some(share) = act.weigh(&stages.scales).map_err(said)? {
            shares.push((share, what));
        }
    }
    Ok(shares)
}

/// Where it runs. Who has children needs more than one slot.
fn on<'a>(sidecar: &Sidecar, stages: &'a Stages) -> Vec<(&'static str, &'a Stage)> {
    let mut on = vec![
        ("in slots", &stages.pooling),
        ("in memory on demand", &stages.on_demand),
    ];
    if sidecar.interpreters.is_none() {
        on.push(("in the only slot", &stages.one_slot));
    }
    on
}

fn shape(made: &Made) -> &'static str {
    match made.shape {
        Shape::Module => "core module",
        Shape::Component => "component",
    }
}
