//! Compilations that are under way: each on threads of its own, and one for all who want the same.
//!
//! A compilation cannot be stopped from outside. Whoever waits for it waits for a bounded time; one that nobody waits for any more
//! is left to itself, at the lowest priority, and takes no thread from the others. There are only so many of those: beyond
//! that, new ones are refused until one has ended.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::thread::Pid;

use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Condvar, Mutex, Rank};
use crate::units::show_duration;

/// What is compiled, by its digest.
pub(crate) type Digest = [u8; 32];

/// The compiler recurses into nested expressions of the text format and of types.
const COMPILER_STACK: usize = 64 << 20;

/// How many compilations may run that nobody waits for: each may hold memory for as long as it runs.
const MOST_LEFT: usize = 4;

/// What is compiled now.
pub(crate) struct Flights<T>(Arc<Mutex<HashMap<Digest, Arc<Flight<T>>>>>);

impl<T> Default for Flights<T> {
    fn default() -> Flights<T> {
        Flights(Arc::new(Mutex::new(Rank::Compilations, HashMap::new())))
    }
}

/// One compilation.
struct Flight<T> {
    state: Mutex<State<T>>,
    done: Condvar,
}

struct State<T> {
    /// How many wait for it; the first who wants it does so from the beginning.
    waiting: usize,
    outcome: Option<Result<T>>,
    threads: Vec<Pid>,
}

impl<T: Clone + Send + 'static> Flights<T> {
    /// What `work` makes of what has this digest, on so many threads, or what another call of this makes of it meanwhile. Blocks
    /// for `limit` at most.
    pub(super) fn join(
        &self,
        digest: Digest,
        limit: Duration,
        threads: usize,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let flight = {
            let mut under_way = self.0.lock();
            if let Some(flight) = under_way.get(&digest) {
                flight.state.lock().waiting += 1;
                Arc::clone(flight)
            } else {
                let left = under_way.values().filter(|flight| flight.state.lock().waiting == 0);
                if left.count() >= MOST_LEFT {
                    let message = format!(
                        "{MOST_LEFT} compilations that reached their compile-time limit have not ended yet, so no more begin"
                    );
                    return Err(Error::new(ErrorKind::Saturated, message));
                }
                let flight = Arc::new(Flight::new());
                self.start(&flight, digest, threads, work)?;
                under_way.insert(digest, Arc::clone(&flight));
                flight
            }
        };
        flight.wait(limit)
    }

    /// How many run, those included that nobody waits for.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    fn start(
        &self,
        flight: &Arc<Flight<T>>,
        digest: Digest,
        threads: usize,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<()> {
        let here = Arc::clone(flight);
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("wasm-pool-compile-{number}"))
            .stack_size(COMPILER_STACK)
            .start_handler(move |_| here.state.lock().threads.push(rustix::thread::gettid()))
            .build()
            .map_err(|error| Error::host(format!("the compiler's threads cannot be started: {error}")))?;
        let (flight, under_way) = (Arc::clone(flight), Arc::clone(&self.0));
        threads.spawn(move || {
            let panicked = |_| Err(Error::host("the compiler panicked; this is a bug"));
            let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked);
            under_way.lock().remove(&digest);
            flight.state.lock().outcome = Some(outcome);
            flight.done.notify_all();
        });
        // Its threads end when the work is done.
        Ok(())
    }
}

impl<T: Clone> Flight<T> {
    fn new() -> Flight<T> {
        Flight {
            state: Mutex::new(
                Rank::Compilation,
                State {
                    waiting: 1,
                    outcome: None,
                    threads: Vec::new(),
                },
            ),
            done: Condvar::new(),
        }
    }

    fn wait(&self, limit: Duration) -> Result<T> {
        let until = Instant::now().checked_add(limit);
        let mut state = self.state.lock();
        while state.outcome.is_none() {
            match until {
                Some(until) if self.done.wait_until(&mut state, until).timed_out() => break,
                Some(_) => {}
                None => self.done.wait(&mut state),
            }
        }
        state.waiting -= 1;
        if let Some(outcome) = &state.outcome {
            return outcome.clone();
        }
        if state.waiting == 0 {
            for thread in &state.threads {
                // Without it the system shares its processors evenly, which is worse and no error.
                let _ = rustix::process::setpriority_process(Some(*thread), LOWEST);
            }
        }
        Err(Error::refused(format!(
            "compile-time limit of {} reached (--compile-time raises it)",
            show_duration(limit)
        )))
    }
}

/// The lowest priority of the system.
const LOWEST: i32 = 19;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use rayon::prelude::*;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_many_want_at_once_is_made_once() {
        let (flights, made) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let (made, under_way) = (Arc::clone(&made), Arc::clone(&flights.0));
                let flights = &flights;
                scope.spawn(move || {
                    let work = move || {
                        // Until all wait for it.
                        let waiting = || under_way.lock().get(&[1; 32]).map(|flight| flight.state.lock().waiting);
                        while waiting() != Some(8) {
                            std::thread::yield_now();
                        }
                        Ok(made.fetch_add(1, Ordering::Relaxed))
                    };
                    assert_eq!(flights.join([1; 32], LONG, 2, work).ok(), Some(0));
                });
            }
        });
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert!(flights.0.lock().is_empty());
    }

    #[test]
    fn what_does_not_end_takes_no_thread_from_others_and_is_started_once() {
        let flights = Flights::default();
        let mut held = Vec::new();
        for number in 0..MOST_LEFT {
            let (hold, released) = mpsc::channel::<()>();
            held.push(hold);
            let released = Mutex::new(Rank::Settled, released);
            let work = move || {
                // Every thread that it has is held.
                (0..1_000).into_par_iter().for_each(|_| {
                    let _ = released.lock().recv();
                });
                Ok(())
            };
            let digest = [u8::try_from(number).unwrap_or(0); 32];
            let late = flights.join(digest, Duration::from_millis(1), 2, work).err();
            assert!(late.is_some_and(|error| error.to_string().contains("compile-time limit of 1ms")));
            let again = flights
                .join(digest, Duration::ZERO, 2, || Err(Error::host("started twice")))
                .err();
            assert!(again.is_some_and(|error| error.to_string().contains("compile-time limit of 0")));
            if number + 1 < MOST_LEFT {
                let sum = || Ok((0..1_000u32).into_par_iter().map(|_| ()).count());
                let other = Flights::default().join([255; 32], LONG, 2, sum);
                assert_eq!(other.ok(), Some(1_000));
                assert!(flights.join([254; 32], LONG, 2, || Ok(())).is_ok());
            }
        }
        let refused = flights
            .join([254; 32], LONG, 2, || Ok(()))
            .err()
            .map(|error| error.kind());
        assert_eq!(refused, Some(ErrorKind::Saturated));
        drop(held);
        let until = Instant::now() + LONG;
        while !flights.0.lock().is_empty() {
            assert!(Instant::now() < until, "they end");
            std::thread::yield_now();
        }
        assert!(flights.join([254; 32], LONG, 2, || Ok(())).is_ok());
    }

    #[test]
    fn a_panic_is_an_error_for_whoever_waits() {
        let flights = Flights::<()>::default();
        #[allow(clippy::panic)]
        let failed = flights.join([0; 32], LONG, 2, || panic!("on purpose"));
        assert_eq!(failed.err().map(|error| error.kind()), Some(ErrorKind::Host));
    }
}
