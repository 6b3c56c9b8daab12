//! Threads for calls that hold theirs: the direct path.
//!
//! A direct call cannot be taken off its thread. So that one that computes for long does not keep all others waiting, no thread
//! runs a guest without a *place*, of which there are as many as workers, and whoever has used up his switch interval while others
//! wait gives his place to the next and stands still, at a tick or between two calls, until it is his turn again. Whoever waits
//! goes on or begins on a thread of his own.
//!
//! - **What bounds the threads**: each has a turn of a seat, so they are no more than the interpreters of all executors, and
//!   [`MOST_THREADS`]; with more than that, or when the system gives none, whoever would begin waits until a thread is
//!   free. As many as there are places are kept; who finds so many resting ends.
//! - **What ends who stands still**: a kill wakes him, and his deadline; he ends without a place, since no guest runs any more.
//! - **What it costs**: nothing, as long as nobody waits: each call reads one number that is written only when somebody does.
//!
//! A host function that calls others on this thread keeps its place as long as that takes: it may hold what others need.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::clock::TICK;
use super::control::Control;
use super::line::Line;
use crate::error::{Error, Result};
use crate::sync::{Mutex, Rank};

/// The threads of a pool that call directly. Dropping it ends those that rest; the others end with what they do.
pub(crate) struct Threads(Arc<Shared>);

struct Shared {
    /// Nothing is called under this lock.
    state: Mutex<State>,
    /// How many stand in the line. Written under the lock, read without.
    waiting: AtomicUsize,
    places: usize,
    /// How long one has a place while others wait.
    switch_interval: Duration,
    /// Of each thread, in bytes.
    stack: usize,
}

struct State {
    line: Line<Job, Arc<Paused>>,
    /// Threads without work; the one that rests since last comes first.
    resting: Vec<Sender<Option<Work>>>,
    threads: usize,
    closed: bool,
}

/// A turn that holds its thread.
struct Job {
    control: Arc<Control>,
    run: Box<dyn FnOnce() + Send>,
}

/// A turn and its place.
type Work = (Job, usize);

/// One who stands still.
struct Paused {
    thread: Thread,
    /// The place that he was given; [`NONE`].
    place: AtomicUsize,
}

const NONE: usize = usize::MAX;

/// More threads than anybody has use for; a bound for what guests make of many interpreters.
const MOST_THREADS: usize = 4_096;

/// What this thread does.
struct Here {
    shared: Arc<Shared>,
    control: Arc<Control>,
    place: Option<usize>,
    /// Since when it has its place.
    since: Instant,
}

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

impl Wake for Paused {
    fn wake(self: Arc<Self>) {
        self.thread.unpark();
    }
}

impl Paused {
    fn goes_on(&self, place: usize) {
        self.place.store(place, Ordering::Release);
        self.thread.unpark();
    }

    fn place(&self) -> Option<usize> {
        let place = self.place.load(Ordering::Acquire);
        (place != NONE).then_some(place)
    }
}

impl Threads {
    /// Threads for so many calls at once, with so many bytes of stack each. They start when there is something to do.
    pub(crate) fn new(places: usize, switch_interval: Duration, stack: usize) -> Threads {
        Threads(Arc::new(Shared {
            state: Mutex::new(
                Rank::Threads,
                State {
                    line: Line::new(places),
                    resting: Vec::new(),
                    threads: 0,
                    closed: false,
                },
            ),
            waiting: AtomicUsize::new(0),
            places,
            // Nobody looks more often than that.
            switch_interval: switch_interval.max(TICK),
            stack,
        }))
    }

    /// Runs this turn, on a thread that it holds.
    ///
    /// # Errors
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) when there is no thread and the system gives none.
    pub(crate) fn run(&self, control: &Arc<Control>, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let job = Job {
            control: Arc::clone(control),
            run: Box::new(run),
        };
        self.0.run(job)
    }

    /// Whether anybody waits for a place.
    pub(crate) fn anybody_waits(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether this is one of them.
    pub(crate) fn is_here(&self) -> bool {
        HERE.with_borrow(|here| here.as_ref().is_some_and(|here| Arc::ptr_eq(&here.shared, &self.0)))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let resting = {
            let mut state = self.0.state.lock();
            state.closed = true;
            std::mem::take(&mut state.resting)
        };
        for thread in resting {
            let _ = thread.send(None);
        }
    }
}

/// If this life has a turn on this thread and has had its switch interval, while others wait, it stands still until it is its turn
/// again, or it must end. So long has its call taken, if it calls. Whether it stood still.
pub(crate) fn give_way(control: &Control, wall: Option<Duration>) -> bool {
    let leaves = HERE.with_borrow(|here| {
        let here = here.as_ref()?;
        let is_over = here.since.elapsed() >= here.shared.switch_interval;
        let is_turn = std::ptr::from_ref(control) == Arc::as_ptr(&here.control);
        let waits = here.shared.waiting.load(Ordering::Relaxed) > 0;
        (waits && is_over && is_turn).then_some((Arc::clone(&here.shared), here.place?))
    });
    let Some((shared, place)) = leaves else {
        return false;
    };
    let left = wall.and_then(|wall| control.time_left(wall));
    control.gives_way(|| {
        let Some(paused) = shared.pause(place) else {
            return true;
        };
        let place = shared.stand_still(&paused, control, left);
        crate::timeline::this_is_worker(place.map_or(usize::MAX, |place| shared.places + place));
        HERE.with_borrow_mut(|here| {
            if let Some(here) = here {
                here.place = place;
                here.since = Instant::now();
            }
        });
        place.is_some()
    });
    true
}

impl Shared {
    fn run(self: &Arc<Shared>, job: Job) -> Result<()> {
        let mut state = self.state.lock();
        if !state.line.is_full() {
            match (self.thread(&mut state), state.threads) {
                (Ok(thread), _) => {
                    let place = state.line.take();
                    drop(state);
                    if let Some(place) = place {
                        // It rests: there is room for one message.
                        let _ = thread.send(Some((job, place)));
                    }
                    return Ok(());
                }
                (Err(error), 0) => return Err(Error::host(format!("a thread for calls cannot be started: {error}"))),
                // Whoever has a thread takes it when he is done.
                (Err(_), _) => {}
            }
        }
        state.line.begins_later(job);
        self.count(&state);
        Ok(())
    }

    /// A thread that rests, or a new one.
    fn thread(self: &Arc<Shared>, state: &mut State) -> std::io::Result<Sender<Option<Work>>> {
        if let Some(thread) = state.resting.pop() {
            return Ok(thread);
        }
        if state.threads >= MOST_THREADS {
            return Err(std::io::Error::other("there are too many"));
        }
        // It rests until it is given something.
        let (sender, given) = bounded(1);
        let (shared, its_own) = (Arc::clone(self), sender.clone());
        std::thread::Builder::new()
            .name(format!("wasm-pool-call-{}", state.threads))
            .stack_size(self.stack)
            .spawn(move || shared.work(&its_own, &given))?;
        state.threads += 1;
        Ok(sender)
    }

    /// What a thread does: work, as long as there is some.
    fn work(self: Arc<Shared>, its_own: &Sender<Option<Work>>, given: &Receiver<Option<Work>>) {
        let mut next = given.recv().ok().flatten();
        while let Some((job, place)) = next {
            crate::timeline::this_is_worker(self.places + place);
            let Job { control, run } = job;
            HERE.set(Some(Here {
                shared: Arc::clone(&self),
                control,
                place: Some(place),
                since: Instant::now(),
            }));
            // Whoever waits for what panicked has heard of it.
            let _ = catch_unwind(AssertUnwindSafe(run));
            let place = HERE.take().and_then(|here| here.place);
            next = match self.next(place, its_own) {
                Then::Works(work) => Some(work),
                Then::Rests => given.recv().ok().flatten(),
                Then::Ends => None,
            };
        }
    }

    /// What a thread does next whose turn is over, and who had this place if he had one.
    fn next(&self, place: Option<usize>, its_own: &Sender<Option<Work>>) -> Then {
        let mut state = self.state.lock();
        // Without a thread somebody may wait beside a free place.
        if let Some(place) = place.or_else(|| state.line.take()) {
            if state.line.fresh_is_next()
                && let Some(job) = state.line.begins()
            {
                self.count(&state);
                return Then::Works((job, place));
            }
            match state.line.goes_on() {
                Some(paused) => paused.goes_on(place),
                None => state.line.give_back(place),
            }
            self.count(&state);
        }
        if state.closed || state.resting.len() >= self.places {
            state.threads -= 1;
            return Then::Ends;
        }
        state.resting.push(its_own.clone());
        Then::Rests
    }

    /// Whoever has this place gives it to the next, and stands in the line; `None` when nobody can take it.
    fn pause(self: &Arc<Shared>, place: usize) -> Option<Arc<Paused>> {
        let mut state = self.state.lock();
        let thread = match state.line.fresh_is_next() {
            true => self.thread(&mut state).ok(),
            false => None,
        };
        let begins = thread.and_then(|thread| Some((thread, state.line.begins()?)));
        let goes_on = match begins {
            Some(_) => None,
            None => Some(state.line.goes_on()?),
        };
        let paused = Arc::new(Paused {
            thread: std::thread::current(),
            place: AtomicUsize::new(NONE),
        });
        state.line.goes_on_later(Arc::clone(&paused));
        self.count(&state);
        drop(state);
        if let Some((thread, job)) = begins {
            let _ = thread.send(Some((job, place)));
        }
        if let Some(other) = goes_on {
            other.goes_on(place);
        }
        Some(paused)
    }

    /// Stands still until it has a place, it must end, or so much time is over. The place.
    fn stand_still(&self, paused: &Arc<Paused>, control: &Control, left: Option<Duration>) -> Option<usize> {
        let until = left.and_then(|left| Instant::now().checked_add(left));
        control.attach(Waker::from(Arc::clone(paused)));
        while paused.place().is_none() && control.cause().is_none() {
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => std::thread::park(),
                Some(Duration::ZERO) => break,
                Some(left) => std::thread::park_timeout(left),
            }
        }
        control.detach();
        if paused.place().is_none() {
            let mut state = self.state.lock();
            state.line.leaves(|other| Arc::ptr_eq(other, paused));
            self.count(&state);
        }
        // Somebody may have given it one just before.
        paused.place()
    }

    fn count(&self, state: &State) {
        self.waiting.store(state.line.len(), Ordering::Relaxed);
    }
}

/// What a thread does next.
enum Then {
    Works(Work),
    /// It waits until it is given something.
    Rests,
    Ends,
}
