//! A chunk of items as an interpreter works it off: arguments are read and records written where the calls are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use serde_json::Value;
use wasm_pool::calls::{Batch, FutureError, Returned};
use wasm_pool::value::{Bytes, Mismatch, Type, Val, arguments, from_cell, from_cells};
use wasm_pool::{Executor, Function, Outcome};

use super::flow::{Flow, size};
use super::input::{Chunk, What};
use super::output::{Failure, Form};
use super::table::Rows;
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
    /// Nothing more is read.
    pub stop: AtomicBool,
    /// Nothing more is begun, of what was read either.
    pub cut: AtomicBool,
    pub pace: Pace,
    pub flow: Flow,
    pub results: Sender<Message>,
}

/// What the workers tell.
pub(super) enum Message {
    /// A chunk is done, or some of it.
    Done(Done),
    /// There were so many chunks, and no more come; perhaps because the input failed.
    Read { chunks: u64, error: Option<std::io::Error> },
    /// A chunk was laid aside, since too much is on its way.
    Aside(Box<Work>),
    /// A chunk is lost.
    Lost(FutureError),
    /// After the end: nothing is under way any more.
    Idle,
}

/// Items of a chunk that are done.
#[derive(Default)]
pub(super) struct Done {
    pub number: u64,
    pub part: Part,
    pub records: Vec<u8>,
    pub items: u64,
    pub failed: u64,
    /// The first item that failed, and why.
    pub first: Option<(u64, String)>,
    /// Bytes of the input up to the chunk's end; 0 before that.
    pub upto: u64,
}

/// How much of a chunk is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Part {
    /// Some; more comes.
    #[default]
    Some,
    /// All that was left.
    Rest,
    /// All that comes, since no more was wanted.
    Cut,
}

/// What items take, as moving means; so that a chunk takes some milliseconds, and its records little memory.
pub(super) struct Pace {
    nanos: AtomicU64,
    /// Of an item's record.
    bytes: AtomicU64,
    fixed: Option<u32>,
}

impl Pace {
    /// What a chunk should take: long beside what handing it over costs, short beside what a person notices.
    const CHUNK: Duration = Duration::from_millis(4);
    /// What its records should take: chunks that wait for one before them are in memory.
    const BYTES: u64 = 256 << 10;
    const MOST: u64 = 512;

    pub(super) fn new(fixed: Option<u32>) -> Pace {
        Pace {
            nanos: AtomicU64::new(u64::MAX),
            bytes: AtomicU64::new(0),
            fixed,
        }
    }

    /// How many items the next chunk should have.
    pub(super) fn items(&self) -> usize {
        let items = match self.fixed {
            Some(fixed) => u64::from(fixed),
            None => {
                let chunk = u64::try_from(Self::CHUNK.as_nanos()).unwrap_or(u64::MAX);
                let in_time = chunk / self.nanos.load(Relaxed).max(1);
                let in_memory = Self::BYTES / self.bytes.load(Relaxed).max(1);
                in_time.min(in_memory).clamp(1, Self::MOST)
            }
        };
        usize::try_from(items).unwrap_or(usize::MAX)
    }

    fn took(&self, items: u64, time: Duration, bytes: u64) {
        let mean = |before: u64, now: u64| before / 4 * 3 + now / 4;
        let now = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / items.max(1);
        let before = self.nanos.load(Relaxed);
        let nanos = if before == u64::MAX { now } else { mean(before, now) };
        self.nanos.store(nanos, Relaxed);
        // Large records are heeded at once.
        let now = bytes / items.max(1);
        self.bytes.store(now.max(mean(self.bytes.load(Relaxed), now)), Relaxed);
    }
}

/// A chunk on its way.
pub(super) struct Work {
    job: Arc<Job>,
    chunk: Chunk,
    /// Its text, where items are rows.
    rows: Option<Rows>,
    at: usize,
    failed: bool,
    /// It is to be laid aside.
    aside: bool,
    /// Bytes that were read for it.
    read: u64,
    began: Instant,
    /// What it took before it was last laid aside.
    took: Duration,
    /// Bytes of records that were sent.
    bytes: u64,
    /// When records were last sent.
    sent: Instant,
    done: Done,
}

impl Work {
    /// Records are sent when they are so many bytes, however few items they are of; the chunk whose turn it is then takes
    /// little memory.
    const SOME: usize = 256 << 10;
    /// Records are sent when they are so old, so that a person sees them and a kill loses few.
    const OLD: Duration = Duration::from_millis(100);

    pub(super) fn new(job: &Arc<Job>, number: u64, mut chunk: Chunk) -> Work {
        let now = Instant::now();
        let read = size(&chunk.text);
        job.flow.add(read);
        Work {
            job: Arc::clone(job),
            rows: (job.from == Format::Csv).then(|| Rows::new(std::mem::take(&mut chunk.text))),
            at: 0,
            failed: false,
            aside: false,
            read,
            began: now,
            took: Duration::ZERO,
            bytes: 0,
            sent: now,
            done: Done {
                number,
                records: Vec::with_capacity(chunk.text.len()),
                ..Done::default()
            },
            chunk,
        }
    }

    /// Which chunk it is.
    pub(super) fn number(&self) -> u64 {
        self.done.number
    }

    /// The arguments of the call for an item; why it is none.
    fn arguments(&mut self, at: usize) -> Result<Vec<Val>, String> {
        let Job {
            function,
            from,
            columns,
            bytes,
            ..
        } = &*self.job;
        let told = |why: Mismatch| why.to_string();
        match (&self.chunk.items[at].what, &mut self.rows) {
            (What::Unread(why), _) => Err(why.clone()),
            (What::Row, None) => Err("a row that cannot be read".to_owned()),
            (What::Row, Some(rows)) => {
                let cells: Vec<_> = rows.next()?.iter().collect();
                from_cells(function, columns, &cells, *bytes).map_err(told)
            }
            (What::Line(range), _) => {
                let line = &self.chunk.text[range.clone()];
                if *from == Format::Lines {
                    return as_text(function, line, *bytes);
                }
                let json: Value = serde_json::from_slice(line).map_err(|error| no_json(line, &error))?;
                arguments(function, &json, *bytes).map_err(told)
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
            self.failed = true;
            if self.job.fail_fast {
                self.job.stop.store(true, Relaxed);
            }
        }
        if done.records.len() >= Self::SOME || self.sent.elapsed() >= Self::OLD {
            self.send(Part::Some);
        }
    }

    fn send(&mut self, part: Part) {
        let number = self.done.number;
        let done = std::mem::replace(
            &mut self.done,
            Done {
                number,
                ..Done::default()
            },
        );
        self.bytes += done.records.len() as u64;
        self.job.flow.add(size(&done.records));
        self.sent = Instant::now();
        // Nobody listens any more when the run is over.
        let _ = self.job.results.send(Message::Done(Done { part, ..done }));
    }
}

impl Job {
    /// Submits a chunk, or what is left of one that was laid aside.
    pub(super) fn submit(&self, executor: &Executor, work: Work) -> Result<(), wasm_pool::Error> {
        let results = self.results.clone();
        let future = executor.submit_batch(&self.function, work)?;
        future.add_done_callback(move |future| {
            if let Some(why) = future.exception(wasm_pool::Wait::No) {
                let _ = results.send(Message::Lost(why));
            }
        });
        Ok(())
    }
}

impl Batch for Work {
    type Output = ();

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        if self.at == 0 || self.aside {
            self.began = Instant::now();
            self.sent = self.began;
            self.aside = false;
        }
        loop {
            // What came before the failure is done; what comes after it is not wanted.
            if self.job.fail_fast && self.failed || self.job.cut.load(Relaxed) {
                return false;
            }
            let at = self.at;
            if at == self.chunk.items.len() {
                return false;
            }
            if !self.job.flow.may_go_on(self.done.number) {
                self.aside = true;
                return false;
            }
            self.at += 1;
            match self.arguments(at) {
                Ok(values) => {
                    *arguments = values;
                    return true;
                }
                Err(why) => self.record(Err(Failure::Item(why))),
            }
        }
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        self.record(result.map_err(Failure::Ended));
    }

    fn finish(mut self) {
        if self.aside {
            self.send(Part::Some);
            self.took += self.began.elapsed();
            let results = self.job.results.clone();
            // Nobody listens any more when the run is over.
            let _ = results.send(Message::Aside(Box::new(self)));
            return;
        }
        let whole = self.at == self.chunk.items.len();
        self.done.upto = self.chunk.upto;
        self.send(if whole { Part::Rest } else { Part::Cut });
        self.job.flow.take(self.read);
        let took = self.took + self.began.elapsed();
        self.job.pace.took(self.at as u64, took, self.bytes);
    }
}

/// Why lines are no arguments of a function.
pub(super) fn not_for_lines(function: &Function) -> String {
    format!("lines are for a function with one parameter, not {function}")
}

/// A line as the one argument: text, or bytes.
fn as_text(function: &Function, line: &[u8], bytes: Bytes) -> Result<Vec<Val>, String> {
    let [(name, ty)] = function.params() else {
        return Err(not_for_lines(function));
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
fn no_json(line: &[u8], error: &serde_json::Error) -> String {
    if let Err(error) = std::str::from_utf8(line) {
        return format!("no JSON: not UTF-8, at column {}", error.valid_up_to() + 1);
    }
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or(&said);
    format!("no JSON: {what}, at column {}", error.column())
}
