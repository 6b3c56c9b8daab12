//! Who runs next: lives as futures on the pool's own threads.
//!
//! A guest runs on a fiber, so its whole life is a future. A blocked life holds no thread; a life that used up its
//! switch interval goes to the back of the queue. Four parts:
//!
//! - [`lanes`]: the run queue. Lives woken by an event first; fresh lives and lives that were switched out take turns.
//! - [`worker`]: one OS thread per core that takes lives from the lanes and polls them. Guest code runs only here.
//! - [`control`]: the switch of one life: its time on the processor, and the one way to end it early.
//! - [`clock`]: one thread that ticks the engine's epoch every millisecond while anything runs, and ends lives at
//!   their deadline; it sleeps while nothing runs.
//!
//! Invariants: a life is polled by one worker at a time; it ends exactly once; whatever it waits for, [`control`]'s
//! `end` ends it within a tick; a worker never blocks on a guest.

pub(crate) mod clock;
pub(crate) mod completion;
pub(crate) mod control;
mod lanes;
mod life;
mod processor;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use self::clock::Clock;
use self::control::Control;
use self::lanes::Lanes;
use self::life::Life;
pub(crate) use self::life::{End, Guest, Settle};
use crate::error::{Error, Result};

/// The worker threads, their run queue and their clock.
pub(crate) struct Executor {
    lanes: Arc<Lanes>,
    clock: Arc<Clock>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Timers, sockets and the blocking file threads that WASI needs; guests never run on it.
    reactor: Mutex<Option<tokio::runtime::Runtime>>,
}

impl Executor {
    /// Starts `workers` threads for guests of `engine`.
    ///
    /// # Errors
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) when the system gives no thread.
    pub(crate) fn start(engine: &wasmtime::Engine, workers: usize) -> Result<Executor> {
        let reactor = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("wasm-pool-io")
            .enable_all()
            .build()
            .map_err(|error| Error::host(format!("the I/O thread cannot be started: {error}")))?;
        let lanes = Arc::new(Lanes::new());
        let clock = Clock::start(engine, workers)?;
        let mut threads = Vec::with_capacity(workers);
        for number in 0..workers {
            let worker = worker::Worker::new(number, &lanes, &clock, reactor.handle());
            let thread = std::thread::Builder::new()
                .name(format!("wasm-pool-{number}"))
                .spawn(move || worker.run());
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    lanes.close(number);
                    clock.stop();
                    return Err(Error::host(format!(
                        "worker {number} of {workers} cannot be started: {error}"
                    )));
                }
            }
        }
        Ok(Executor {
            lanes,
            clock,
            threads: Mutex::new(threads),
            reactor: Mutex::new(Some(reactor)),
        })
    }

    /// The thread that ticks and keeps deadlines.
    pub(crate) fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// The switch of a life that starts now and may use the processor for `cpu_limit`.
    pub(crate) fn control(&self, cpu_limit: Option<Duration>) -> Arc<Control> {
        Arc::new(Control::new(&self.lanes, cpu_limit))
    }

    /// Starts a life: `guest` runs on the workers until it ends or `control` ends it, and `settle` hears how, once.
    pub(crate) fn spawn<S: Settle>(&self, control: &Arc<Control>, guest: Guest, settle: S) {
        let lanes = Arc::downgrade(&self.lanes);
        let life = Life::new(Arc::clone(control), guest, settle);
        let schedule = move |runnable: lanes::Turn| match lanes.upgrade() {
            Some(lanes) => lanes.push(runnable),
            // The executor is gone: dropping the turn drops the life, and that settles it.
            None => drop(runnable),
        };
        let (turn, task) = async_task::Builder::new()
            .propagate_panic(false)
            .metadata(Arc::clone(control))
            .spawn(move |_| life, schedule);
        task.detach();
        control.attach(turn.waker());
        turn.schedule();
    }

    /// Stops the workers once the run queue is empty of them; called when every life has settled.
    pub(crate) fn stop(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        self.lanes.close(threads.len());
        for thread in threads {
            // A pool may be dropped by a callback on its own worker: that thread cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
        self.clock.stop();
        if let Some(reactor) = self.reactor.lock().take() {
            // A file thread may hang in the kernel (a dead network disk): nobody waits for it.
            reactor.shutdown_background();
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.stop();
    }
}
