//! What an honest guest that computes gets of its worker beside a hostile one.
//!
//! There is one worker. Beside the honest guest as many copies of the hostile one as [`COPIES`] live one after the other, for
//! as long as the honest one does. Its share is its processor time, of the time that the worker had: the time on the wall without
//! that in which the system ran somebody else. A worker that is held up (by a file, by the host's own work for a hostile
//! guest) had that time too.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use wasm_pool::{Interpreter, Limits, Outcome, Pool, Program, Setup};

use crate::life::{Act, Start};
use crate::stage::Stage;

/// Hostile guests at once.
const COPIES: usize = 2;

/// What the honest guest must get of its fair share.
const ENOUGH: f64 = 0.9;

/// How long the honest guest computes: what goes wrong by chance does so in a short time, what really does in a long one too.
const WINDOWS: [Duration; 3] = [
    Duration::from_millis(150),
    Duration::from_millis(600),
    Duration::from_millis(2_400),
];

/// Computes for ever.
const COMPUTES: &str = r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;

/// A stage with one worker, and who computes there.
pub(crate) struct Scales {
    pub(crate) stage: Stage,
    honest: Program,
    worker: PathBuf,
}

impl Scales {
    pub(crate) fn new(make: impl FnOnce() -> Result<Stage, String>) -> Result<Scales, String> {
        // A thread takes its name when it first runs: whoever is there already is none of the stage's, whatever it is called.
        let before = threads();
        let stage = make()?;
        let honest = Program::from_bytes(&stage.engine, "honest", COMPUTES.as_bytes(), &Limits::default());
        let mut scales = Scales {
            honest: honest.map_err(|error| error.to_string())?,
            worker: PathBuf::new(),
            stage,
        };
        // Who has run a guest has its name.
        scales.compute(WINDOWS[0])?.join();
        let new = threads().into_iter().filter(|thread| !before.contains(thread));
        let mut new: Vec<_> = new.filter(|thread| is_worker(thread)).collect();
        scales.worker = new.pop().ok_or("the stage has no worker")?;
        match new.is_empty() {
            true => Ok(scales),
            false => Err(format!("the stage has {} workers too many", new.len())),
        }
    }

    /// The honest guest's share beside this one, of its fair share; an error when that is too little.
    pub(crate) fn weigh(&self, act: &Act<'_>, program: &Program) -> Result<f64, String> {
        let mut share = 0.0;
        for window in WINDOWS {
            share = self.share(act, program, window)?;
            if share >= ENOUGH {
                return Ok(share);
            }
        }
        Err(format!("an honest neighbour got {share:.2} of its fair share"))
    }

    fn share(&self, act: &Act<'_>, program: &Program, window: Duration) -> Result<f64, String> {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..COPIES {
                scope.spawn(|| {
                    while !over.load(SeqCst) {
                        // How it ends is looked at elsewhere.
                        let _ = act.live(program, Start::Spawn);
                    }
                });
            }
            let waited = self.waited();
            let ending = self.compute(window).map(|honest| honest.join());
            let waited = self.waited().saturating_sub(waited);
            over.store(true, SeqCst);
            let ending = ending?;
            match ending.outcome {
                Outcome::Deadline(_) => {}
                other => return Err(format!("the honest neighbour ended with {other}")),
            }
            let fair = ending.wall.saturating_sub(waited).as_secs_f64() / (COPIES + 1) as f64;
            Ok(ending.cpu.as_secs_f64() / fair)
        })
    }

    fn compute(&self, window: Duration) -> Result<Interpreter, String> {
        let setup = Setup {
            limits: Limits {
                deadline: Some(window),
                ..Limits::default()
            },
            ..Setup::default()
        };
        let pool: &Pool = &self.stage.pool;
        pool.spawn(&self.honest, setup).map_err(|error| error.to_string())
    }

    /// How long the worker was ready to run and the system ran somebody else.
    fn waited(&self) -> Duration {
        let text = std::fs::read_to_string(self.worker.join("schedstat")).unwrap_or_default();
        let nanos = text.split(' ').nth(1).and_then(|text| text.parse().ok());
        Duration::from_nanos(nanos.unwrap_or(0))
    }
}

/// The threads of this process.
fn threads() -> Vec<PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.map(|task| task.path()).collect()
}

/// Whether this thread runs guests.
fn is_worker(thread: &Path) -> bool {
    let name = std::fs::read_to_string(thread.join("comm")).unwrap_or_default();
    let number = name.trim_end().strip_prefix("wasm-pool-");
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}
