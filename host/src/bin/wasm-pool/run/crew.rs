//! The guests of a run, from the first start to the last end: who runs, who has failed, who was told to stop.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, after, never, select, unbounded};
use wasm_pool::{ByteSize, Ending, Outcome, Pool, Program, Setup};

use crate::progress::Bar;
use crate::report;

/// How long killed guests may take to end; a thousand ticks.
const PATIENCE: Duration = Duration::from_secs(1);

/// An instance and how it ended.
type End = (usize, Ending);

/// The guests of a run, from the first start to the last end.
pub(super) struct Crew<'a> {
    pool: &'a Pool,
    bar: &'a Bar,
    stop: &'a Receiver<i32>,
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
}

impl<'a> Crew<'a> {
    pub(super) fn new(
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
        }
    }

    /// Looks at what has happened, without waiting; `false` when nothing new should start.
    pub(super) fn takes_more(&mut self) -> bool {
        while let Ok((instance, ending)) = self.ended.1.try_recv() {
            self.note_end(instance, ending);
        }
        while let Ok(signal) = self.stop.try_recv() {
            self.note_signal(signal);
        }
        self.stopped.is_none() && !(self.fail_fast && self.first_failure.is_some())
    }

    pub(super) fn start(&mut self, program: &Program, setup: Setup, instance: usize) -> anyhow::Result<()> {
        let ended = self.ended.0.clone();
        self.pool.spawn_then(program, setup, move |_, ending| {
            // The receiver lives as long as the run.
            let _ = ended.send((instance, ending.clone()));
        })?;
        self.running += 1;
        self.started += 1;
        self.bar.say(self.running, self.failed);
        Ok(())
    }

    /// Waits until every guest that started has ended.
    pub(super) fn wait(&mut self) {
        while self.running > 0 {
            let (ended, stop) = (self.ended.1.clone(), self.stop);
            let (grace_over, give_up) = (self.grace_over.clone(), self.give_up.clone());
            let broken = self.broken.clone();
            select! {
                recv(ended) -> end => if let Ok((instance, ending)) = end { self.note_end(instance, ending) },
                recv(stop) -> signal => if let Ok(signal) = signal { self.note_signal(signal) },
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

    /// Ends everybody. Their ends come within a tick, but for one whose worker hangs in a file call of its own.
    fn kill_all(&mut self) {
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
        self.endings[instance] = Some(ending);
        if code != 0 {
            self.failed += 1;
            if self.first_failure.is_none() {
                self.first_failure = Some(code);
                if self.fail_fast {
                    self.pool.kill_all();
                }
            }
        }
        self.bar.ended(self.running, self.failed);
    }

    fn note_signal(&mut self, signal: i32) {
        self.pool.close();
        match self.stopped {
            Some(_) => self.kill_all(),
            None => {
                self.stopped = Some(signal);
                self.grace_over = after(self.grace);
                let grace = wasm_pool::units::show_duration(self.grace);
                self.bar
                    .suspend(|| report::note(format!("stopping: guests have {grace} to end; once more ends them now")));
            }
        }
    }
}
