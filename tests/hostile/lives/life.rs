//! One life of a hostile guest, and everything that must hold after it.

use std::time::{Duration, Instant};

use wasm_pool::calls::Executor;
use wasm_pool::grants::InterpreterGrant;
use wasm_pool::stdio::{self, OutputPipe, Stdio};
use wasm_pool::{ErrorKind, FileCalls, FutureError, Grants, Outcome, Path, Pool, Program, QueueOptions, Setup, Wait};

use crate::afters::Held;
use crate::guests::{Made, Shape};
use crate::neighbours::Neighbour;
use crate::place::Place;
use crate::share::Scales;
use crate::sidecar::{Output, Sidecar};
use crate::stage::{Plays, Stage};

/// How long a guest may live beyond its deadline: two ticks of the clock, and what a loaded machine takes.
const SLACK: Duration = Duration::from_millis(2 + 200);

/// A guest that misses its deadline on a machine that others load may try again; one that really does misses it each time.
const TRIES: usize = 3;

/// Longer than anything here takes unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who else is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    Alone,
    Neighbours,
}

/// How the guest is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Spawn,
    Call,
}

/// A case in one shape, on one stage.
pub(crate) struct Act<'a> {
    pub(crate) sidecar: &'a Sidecar,
    pub(crate) made: &'a Made,
    pub(crate) stage: &'a Stage,
}

/// How it went.
pub(crate) struct Seen {
    label: String,
    detail: String,
    wall: Duration,
}

impl Act<'_> {
    /// Runs it alone, then beside neighbours, then where its sidecar asks for it many times; as a command, and as a call.
    pub(crate) fn play(&self) -> Result<(), String> {
        let program = match self.load()? {
            Ok(program) => program,
            Err(refused) => return self.agrees(&refused),
        };
        for start in [Start::Spawn, Start::Call] {
            if start == Start::Call && (self.stage.plays == Plays::Beside || !callable(&self.stage.pool, &program)) {
                continue;
            }
            for company in self.companies(start) {
                let said = |error| format!("{start:?} {company:?}: {error}");
                self.once(&program, start, *company).map_err(said)?;
            }
        }
        self.again_and_again(&program)
    }

    /// What an honest neighbour gets of its fair share beside it, if it can be loaded.
    pub(crate) fn weigh(&self, scales: &Scales) -> Result<Option<f64>, String> {
        match self.load()? {
            Ok(program) => scales.weigh(self, &program).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The program, with the queues that it may use; or why it was refused.
    fn load(&self) -> Result<Result<Program, Seen>, String> {
        let limits = self.sidecar.limits()?;
        let program = match Program::from_bytes(&self.stage.engine, "hostile", &self.made.bytes, &limits) {
            Ok(program) => program,
            Err(error) if error.kind() == ErrorKind::Refused => {
                return Ok(Err(Seen {
                    label: "refused".to_owned(),
                    detail: error.to_string(),
                    wall: Duration::ZERO,
                }));
            }
            Err(error) => return Err(error.to_string()),
        };
        for name in &self.sidecar.queues {
            if self.stage.pool.queues().open(name).is_none() {
                let made = self.stage.pool.queues().create_named(name, &QueueOptions::default());
                made.map_err(|error| error.to_string())?;
            }
        }
        Ok(Ok(program))
    }

    /// An engine with room for one has none for neighbours, and where there is one slot the guest is alone. Queues keep a little
    /// of the budget once they were used, so who uses them is alone first. A direct call has neighbours enough in what
    /// runs as a command.
    fn companies(&self, start: Start) -> &'static [Company] {
        match (start, self.stage.plays) {
            (Start::Call, _) | (_, Plays::Alone) => &[Company::Alone],
            (Start::Spawn, Plays::Beside) if self.sidecar.queues.is_empty() && self.sidecar.interpreters.is_none() => {
                &[Company::Neighbours]
            }
            (Start::Spawn, Plays::Beside | Plays::Both) => &[Company::Alone, Company::Neighbours],
        }
    }

    fn once(&self, program: &Program, start: Start, company: Company) -> Result<(), String> {
        let mut late = String::new();
        for _ in 0..TRIES {
            let seen = match company {
                Company::Alone => self.live(program, start)?,
                Company::Neighbours => self.beside(program, start)?,
            };
            self.agrees(&seen)?;
            if let Some(tenants) = &self.stage.tenants {
                tenants.find_nothing(&self.stage.pool)?;
            }
            let deadline = self.sidecar.limits()?.deadline.unwrap_or(PATIENCE);
            if seen.wall <= deadline.saturating_add(SLACK) {
                return Ok(());
            }
            late = format!("it lived {:?} with a deadline of {deadline:?}", seen.wall);
        }
        Err(late)
    }

    /// With a neighbour that began before, one that begins beside it and one that begins after it.
    fn beside(&self, program: &Program, start: Start) -> Result<Seen, String> {
        let Stage { pool, honest, .. } = self.stage;
        let held = Held::at_rest(pool)?;
        let before = Neighbour::start(pool, honest)?;
        let beside = std::thread::scope(|scope| {
            let beside = scope.spawn(|| Neighbour::start(pool, honest)?.ends("beside it"));
            let seen = self.live(program, start);
            (seen, beside.join())
        });
        let (seen, beside) = beside;
        before.ends("before it")?;
        beside.map_err(|_| "the neighbour's thread panicked")??;
        Neighbour::start(pool, honest)?.ends("after it")?;
        held.returns(pool)?;
        seen
    }

    /// Many lives leave no more than one.
    fn again_and_again(&self, program: &Program) -> Result<(), String> {
        let lives = self.sidecar.lives.unwrap_or(0);
        let mut held = Held::at_rest(&self.stage.pool)?;
        for life in 0..lives {
            self.agrees(&self.live(program, Start::Spawn)?)?;
            if life == lives / 10 {
                held = Held::at_rest(&self.stage.pool)?;
            }
        }
        held.returns(&self.stage.pool)
            .map_err(|error| format!("after {lives} lives: {error}"))
    }

    /// One life, in a place of its own.
    pub(crate) fn live(&self, program: &Program, start: Start) -> Result<Seen, String> {
        let pool = &self.stage.pool;
        let place = Place::new(&self.sidecar.place).map_err(|error| error.to_string())?;
        let output = OutputPipe::unbounded();
        let setup = self.setup(&place, &output)?;
        let seen = match start {
            Start::Spawn => spawned(pool, program, setup)?,
            Start::Call => called(pool, program, setup)?,
        };
        for queue in self.sidecar.queues.iter().filter_map(|name| pool.queues().open(name)) {
            // What it left there is not the next one's.
            while queue.get(Wait::No).is_ok() {}
        }
        let printed = String::from_utf8_lossy(&output.take_all()).into_owned();
        place.check(&printed)?;
        match &self.sidecar.prints {
            Some(expected) if printed != *expected => Err(format!("it printed {printed:?} and not {expected:?}")),
            _ => Ok(seen),
        }
    }

    fn setup(&self, place: &Place, output: &OutputPipe) -> Result<Setup, String> {
        let (stdout, stderr) = match self.sidecar.output {
            // What it says to people is taken and thrown away.
            Output::Pipe => (
                stdio::Output::Pipe(output.clone()),
                stdio::Output::Pipe(OutputPipe::unbounded()),
            ),
            Output::None => (stdio::Output::Discard, stdio::Output::Discard),
        };
        let interpreters = self.sidecar.interpreters.map(|[count, depth]| InterpreterGrant {
            count,
            depth,
            programs: Default::default(),
        });
        Ok(Setup {
            limits: self.sidecar.limits()?,
            grants: Grants {
                dirs: place.dirs(),
                args: self.made.args.clone(),
                queues: self.sidecar.queues.clone(),
                interpreters,
                ..Grants::default()
            },
            stdio: Stdio {
                stdout,
                stderr,
                ..Stdio::default()
            },
            file_calls: match self.sidecar.inline {
                true => FileCalls::Inline,
                false => FileCalls::Apart,
            },
            ..Setup::default()
        })
    }

    /// Checks that it ended as its sidecar says.
    fn agrees(&self, seen: &Seen) -> Result<(), String> {
        let expected = self.sidecar.outcome(self.made.shape == Shape::Component);
        let Seen { label, detail, .. } = seen;
        if label != expected {
            return Err(format!("it ended with {label} ({detail}) and not with {expected}"));
        }
        match detail.contains(&self.sidecar.says) {
            true => Ok(()),
            false => Err(format!("{detail:?} says nothing of {:?}", self.sidecar.says)),
        }
    }
}

/// Whether its entry can be called directly.
fn callable(pool: &Pool, program: &Program) -> bool {
    program.path() == Path::Direct && Executor::builder(pool, program).path(Path::Direct).build().is_ok()
}

fn spawned(pool: &Pool, program: &Program, setup: Setup) -> Result<Seen, String> {
    let guest = match pool.spawn(program, setup) {
        Ok(guest) => guest,
        Err(error) if error.kind() == ErrorKind::Refused => {
            return Ok(Seen {
                label: "refused".to_owned(),
                detail: error.to_string(),
                wall: Duration::ZERO,
            });
        }
        Err(error) => return Err(error.to_string()),
    };
    let ending = guest.join_timeout(PATIENCE).ok_or("it lives on and on")?;
    Ok(Seen {
        label: ending.outcome.label(),
        detail: ending.outcome.detail().unwrap_or_default(),
        wall: ending.wall,
    })
}

/// The same as a call of its entry, on a thread that runs it to its end.
fn called(pool: &Pool, program: &Program, setup: Setup) -> Result<Seen, String> {
    let entry = match program.kind() {
        wasm_pool::Kind::Module => "_start",
        wasm_pool::Kind::Component => "run",
    };
    let executor = Executor::builder(pool, program)
        .path(Path::Direct)
        .setup(setup)
        .interpreters(1)
        .build()
        .map_err(|error| error.to_string())?;
    let function = executor.function(entry).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let future = executor
        .submit(&function, Vec::new())
        .map_err(|error| error.to_string())?;
    let outcome = match future.result(Wait::For(PATIENCE)) {
        Ok(_) => Outcome::Exited(0),
        Err(FutureError::Ended(outcome)) => outcome,
        Err(other) => return Err(format!("the call gave nothing: {other:?}")),
    };
    let wall = began.elapsed();
    executor.shutdown(wasm_pool::calls::Pending::Run);
    Ok(Seen {
        label: outcome.label(),
        detail: outcome.detail().unwrap_or_default(),
        wall,
    })
}
