//! The thread that ticks the engine's epoch and keeps deadlines.
//!
//! While a worker runs a guest it ticks every millisecond: guests look at the epoch at every loop and call, so they
//! hear of a switch or an end within a tick. While nothing runs it sleeps until the next deadline, or for good.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::Hub;
use crate::error::{Error, Result};
use crate::outcome::Cause;
use crate::sync::{Mutex, Rank};

/// One tick. Shorter ticks cost processor time for nothing: a switch interval is five of them.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without a busy worker after which the clock goes to sleep: long enough that guests which pass messages back
/// and forth do not wake it at every hand-over.
const IDLE_TICKS: u32 = 20;

/// The clock of a scheduler.
pub(crate) struct Clock {
    /// One flag a worker: it runs a life.
    busy: Box<[Flag]>,
    /// One for each thread that calls directly. Nothing is called under this lock.
    direct: Mutex<Vec<Weak<Flag>>>,
    asleep: AtomicBool,
    stop: AtomicBool,
    thread: OnceLock<Thread>,
    /// A test wants it to fail.
    #[cfg(test)]
    fails: AtomicBool,
}

/// A flag on a cache line of its own, since its worker writes it at every turn.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    /// Its thread runs no guest any more.
    pub(crate) fn rest(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Clock {
    /// A clock for `workers` workers that does not tick yet.
    pub(super) fn new(workers: usize) -> Clock {
        Clock {
            busy: (0..workers).map(|_| Flag::default()).collect(),
            direct: Mutex::new(Rank::ClockFlags, Vec::new()),
            asleep: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            thread: OnceLock::new(),
            #[cfg(test)]
            fails: AtomicBool::new(false),
        }
    }

    /// Starts the clock of `hub`, which ticks `engine`.
    pub(super) fn start(hub: &Arc<Hub>, engine: &wasmtime::Engine) -> Result<()> {
        let (ticking, engine) = (Arc::clone(hub), engine.clone());
        let thread = std::thread::Builder::new()
            .name("wasm-pool-clock".to_owned())
            .spawn(move || ticking.clock.keep_running(&ticking, &engine))
            .map_err(|error| Error::host(format!("the clock thread cannot be started: {error}")))?;
        // Set once, here.
        let _ = hub.clock.thread.set(thread.thread().clone());
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// There is something to do, or an earlier deadline.
    pub(super) fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// A clock that fails ends all lives, since nobody would keep their deadlines, and ticks on until they have heard of it.
    fn keep_running(&self, hub: &Hub, engine: &wasmtime::Engine) {
        while catch_unwind(AssertUnwindSafe(|| self.run(hub, engine))).is_err() {
            hub.roster.break_down();
            engine.increment_epoch();
            std::thread::park_timeout(TICK);
        }
    }

    fn run(&self, hub: &Hub, engine: &wasmtime::Engine) {
        let roster = &hub.roster;
        let mut idle_ticks = 0;
        while !self.stop.load(Ordering::SeqCst) {
            #[cfg(test)]
            assert!(!self.fails.swap(false, Ordering::SeqCst), "on purpose");
            if hub.activity.is_suspicious() {
                end_the_deadlocked(hub);
            }
            let next = roster.end_the_late();
            if let Some(recorder) = &hub.recorder {
                recorder.tick();
            }
            if self.any_busy() {
                idle_ticks = 0;
                engine.increment_epoch();
            } else {
                idle_ticks += 1;
            }
            if idle_ticks <= IDLE_TICKS {
                let until_next = next.map_or(TICK, |next| next.saturating_duration_since(Instant::now()));
                std::thread::park_timeout(until_next.min(TICK));
                continue;
            }
            self.asleep.store(true, Ordering::SeqCst);
            // A worker sets its flag before it looks whether the clock sleeps; the clock says that it sleeps before
            // it looks at the flags: one of the two sees the other.
            let something = self.any_busy() || hub.activity.is_suspicious();
            if !something && !self.stop.load(Ordering::SeqCst) {
                match roster.next_deadline() {
                    Some(next) => std::thread::park_timeout(next.saturating_duration_since(Instant::now())),
                    None => std::thread::park(),
                }
            }
            self.asleep.store(false, Ordering::SeqCst);
            idle_ticks = 0;
        }
        // A guest on a thread that nobody waited for hears of its end all the same.
        engine.increment_epoch();
    }

    fn any_busy(&self) -> bool {
        let busy = |flag: &Flag| flag.0.load(Ordering::SeqCst);
        self.busy.iter().any(busy)
            || self
                .direct
                .lock()
                .iter()
                .filter_map(Weak::upgrade)
                .any(|flag| busy(&flag))
    }

    /// A flag for a thread that will call directly.
    pub(super) fn flag(&self) -> Arc<Flag> {
        let flag = Arc::new(Flag::default());
        let mut direct = self.direct.lock();
        direct.retain(|flag| flag.strong_count() > 0);
        direct.push(Arc::downgrade(&flag));
        flag
    }

    /// The thread with this flag runs a guest, until it [rests](Flag::rest).
    pub(super) fn direct(&self, flag: &Flag) {
        flag.0.store(true, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Worker `number` is about to run a life.
    pub(super) fn busy(&self, number: usize) {
        let flag = &self.busy[number].0;
        if !flag.load(Ordering::Relaxed) {
            flag.store(true, Ordering::SeqCst);
            if self.asleep.load(Ordering::SeqCst) {
                self.wake();
            }
        }
    }

    /// Worker `number` found nothing to run.
    pub(super) fn idle(&self, number: usize) {
        self.busy[number].0.store(false, Ordering::Release);
    }
}

/// Ends the lives that wait for each other for good.
fn end_the_deadlocked(hub: &Hub) {
    let lives = hub
        .activity
        .deadlocked(|| hub.roster.lives(), || hub.roster.is_closed());
    // All of them before the first ends: whoever hears of an end may close a queue, and that is no help that was to come.
    let condemned = lives.iter().filter(|life| life.condemn(Cause::Deadlock));
    let condemned: Vec<_> = condemned.collect();
    condemned.iter().for_each(|life| life.fetch());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, ErrorKind, Limits, Outcome, Pool, Program, Setup};

    #[test]
    fn a_clock_that_fails_ends_all_lives_and_lets_none_begin() -> Result<()> {
        let engine = Engine::builder().instances(4).build()?;
        let source = br#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;
        let program = Program::from_bytes(&engine, "spin", source, &Limits::default())?;
        let pool = Pool::builder(&engine).workers(2).build()?;
        let lives = [
            pool.spawn(&program, Setup::default())?,
            pool.spawn(&program, Setup::default())?,
            pool.spawn(&program, Setup::default())?,
        ];
        pool.commons().hub.clock.fails.store(true, Ordering::SeqCst);
        for life in &lives {
            assert_eq!(life.join().outcome, Outcome::Killed);
        }
        let refused = pool.spawn(&program, Setup::default()).map(drop);
        assert!(
            matches!(refused, Err(error) if error.kind() == ErrorKind::Host && error.to_string().contains("clock"))
        );
        Ok(())
    }
}
