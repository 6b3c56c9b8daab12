//! The thread that ticks the engine's epoch and keeps deadlines.
//!
//! While a worker runs a guest it ticks every millisecond: guests look at the epoch at every loop and call, so they
//! hear of a switch or an end within a tick. While nothing runs it sleeps until the next deadline, or for good.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::control::Control;
use crate::error::{Error, Result};
use crate::outcome::Cause;

/// One tick. Shorter ticks cost processor time for nothing: a switch interval is five of them.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without a busy worker after which the clock goes to sleep: long enough that guests which pass messages back
/// and forth do not wake it at every hand-over.
const IDLE_TICKS: u32 = 20;

/// The clock of an executor.
pub(crate) struct Clock {
    /// One flag a worker: it runs a life.
    busy: Box<[Flag]>,
    asleep: AtomicBool,
    stop: AtomicBool,
    thread: OnceLock<Thread>,
    /// Who must end when. The number tells lives with the same deadline apart. Ends are called outside this lock.
    deadlines: Mutex<Deadlines>,
}

#[derive(Default)]
struct Deadlines {
    next_number: u64,
    lives: BTreeMap<(Instant, u64), Weak<Control>>,
}

/// A flag on a cache line of its own, since its worker writes it at every turn.
#[repr(align(128))]
#[derive(Default)]
struct Flag(AtomicBool);

/// A deadline that is kept; give it back with [`Clock::forget`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appointment(Instant, u64);

impl Clock {
    /// Starts the clock of `engine` for `workers` workers.
    pub(crate) fn start(engine: &wasmtime::Engine, workers: usize) -> Result<Arc<Clock>> {
        let clock = Arc::new(Clock {
            busy: (0..workers).map(|_| Flag::default()).collect(),
            asleep: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            thread: OnceLock::new(),
            deadlines: Mutex::default(),
        });
        let (ticking, engine) = (Arc::clone(&clock), engine.clone());
        let thread = std::thread::Builder::new()
            .name("wasm-pool-clock".to_owned())
            .spawn(move || ticking.run(&engine))
            .map_err(|error| Error::host(format!("the clock thread cannot be started: {error}")))?;
        // Set once, here.
        let _ = clock.thread.set(thread.thread().clone());
        Ok(clock)
    }

    /// Ends `life` at `deadline`, unless the appointment is forgotten before.
    pub(crate) fn remember(&self, deadline: Instant, life: &Arc<Control>) -> Appointment {
        let (appointment, earliest) = {
            let mut deadlines = self.deadlines.lock();
            let number = deadlines.next_number;
            deadlines.next_number += 1;
            let earliest = deadlines
                .lives
                .first_key_value()
                .is_none_or(|(first, _)| deadline < first.0);
            deadlines.lives.insert((deadline, number), Arc::downgrade(life));
            (Appointment(deadline, number), earliest)
        };
        if earliest {
            self.wake();
        }
        appointment
    }

    /// The life has ended: its deadline is nobody's business any more.
    pub(crate) fn forget(&self, appointment: Appointment) {
        self.deadlines.lock().lives.remove(&(appointment.0, appointment.1));
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    fn run(&self, engine: &wasmtime::Engine) {
        let mut idle_ticks = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let next = self.end_the_late();
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
            if !self.any_busy() && !self.stop.load(Ordering::SeqCst) {
                match self.next_deadline() {
                    Some(next) => std::thread::park_timeout(next.saturating_duration_since(Instant::now())),
                    None => std::thread::park(),
                }
            }
            self.asleep.store(false, Ordering::SeqCst);
            idle_ticks = 0;
        }
    }

    fn any_busy(&self) -> bool {
        self.busy.iter().any(|flag| flag.0.load(Ordering::SeqCst))
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.lock().lives.first_key_value().map(|(key, _)| key.0)
    }

    /// Ends every life whose deadline has passed; returns the next deadline.
    fn end_the_late(&self) -> Option<Instant> {
        let now = Instant::now();
        loop {
            let late = {
                let mut deadlines = self.deadlines.lock();
                match deadlines.lives.first_entry() {
                    Some(first) if first.key().0 <= now => first.remove(),
                    Some(first) => return Some(first.key().0),
                    None => return None,
                }
            };
            if let Some(life) = late.upgrade() {
                life.end(Cause::Deadline);
            }
        }
    }
}

/// A worker's place at the clock.
pub(super) struct Seat {
    clock: Arc<Clock>,
    number: usize,
}

impl Seat {
    pub(super) fn new(clock: &Arc<Clock>, number: usize) -> Seat {
        Seat {
            clock: Arc::clone(clock),
            number,
        }
    }

    /// The worker is about to run a life.
    pub(super) fn busy(&self) {
        let flag = &self.clock.busy[self.number].0;
        if !flag.load(Ordering::Relaxed) {
            flag.store(true, Ordering::SeqCst);
            if self.clock.asleep.load(Ordering::SeqCst) {
                self.clock.wake();
            }
        }
    }

    /// The worker found nothing to run.
    pub(super) fn idle(&self) {
        self.clock.busy[self.number].0.store(false, Ordering::Release);
    }
}
