//! A chunk of items as an interpreter works it off: arguments are read and records written where the calls are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use serde_json::Value;
use wasm_pool::calls::{Batch, FutureError, Returned};
use wasm_pool::value::{Bytes, Mismatch, Type, Val, arguments, from_cell, from_cells};
use wasm_pool::{Function, Outcome};

use super::input::{Chunk, What};
use super::output::{Failure, Form};
use crate::args::Format;

/// What all chunks of a run have in common.
pub(super) struct Job {
    pub function: Function,
    pub from: Format,
    /// Of a table.
    pub columns: Vec<String>,
    pub bytes: Bytes,
    pub form: Form,
    pub fail_fast: bool,
    /// Nothing more is wanted.
    pub stop: AtomicBool,
    pub pace: Pace,
    pub results: Sender<Message>,
}

/// What the workers tell.
pub(super) enum Message {
    /// A chunk is done.
    Done(Done),
    /// There were so many chunks, and no more come; or why not.
    Read(std::io::Result<u64>),
    /// A chunk is lost.
    Lost(FutureError),
    /// After the end: nothing is under way any more.
    Idle,
}

/// A chunk that is done.
pub(super) struct Done {
    pub number: u64,
    pub records: Vec<u8>,
    pub items: u64,
    pub failed: u64,
    /// The first item that failed, and why.
    pub first: Option<(u64, String)>,
    /// Bytes of the input up to its end.
    pub upto: u64,
}

/// How long an item takes, as a moving mean; so that a chunk takes some milliseconds.
pub(super) struct Pace {
    nanos: AtomicU64,
    fixed: Option<u32>,
}

impl Pace {
    /// What a chunk should take: long beside what handing it over costs, short beside what a person notices.
    const CHUNK: Duration = Duration::from_millis(4);
    const MOST: u64 = 512;

    pub(super) fn new(fixed: Option<u32>) -> Pace {
        Pace {
            nanos: AtomicU64::new(u64::MAX),
            fixed,
        }
    }

    /// How many items the next chunk should have.
    pub(super) fn items(&self) -> usize {
        let items = match self.fixed {
            Some(fixed) => u64::from(fixed),
            None => {
                let chunk = u64::try_from(Self::CHUNK.as_nanos()).unwrap_or(u64::MAX);
                (chunk / self.nanos.load(Relaxed).max(1)).clamp(1, Self::MOST)
            }
        };
        usize::try_from(items).unwrap_or(usize::MAX)
    }

    fn took(&self, items: u64, time: Duration) {
        let now = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / items.max(1);
        let before = self.nanos.load(Relaxed);
        let mean = if before == u64::MAX {
            now
        } else {
            before / 4 * 3 + now / 4
        };
        self.nanos.store(mean, Relaxed);
    }
}

/// A chunk on its way.
pub(super) struct Work {
    job: Arc<Job>,
    chunk: Chunk,
    at: usize,
    began: Option<Instant>,
    done: Done,
}

impl Work {
    pub(super) fn new(job: &Arc<Job>, number: u64, chunk: Chunk) -> Work {
        Work {
            job: Arc::clone(job),
            at: 0,
            began: None,
            done: Done {
                number,
                records: Vec::with_capacity(chunk.text.len()),
                items: 0,
                failed: 0,
                first: None,
                upto: chunk.upto,
            },
            chunk,
        }
    }

    fn arguments(&self, what: &What) -> Result<Vec<Val>, String> {
        let Job {
            function,
            from,
            columns,
            bytes,
            ..
        } = &*self.job;
        let told = |why: Mismatch| why.to_string();
        match what {
            What::Unread(why) => Err(why.clone()),
            What::Row(row) => {
                let cells: Vec<_> = row.iter().collect();
                from_cells(function, columns, &cells, *bytes).map_err(told)
            }
            What::Line(range) => {
                let line = &self.chunk.text[range.clone()];
                match from {
                    Format::Lines => as_text(function, line, *bytes),
                    _ => {
                        let json: Value = serde_json::from_slice(line).map_err(|error| no_json(&error))?;
                        arguments(function, &json, *bytes).map_err(told)
                    }
                }
            }
        }
    }

    fn record(&mut self, result: Result<Returned, Failure>) {
        let line = self.chunk.items[self.at - 1].line;
        let done = &mut self.done;
        done.items += 1;
        if let Some(why) = self.job.form.record(line, result, &mut done.records) {
            done.failed += 1;
            done.first.get_or_insert((line, why));
            if self.job.fail_fast {
                self.job.stop.store(true, Relaxed);
            }
        }
    }
}

impl Batch for Work {
    type Output = ();

    fn next(&mut self) -> Option<Vec<Val>> {
        self.began.get_or_insert_with(Instant::now);
        loop {
            // What came before the failure is done; what comes after it is not wanted.
            if self.job.fail_fast && self.done.failed > 0 {
                return None;
            }
            let item = self.chunk.items.get(self.at)?;
            self.at += 1;
            match self.arguments(&item.what) {
                Ok(values) => return Some(values),
                Err(why) => self.record(Err(Failure::Item(why))),
            }
        }
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        self.record(result.map_err(Failure::Ended));
    }

    fn finish(self) {
        if let Some(began) = self.began {
            self.job.pace.took(self.done.items, began.elapsed());
        }
        // Nobody listens any more when the run is over.
        let _ = self.job.results.send(Message::Done(self.done));
    }
}

/// A line as the one argument: text, or bytes.
fn as_text(function: &Function, line: &[u8], bytes: Bytes) -> Result<Vec<Val>, String> {
    let [(name, ty)] = function.params() else {
        return Err(format!("lines are for a function with one parameter, not {function}"));
    };
    if let Type::List(list) = ty
        && list.ty() == Type::U8
        && bytes == Bytes::Array
    {
        return Ok(vec![Val::List(line.iter().copied().map(Val::U8).collect())]);
    }
    let text = std::str::from_utf8(line).map_err(|error| format!("{name}: a line that is not UTF-8: {error}"))?;
    from_cell(ty, text, bytes)
        .map(|value| vec![value])
        .map_err(|why| format!("{name}: {why}"))
}

/// What serde_json says, without its line, which is always 1.
fn no_json(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or(&said);
    format!("no JSON: {what}, at column {}", error.column())
}
