//! Who runs next: lives as futures on the pool's own threads.
//!
//! A guest runs on a fiber, so its whole life is a future. A blocked life holds no thread; a life that used up its
//! switch interval goes to the back of the queue. The parts:
//!
//! - [`lanes`]: the run queue. Lives woken by an event first; fresh lives and lives that were switched out take turns.
//! - [`idle`]: workers that find nothing there: when they look out, when they sleep, and who is woken.
//! - [`hand`]: the life that a worker has at hand, since the one before it woke it.
//! - [`worker`]: one OS thread per core that takes lives from the lanes and polls them. Guest code runs only here.
//! - [`control`]: the switch of one life: its time on the processor, and the one way to end it early.
//! - [`roster`]: who lives, and until when.
//! - [`standing`]: who stands still, and when that is a deadlock.
//! - [`threads`]: threads for calls that hold theirs, as many of which run at once as there are workers; [`line`](mod@line): who is next.
//! - [`clock`]: one thread that ticks the engine's epoch every millisecond while anything runs, and ends lives at
//!   their deadline; it sleeps while nothing runs.
//!
//! Invariants: a life is polled by one worker at a time; it ends exactly once; whatever it waits for, [`control`]'s
//! `end` ends it within a tick; a worker never blocks on a guest. The last two hold but for a guest that was set up with
//! [`FileCalls::Inline`](crate::FileCalls::Inline), whose file calls run on its worker.

pub(crate) mod clock;
pub(crate) mod completion;
pub(crate) mod control;
mod hand;
mod idle;
mod lanes;
mod life;
mod line;
pub(crate) mod processor;
mod reactor;
pub(crate) mod roster;
pub(crate) mod standing;
pub(crate) mod threads;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use self::clock::Clock;
pub(crate) use self::clock::Flag;
use self::control::{Control, Span};
use self::lanes::{Lanes, Turn};
use self::life::Beginning;
pub(crate) use self::life::Life;
pub(crate) use self::life::{End, Guest, Settle, panic_message};
use self::reactor::Reactor;
use self::roster::{NotListed, Roster};
use self::standing::Activity;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::timeline::Recorder;

/// What all lives of a scheduler share: the run queue, the list of who lives, the clock. One allocation, so that a life
/// holds one handle and not three.
pub(crate) struct Hub {
    lanes: Lanes,
    pub(crate) roster: Roster,
    clock: Clock,
    activity: Activity,
    /// How long a life runs before another one gets its turn.
    switch_interval: Duration,
    /// Of a pool that records what its lives do.
    pub(crate) recorder: Option<Recorder>,
}

impl Hub {
    /// Lists a life with these limits, which begins now and has them for itself or for each of its calls; `room` is how many
    /// there may be. Its number, and its switch.
    ///
    /// # Errors
    /// [`NotListed`]
    pub(crate) fn list(
        self: &Arc<Hub>,
        limits: &Limits,
        span: Span,
        room: usize,
    ) -> Result<(u64, Arc<Control>), NotListed> {
        let control = Arc::new(Control::new(self, limits, span));
        control.set_out();
        let listed = self.roster.list(&control, room).inspect_err(|_| control.set_down())?;
        if listed.earliest {
            self.clock.wake();
        }
        Ok((listed.number, control))
    }

    /// A switch for calls on a thread that is not ours, and the number of who is called; `None` when nobody may begin any more.
    pub(crate) fn on_a_thread(self: &Arc<Hub>, limits: &Limits) -> Option<(u64, Arc<Control>)> {
        let control = Arc::new(Control::new(self, limits, Span::Call));
        let number = self.roster.number();
        self.roster.end_with_others(&control).then_some((number, control))
    }

    /// A flag by which the clock knows that a thread runs a guest directly.
    pub(crate) fn flag(&self) -> Arc<Flag> {
        self.clock.flag()
    }

    /// The thread with this flag runs a guest, until the flag rests.
    pub(crate) fn runs_directly(&self, flag: &Flag) {
        self.clock.direct(flag);
    }

    /// The host starts no more lives while all others wait.
    pub(crate) fn all_started(&self) {
        self.activity.all_started();
        self.hope_went();
    }

    /// The host is about to do something for those who wait.
    pub(crate) fn expect(&self) {
        self.activity.expect();
    }

    /// It has done it.
    pub(crate) fn expect_no_more(&self) {
        self.activity.expect_no_more();
        self.hope_went();
    }

    /// A handle of the host on a queue is gone, or no more lives may start: whoever hoped for that hopes no more.
    pub(crate) fn hope_went(&self) {
        if self.activity.hope_went() {
            self.clock.wake();
        }
    }
}

/// The worker threads and what they share.
pub(crate) struct Scheduler {
    hub: Arc<Hub>,
    threads: Vec<JoinHandle<()>>,
    reactor: Reactor,
    /// Whether it is gone only when all lives are.
    waits: bool,
}

impl Scheduler {
    /// Starts `workers` threads for guests of `engine`.
    ///
    /// # Errors
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) when the system gives no thread.
    pub(crate) fn start(
        engine: &wasmtime::Engine,
        workers: usize,
        switch_interval: Duration,
        recorder: Option<Recorder>,
    ) -> Result<Scheduler> {
        let reactor = Reactor::start()?;
        let hub = Arc::new(Hub {
            lanes: Lanes::new(),
            roster: Roster::new(),
            clock: Clock::new(workers),
            activity: Activity::default(),
            // Nobody is switched between two ticks, and whoever owes a slice must owe something.
            switch_interval: switch_interval.max(clock::TICK),
            recorder,
        });
        Clock::start(&hub, engine)?;
        let mut scheduler = Scheduler {
            hub,
            threads: Vec::with_capacity(workers),
            reactor,
            waits: true,
        };
        for number in 0..workers {
            let worker = worker::Worker::new(&scheduler.hub, number, scheduler.reactor.handle());
            let thread = std::thread::Builder::new()
                .name(format!("wasm-pool-{number}"))
                .spawn(move || worker.run())
                .map_err(|error| Error::host(format!("worker {number} of {workers} cannot be started: {error}")))?;
            scheduler.threads.push(thread);
        }
        Ok(scheduler)
    }

    /// What its lives share.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Where timers are.
    pub(crate) fn reactor(&self) -> &tokio::runtime::Handle {
        self.reactor.handle()
    }

    /// Who lives.
    pub(crate) fn roster(&self) -> &Roster {
        &self.hub.roster
    }

    /// Lets it be dropped before all lives are over: one of them drops it.
    pub(crate) fn wait_for_nobody(&mut self) {
        self.waits = false;
    }

    /// Starts a listed life: what `make` makes of `control`, on the worker that begins with it, runs until it ends or `control`
    /// ends it, and hears how, once.
    pub(crate) fn spawn<G: Guest, S: Settle>(
        control: &Arc<Control>,
        make: impl FnOnce() -> Life<G, S> + Send + 'static,
    ) {
        let turn = Turn::Start(Box::new(Beginning::new(control, make)));
        control.hub().lanes.push(turn, control);
    }
}

impl Drop for Scheduler {
    /// Ends every life, then the workers; every life has settled when the last worker ends.
    fn drop(&mut self) {
        self.hub.roster.end_all();
        let threads = std::mem::take(&mut self.threads);
        let here = std::thread::current().id();
        // A pool may be dropped by a callback on its own worker: that thread cannot wait for itself, and ends when it has
        // run what is left.
        if self.waits && threads.iter().all(|thread| thread.thread().id() != here) {
            self.hub.roster.wait_until_none(None);
        }
        self.hub.lanes.close();
        for thread in threads {
            if thread.thread().id() != here {
                let _ = thread.join();
            }
        }
        self.hub.clock.stop();
    }
}
