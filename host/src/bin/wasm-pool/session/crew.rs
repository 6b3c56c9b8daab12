//! The guests of a run, from the first start to the last end: who runs, who has failed, who was told to stop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, at, never, select, unbounded};
use wasm_pool::pool::Expectation;
use wasm_pool::{ByteSize, Ending, InterpreterId, Outcome, Pool, Program, Script, Setup};

use crate::names::Names;
use crate::progress::Bar;
use crate::report;

/// How long killed guests may take to end; a thousand ticks.
const PATIENCE: Duration = Duration::from_secs(1);

/// Looks after guests that are started again.
pub(crate) trait Keeper {
    /// A guest has ended: after how long it is to be started again, if it is.
    fn ended(&mut self, place: usize, ending: &Ending, may_restart: bool) -> Option<Duration>;

    /// What to start again.
    fn again(&mut self, place: usize) -> Start;
}

/// What a guest is started with.
#[derive(Clone)]
pub(crate) struct Start {
    pub program: Program,
    pub setup: Arc<Setup>,
    /// What it runs; none for a command.
    pub script: Option<Arc<Script>>,
}

/// An instance and how it ended.
type End = (usize, Ending, Expectation);

/// The guests of a run, from the first start to the last end.
pub(crate) struct Crew<'a> {
    pool: &'a Pool,
    pub(super) bar: &'a Bar,
    pub(super) stop: &'a Receiver<i32>,
    /// Says that what the guests make can be written no more: nothing is left for them to do.
    broken: Receiver<()>,
    ended: (Sender<End>, Receiver<End>),
    pub(super) endings: Vec<Option<Ending>>,
    running: usize,
    failed: usize,
    fail_fast: bool,
    /// The first failure in time; with `--fail-fast` it is the reason for all that follows.
    pub(super) first_failure: Option<u8>,
    grace: Duration,
    /// The first signal.
    pub(super) stopped: Option<i32>,
    /// When the grace that it gave is over; never again after that.
    grace_over: Receiver<Instant>,
    /// When guests that do not even end when they are killed are given up.
    give_up: Receiver<Instant>,
    began: Instant,
    started: usize,
    /// Which interpreter was at which place.
    places: Vec<(InterpreterId, usize)>,
    keeper: Option<Box<dyn Keeper + 'a>>,
    /// Guests that are to be started again, the next one first.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    /// While some are due, those who wait for them are not deadlocked.
    due_expected: Option<Expectation>,
}

impl<'a> Crew<'a> {
    pub(crate) fn new(
        pool: &'a Pool,
        instances: usize,
        fail_fast: bool,
        grace: Duration,
        bar: &'a Bar,
        stop: &'a Receiver<i32>,
        broken: Receiver<()>,
    ) -> Crew<'a> {
        Crew {
            pool,
            bar,
            stop,
            broken,
            ended: unbounded(),
            endings: vec![None; instances],
            running: 0,
            failed: 0,
            fail_fast,
            first_failure: None,
            grace,
            stopped: None,
            grace_over: never(),
            give_up: never(),
            began: Instant::now(),
            started: 0,
            places: Vec::new(),
            keeper: None,
            due: BinaryHeap::new(),
            due_expected: None,
        }
    }

    /// The same, with somebody who looks after those that end.
    pub(crate) fn kept_by(mut self, keeper: Box<dyn Keeper + 'a>) -> Crew<'a> {
        self.keeper = Some(keeper);
        self
    }

    /// Starts these guests, each at its place, as long as nothing speaks against it, and waits until all have ended.
    pub(crate) fn run(&mut self, guests: impl Iterator<Item = Start>) -> anyhow::Result<()> {
        for (place, start) in guests.enumerate() {
            if !self.takes_more() {
                break;
            }
            self.start(start, place)?;
        }
        self.pool.all_started();
        self.wait();
        Ok(())
    }

    /// Looks at what has happened, without waiting; `false` when nothing new should start.
    fn takes_more(&mut self) -> bool {
        while let Ok((instance, ending, expected)) = self.ended.1.try_recv() {
            self.note_end(instance, ending);
            drop(expected);
        }
        while let Ok(signal) = self.stop.try_recv() {
            self.note_signal(signal);
        }
        self.stopped.is_none() && !(self.fail_fast && self.first_failure.is_some())
    }

    fn start(&mut self, start: Start, instance: usize) -> anyhow::Result<()> {
        let Start { program, setup, script } = start;
        let ended = self.ended.0.clone();
        let pool = self.pool.clone();
        let then = move |_, ending: &Ending| {
            // Whoever waits for this one may get what he waits for when its end is noted. The receiver lives as long as the run.
            let _ = ended.send((instance, ending.clone(), pool.expect()));
        };
        let started = match script {
            None => self.pool.spawn_then(&program, setup, then)?,
            Some(script) => self.pool.spawn_script_then(&program, setup, script, then)?,
        };
        self.places.push((started.id(), instance));
        self.bar.started(started.id(), instance);
        self.running += 1;
        self.started += 1;
        self.bar.say(self.running, self.failed);
        Ok(())
    }

    /// What the interpreters are called that it has started.
    pub(crate) fn called(&self, names: &Names) -> Vec<(InterpreterId, String)> {
        let name = |(id, place): &(InterpreterId, usize)| (*id, names.label(*place).to_string());
        self.places.iter().map(name).collect()
    }

    /// Waits until every guest that started has ended.
    fn wait(&mut self) {
        while self.running > 0 || !self.due.is_empty() {
            let next = self.due.peek().map(|Reverse((due, _))| at(*due)).unwrap_or_else(never);
            let (ended, stop) = (self.ended.1.clone(), self.stop);
            let (grace_over, give_up) = (self.grace_over.clone(), self.give_up.clone());
            let broken = self.broken.clone();
            select! {
                recv(ended) -> end => if let Ok((instance, ending, expected)) = end {
                    self.note_end(instance, ending);
                    drop(expected);
                },
                recv(stop) -> signal => if let Ok(signal) = signal { self.note_signal(signal) },
                recv(next) -> _ => self.start_again(),
                recv(broken) -> _ => {
                    self.broken = never();
                    self.kill_all();
                }
                recv(grace_over) -> _ => {
                    self.grace_over = never();
                    self.kill_all();
                }
                recv(give_up) -> _ => return self.abandon(),
            }
        }
    }

    fn start_again(&mut self) {
        let Some(Reverse((_, place))) = self.due.pop() else {
            return;
        };
        let Some(start) = self.keeper.as_mut().map(|keeper| keeper.again(place)) else {
            return;
        };
        // It was started before: what fails now is the pool, which shuts down.
        if self.start(start, place).is_ok() {
            self.started -= 1;
        }
        if self.due.is_empty() {
            self.due_expected = None;
        }
    }

    /// Ends everybody. Their ends come within a tick, but for one whose worker hangs in a file call of its own.
    fn kill_all(&mut self) {
        self.due.clear();
        self.due_expected = None;
        self.pool.kill_all();
        self.give_up = after(PATIENCE);
    }

    /// What still runs ends with this process.
    fn abandon(&mut self) {
        for ending in self
            .endings
            .iter_mut()
            .take(self.started)
            .filter(|ending| ending.is_none())
        {
            *ending = Some(Ending {
                outcome: Outcome::Killed,
                wall: self.began.elapsed(),
                cpu: Duration::ZERO,
                peak_memory: ByteSize::b(0),
                output: ByteSize::b(0),
                refused: None,
            });
        }
    }

    fn note_end(&mut self, instance: usize, ending: Ending) {
        self.running -= 1;
        let code = ending.outcome.exit_code();
        let may_restart = self.stopped.is_none();
        let again = self
            .keeper
            .as_mut()
            .and_then(|keeper| keeper.ended(instance, &ending, may_restart));
        self.endings[instance] = Some(ending);
        if let Some(wait) = again {
            self.due_expected.get_or_insert_with(|| self.pool.expect());
            self.due.push(Reverse((Instant::now() + wait, instance)));
            self.bar.say(self.running, self.failed);
            return;
        }
        if code != 0 {
            self.failed += 1;
            if self.first_failure.is_none() {
                self.first_failure = Some(code);
                if self.fail_fast {
                    self.kill_all();
                }
            }
        }
        self.bar.ended(self.running, self.failed);
    }

    fn note_signal(&mut self, signal: i32) {
        self.pool.close();
        self.due.clear();
        self.due_expected = None;
        match self.stopped {
            Some(_) => self.kill_all(),
            None => {
                self.stopped = Some(signal);
                self.bar.stopping();
                self.grace_over = after(self.grace);
                let grace = wasm_pool::units::show_duration(self.grace);
                self.bar
                    .suspend(|| report::note(format!("stopping: guests have {grace} to end; once more ends them now")));
            }
        }
    }
}
