//! A function applied to many arguments, lazily and in order: CPython's `Executor.map`.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use wasmtime::component::Val;

use super::Returned;
use super::executor::Executor;
use super::future::{Future, FutureError};
use crate::outcome::Outcome;
use crate::program::Function;
use crate::queue::Wait;

/// The results of [`Executor::map`], in the order of the arguments; each is a call's own, and one that fails disturbs no other.
///
/// Arguments are taken as results are asked for: so many [ahead](Map::ahead) and no more, so that an endless source is as good
/// as any. Where that would be a deadlock, as on a worker of the pool, nothing of this may be used. Dropping it cancels what
/// has not begun.
pub struct Map<I> {
    executor: Executor,
    function: Function,
    arguments: I,
    chunk: usize,
    ahead: usize,
    until: Option<Instant>,
    /// Calls that are under way.
    out: usize,
    coming: VecDeque<Future<Chunk>>,
    here: std::vec::IntoIter<Result<Returned, Outcome>>,
    over: bool,
    /// Why no more is submitted; told when what was submitted before has come.
    refused: Option<FutureError>,
}

/// What calls that one interpreter made one after the other gave.
type Chunk = Vec<Result<Returned, Outcome>>;

impl<I: Iterator<Item = Vec<Val>>> Map<I> {
    pub(super) fn new(executor: Executor, function: Function, arguments: I) -> Map<I> {
        Map {
            ahead: executor.interpreters().saturating_mul(4),
            executor,
            function,
            arguments,
            chunk: 1,
            until: None,
            out: 0,
            coming: VecDeque::new(),
            here: Vec::new().into_iter(),
            over: false,
            refused: None,
        }
    }

    /// How many calls one interpreter is handed at once. More are cheaper and shared out less evenly. Default: 1.
    pub fn chunk(mut self, calls: usize) -> Map<I> {
        self.chunk = calls.max(1);
        self.ahead = self.ahead.max(
            self.chunk
                .saturating_mul(self.executor.interpreters())
                .saturating_mul(2),
        );
        self
    }

    /// How many arguments are taken at most before their results are asked for: CPython's `buffersize`. Default: four for each
    /// interpreter, or two chunks. At least 1.
    pub fn ahead(mut self, calls: usize) -> Map<I> {
        self.ahead = calls.max(1);
        self.chunk = self.chunk.min(self.ahead);
        self
    }

    /// How long the whole of it may take from now: CPython's `timeout`. Default: as long as it takes.
    pub fn timeout(mut self, time: Duration) -> Map<I> {
        self.until = Instant::now().checked_add(time);
        self
    }

    /// The next result, without blocking. The [timeout](Map::timeout) is for those who block; who awaits has one of his runtime's.
    pub async fn next_async(&mut self) -> Option<Result<Returned, FutureError>> {
        loop {
            match self.advance() {
                Advance::Here(result) => return result,
                Advance::Coming(future) => {
                    let result = future.await;
                    if let Some(failed) = self.arrived(result) {
                        return Some(Err(failed));
                    }
                }
            }
        }
    }

    /// What is here, or what must be waited for.
    fn advance(&mut self) -> Advance {
        if let Some(result) = self.here.next() {
            self.out -= 1;
            return Advance::Here(Some(result.map_err(FutureError::Ended)));
        }
        if let Err(refused) = self.submit() {
            self.over = true;
            self.refused = Some(refused);
        }
        match self.coming.pop_front() {
            Some(future) => Advance::Coming(future),
            None => Advance::Here(self.refused.take().map(Err)),
        }
    }

    fn submit(&mut self) -> Result<(), FutureError> {
        while !self.over && self.out < self.ahead {
            if self.out > 0 && !self.executor.shared().has_room() {
                // There will be when what is out has come.
                break;
            }
            let some = self.chunk.min(self.ahead - self.out);
            let chunk: Vec<_> = self.arguments.by_ref().take(some).collect();
            self.over = chunk.len() < some;
            if chunk.is_empty() {
                break;
            }
            let calls = chunk.len();
            let future = self
                .executor
                .submit_all(&self.function, chunk)
                .map_err(|error| FutureError::from_refusal(&error))?;
            self.out += calls;
            self.coming.push_back(future);
        }
        Ok(())
    }

    /// A chunk's results are there; or why there are none.
    fn arrived(&mut self, result: Result<Chunk, FutureError>) -> Option<FutureError> {
        match result {
            Ok(results) => {
                self.here = results.into_iter();
                None
            }
            Err(failed) => {
                self.over = true;
                self.cancel();
                self.coming.clear();
                Some(failed)
            }
        }
    }
}

impl<I> Map<I> {
    /// What has not begun does not begin.
    fn cancel(&self) {
        for future in &self.coming {
            future.cancel();
        }
    }
}

enum Advance {
    Here(Option<Result<Returned, FutureError>>),
    Coming(Future<Chunk>),
}

impl<I: Iterator<Item = Vec<Val>>> Iterator for Map<I> {
    type Item = Result<Returned, FutureError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.advance() {
                Advance::Here(result) => return result,
                Advance::Coming(future) => {
                    let wait = match self.until {
                        Some(until) => Wait::For(until.saturating_duration_since(Instant::now())),
                        None => Wait::Forever,
                    };
                    let result = if future.wait(wait) {
                        future.into_result(Wait::No)
                    } else {
                        future.cancel();
                        Err(FutureError::Timeout)
                    };
                    if let Some(failed) = self.arrived(result) {
                        return Some(Err(failed));
                    }
                }
            }
        }
    }
}

impl<I> Drop for Map<I> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<I> fmt::Debug for Map<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("out", &self.out).finish_non_exhaustive()
    }
}
