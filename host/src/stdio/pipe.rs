//! The bounded pipe between a guest's output and the host.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::outcome::Stop;
use crate::sync::{Mutex, Rank};

/// A bounded pipe: a guest writes into it, the host takes from it. Cloning gives another handle to the same pipe.
///
/// Invariants: it never holds more than its capacity and what those that share it were promised at the same time, 64 KiB each; `on_ready` is called once for each time that the pipe turns from
/// drained to not drained, and once when a guest that wrote something has ended; nothing is called under the pipe's lock.
#[derive(Clone)]
pub struct OutputPipe(Arc<Shared>);

struct Shared {
    capacity: usize,
    on_ready: Box<dyn Fn() + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// The host has been told and has not looked yet.
    told: bool,
    /// Something was written, ever.
    used: bool,
    ended: bool,
    failure: Option<Stop>,
    /// The guests that wait for room: the one whose pipe it is, and children of it.
    waiting: Vec<Waker>,
}

/// How much the host takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// Whole lines. A line that fills the whole pipe is taken in pieces, and so is what stands after the last line
    /// break when the guest has ended.
    Lines,
    /// Everything.
    All,
}

impl OutputPipe {
    /// A pipe of `capacity` bytes. `on_ready` is called, on the guest's worker, when there is something to take and when a
    /// guest that wrote something has ended; it must return at once.
    pub fn new(capacity: usize, on_ready: impl Fn() + Send + Sync + 'static) -> OutputPipe {
        OutputPipe(Arc::new(Shared {
            capacity,
            on_ready: Box::new(on_ready),
            state: Mutex::new(Rank::Output, State::default()),
        }))
    }

    /// A pipe that keeps everything until it is taken; [`Limits::output`](crate::Limits::output) bounds it.
    pub fn unbounded() -> OutputPipe {
        OutputPipe::new(usize::MAX, || ())
    }

    /// Moves what there is to the end of `into`; `true` when the guest has ended and nothing more will come.
    pub fn take(&self, take: Take, into: &mut Vec<u8>) -> bool {
        let (waiting, ended) = {
            let mut state = self.0.state.lock();
            state.told = false;
            let full = state.buffer.len() >= self.0.capacity;
            let end = match take {
                Take::Lines if !state.ended && !full => last_line_end(&state.buffer),
                Take::Lines | Take::All => state.buffer.len(),
            };
            if end == state.buffer.len() && into.is_empty() {
                // The common case moves nothing: the two buffers change places.
                std::mem::swap(into, &mut state.buffer);
            } else {
                into.extend_from_slice(&state.buffer[..end]);
                state.buffer.drain(..end);
            }
            (std::mem::take(&mut state.waiting), state.ended)
        };
        waiting.into_iter().for_each(Waker::wake);
        ended
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.0.state.lock().buffer.is_empty()
    }

    /// Everything that is in the pipe.
    pub fn take_all(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.take(Take::All, &mut bytes);
        bytes
    }

    /// The reader is gone: what the guest writes from now on ends it, quietly, as a closed pipe ends a process.
    pub fn close(&self) {
        let _ = self.fail_with(Stop::OutputClosed);
    }

    /// The output cannot be written: what the guest writes from now on ends it with this error. `true` when something that
    /// it had written before is lost, too.
    pub fn fail(&self, error: impl fmt::Display) -> bool {
        self.fail_with(Stop::OutputFailed(crate::text::one_line(&error.to_string())))
    }

    fn fail_with(&self, failure: Stop) -> bool {
        let (waiting, lost) = {
            let mut state = self.0.state.lock();
            let lost = std::mem::take(&mut state.buffer);
            state.failure.get_or_insert(failure);
            (std::mem::take(&mut state.waiting), !lost.is_empty())
        };
        waiting.into_iter().for_each(Waker::wake);
        lost
    }

    /// The guest's side: how many bytes it may write now.
    pub(super) fn room(&self) -> Result<usize, Stop> {
        let state = self.0.state.lock();
        match &state.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(self.0.capacity.saturating_sub(state.buffer.len())),
        }
    }

    /// The guest's side: waits for room, or for the news that there will be none.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state.lock();
        if state.failure.is_some() || state.buffer.len() < self.0.capacity {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The guest's side: writes `bytes`, for which there is room, or was when the guest looked.
    pub(super) fn push(&self, bytes: &[u8]) -> Result<(), Stop> {
        {
            let mut state = self.0.state.lock();
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            state.buffer.extend_from_slice(bytes);
            if bytes.is_empty() {
                return Ok(());
            }
            state.used = true;
            // Whoever comes after a guest that has ended writes on.
            state.ended = false;
            if std::mem::replace(&mut state.told, true) {
                return Ok(());
            }
        }
        (self.0.on_ready)();
        Ok(())
    }

    /// Nothing more will come. The pool says so at the end of a life; say it for a guest that is never started.
    pub fn end(&self) {
        let told = {
            let mut state = self.0.state.lock();
            if std::mem::replace(&mut state.ended, true) {
                return;
            }
            !state.used || std::mem::replace(&mut state.told, true)
        };
        if !told {
            (self.0.on_ready)();
        }
    }
}

fn last_line_end(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

impl fmt::Debug for OutputPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputPipe")
            .field("capacity", &self.0.capacity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn pipe(capacity: usize) -> (OutputPipe, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let pipe = OutputPipe::new(capacity, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        (pipe, calls)
    }

    fn lines(pipe: &OutputPipe) -> String {
        let mut bytes = Vec::new();
        pipe.take(Take::Lines, &mut bytes);
        String::from_utf8(bytes).unwrap_or_default()
    }

    #[test]
    fn gives_whole_lines_and_the_rest_at_the_end() {
        let (pipe, _) = pipe(100);
        assert!(pipe.push(b"one\ntw").is_ok());
        assert_eq!(lines(&pipe), "one\n");
        assert!(pipe.push(b"o").is_ok());
        assert_eq!(lines(&pipe), "");
        pipe.end();
        assert_eq!(lines(&pipe), "two");
    }

    #[test]
    fn breaks_a_line_that_fills_the_pipe() {
        let (pipe, _) = pipe(4);
        assert!(pipe.push(b"abcd").is_ok());
        assert_eq!(pipe.room().ok(), Some(0));
        assert_eq!(lines(&pipe), "abcd");
        assert_eq!(pipe.room().ok(), Some(4));
    }

    #[test]
    fn tells_the_host_once_until_it_looks_and_once_at_the_end() {
        let (pipe, calls) = pipe(100);
        assert!(pipe.push(b"a\n").is_ok() && pipe.push(b"b\n").is_ok() && pipe.push(b"").is_ok());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(lines(&pipe), "a\nb\n");
        pipe.end();
        pipe.end();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_failure_says_whether_something_is_lost() {
        let (pipe, _) = pipe(100);
        assert!(pipe.push(b"a").is_ok());
        assert!(pipe.fail("full"));
        assert!(pipe.is_empty() && !pipe.fail("full"));
        assert!(matches!(pipe.push(b"b"), Err(Stop::OutputFailed(why)) if why == "full"));
    }

    #[test]
    fn refuses_writes_once_the_reader_is_gone() {
        let (pipe, _) = pipe(100);
        pipe.close();
        assert!(matches!(pipe.push(b"a"), Err(Stop::OutputClosed)));
        assert!(matches!(pipe.room(), Err(Stop::OutputClosed)));
    }
}
