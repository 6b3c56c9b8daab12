//! A value that is set once and that threads and tasks can wait for.

use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Instant;

use crate::sync::{Condvar, Mutex, Rank};

/// A value that somebody will set, once.
pub(crate) struct Completion<T> {
    state: Mutex<State<T>>,
    set: Condvar,
}

struct State<T> {
    value: Option<T>,
    /// Who waits; bounded by the number of waiting tasks.
    wakers: Vec<Waker>,
}

impl<T: Clone> Completion<T> {
    pub(crate) fn new() -> Completion<T> {
        Completion {
            state: Mutex::new(
                Rank::Ending,
                State {
                    value: None,
                    wakers: Vec::new(),
                },
            ),
            set: Condvar::new(),
        }
    }

    /// Sets the value and wakes everybody; a second value is ignored.
    pub(crate) fn set(&self, value: T) {
        let wakers = {
            let mut state = self.state.lock();
            if state.value.is_some() {
                return;
            }
            state.value = Some(value);
            self.set.notify_all();
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether the value is there.
    pub(crate) fn is_set(&self) -> bool {
        self.state.lock().value.is_some()
    }

    /// Blocks this thread until the value is there.
    pub(crate) fn join(&self) -> T {
        let mut state = self.state.lock();
        loop {
            if let Some(value) = &state.value {
                return value.clone();
            }
            self.set.wait(&mut state);
        }
    }

    /// Blocks this thread until the value is there or the time has come.
    pub(crate) fn join_until(&self, deadline: Instant) -> Option<T> {
        let mut state = self.state.lock();
        while state.value.is_none() {
            if self.set.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.value.clone()
    }

    /// Waits for the value.
    pub(crate) async fn wait(&self) -> T {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            match &state.value {
                Some(value) => Poll::Ready(value.clone()),
                None => {
                    if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                        state.wakers.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_first_value_stands_and_everybody_gets_it() {
        let completion = Arc::new(Completion::new());
        let waiting = {
            let completion = Arc::clone(&completion);
            std::thread::spawn(move || completion.join())
        };
        assert!(completion.join_until(Instant::now()).is_none());
        completion.set(1);
        completion.set(2);
        assert_eq!((waiting.join().ok(), completion.join()), (Some(1), 1));
    }
}
