//! The thread that takes what the workers have done, puts it in order, and knows when the run is over.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use crossbeam_channel::{Receiver, RecvError, Sender, select};
use wasm_pool::calls::FutureError;
use wasm_pool::{Executor, units};

use super::flow::size;
use super::sink::{Reader, Records, Sink, Written};
use super::work::{Done, Job, Message, Part, Work};
use crate::args::{Format, MapArgs};
use crate::progress::Bar;
use crate::{report, signals};

/// How long a reader may take for the last records of a run that was ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a run ended.
pub(super) enum End {
    /// All items are done.
    All,
    /// The first failure was enough.
    Failed,
    /// Nobody reads the results.
    ReaderGone,
    /// The input cannot be read to its end; what could be read is done.
    Input(std::io::Error),
    /// Calls are not possible any more.
    Broken(FutureError),
    Signal(i32),
}

#[derive(Default)]
struct Tally {
    items: u64,
    failed: u64,
    first: Option<(u64, String)>,
    upto: u64,
}

/// Where this thread stands.
pub(super) struct Writing {
    /// What is written to.
    name: String,
    /// To the thread that writes; none when all is given.
    records: Option<Sender<Records>>,
    written: Receiver<Written>,
    bar: Bar,
    order: Order,
    fail_fast: bool,
    /// What failures may come from.
    hint: &'static str,
    /// Done before their turn.
    coming: BTreeMap<u64, Vec<Done>>,
    /// Laid aside until there is room.
    aside: BTreeMap<u64, Work>,
    job: Arc<Job>,
    executor: Executor,
    /// The chunk whose turn it is.
    next: u64,
    tally: Tally,
    began: Instant,
}

/// What may be meant when items fail.
fn hint(args: &MapArgs) -> &'static str {
    let table = args
        .input
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    match args.from {
        Format::Json | Format::Lines if table => "; -i csv reads a table",
        _ => "",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// As the items are.
    Items,
    /// As they come.
    Completion,
}

impl Writing {
    /// Records go to the sink, which frees places; `head` comes before them.
    pub(super) fn begin(
        sink: Sink,
        head: Vec<u8>,
        places: Receiver<()>,
        bar: &Bar,
        args: &MapArgs,
        job: &Arc<Job>,
        executor: &Executor,
    ) -> anyhow::Result<Writing> {
        let name = sink.name.clone();
        let (records, written) = sink.start(places, job)?;
        let writing = Writing {
            name,
            records: Some(records),
            written,
            bar: bar.clone(),
            order: if args.unordered {
                Order::Completion
            } else {
                Order::Items
            },
            fail_fast: args.fail_fast,
            hint: hint(args),
            coming: BTreeMap::new(),
            aside: BTreeMap::new(),
            job: Arc::clone(job),
            executor: executor.clone(),
            next: 0,
            tally: Tally::default(),
            began: Instant::now(),
        };
        writing.job.flow.add(size(&head));
        writing.give(head, false);
        Ok(writing)
    }

    /// Works until the run is over, or nothing more is wanted.
    pub(super) fn work(&mut self, done: &Receiver<Message>, stop: &Receiver<i32>) -> anyhow::Result<End> {
        let mut all: Option<(u64, Option<std::io::Error>)> = None;
        let room = self.job.flow.written();
        loop {
            if let Err(error) = self.go_on() {
                return self.close(End::Broken(FutureError::Closed(error.to_string())), stop);
            }
            if let Some((_, error)) = all.take_if(|(chunks, _)| *chunks == self.next) {
                return self.close(error.map_or(End::All, End::Input), stop);
            }
            select! {
                recv(done) -> message => match message {
                    Ok(Message::Done(done)) => {
                        self.take(done);
                        if self.fail_fast && self.tally.failed > 0 {
                            return self.close(End::Failed, stop);
                        }
                    }
                    Ok(Message::Read { chunks, error }) => all = Some((chunks, error)),
                    Ok(Message::Aside(work)) => {
                        self.aside.insert(work.number(), *work);
                    }
                    Ok(Message::Lost(why)) => return self.close(End::Broken(why), stop),
                    Ok(Message::Idle) | Err(_) => {
                        let why = FutureError::Closed("the workers are gone".to_owned());
                        return self.close(End::Broken(why), stop);
                    }
                },
                recv(room) -> _ => {}
                recv(self.written) -> written => return self.ended(written, End::All),
                recv(stop) -> signal => return Ok(End::Signal(signal.unwrap_or_default())),
            }
        }
    }

    /// Submits again what was laid aside and has room now.
    fn go_on(&mut self) -> Result<(), wasm_pool::Error> {
        while let Some(entry) = self.aside.first_entry()
            && self.job.flow.may_go_on(*entry.key())
        {
            self.job.submit(&self.executor, entry.remove())?;
        }
        Ok(())
    }

    /// Waits until everything is written; `end`, unless that goes wrong.
    fn close(&mut self, end: End, stop: &Receiver<i32>) -> anyhow::Result<End> {
        self.records = None;
        select! {
            recv(self.written) -> written => self.ended(written, end),
            recv(stop) -> signal => Ok(End::Signal(signal.unwrap_or_default())),
        }
    }

    /// After a signal: what is under way may come to its end, and be written, for so long.
    pub(super) fn last_ones(
        &mut self,
        done: &Receiver<Message>,
        stop: &Receiver<i32>,
        grace: Duration,
    ) -> anyhow::Result<()> {
        let shown = units::show_duration(grace);
        self.bar
            .suspend(|| report::note(format!("stopping: calls have {shown} to end; once more ends them now")));
        let late = crossbeam_channel::after(grace);
        loop {
            select! {
                recv(done) -> message => match message {
                    // What was cancelled leaves gaps, and behind a gap nothing is written.
                    Ok(Message::Done(done)) => self.take(done),
                    Ok(Message::Idle) | Err(_) => self.records = None,
                    Ok(Message::Read { .. } | Message::Aside(_) | Message::Lost(_)) => {}
                },
                recv(self.written) -> written => return self.ended(written, End::All).map(|_| ()),
                recv(stop) -> _ => break,
                recv(late) -> _ => break,
            }
        }
        // What was done may still be written, unless whoever reads it stalls.
        self.records = None;
        match self.written.recv_timeout(PATIENCE) {
            Ok(written) => self.ended(Ok(written), End::All).map(|_| ()),
            Err(_) => Ok(()),
        }
    }

    /// What the end of the writing means for the run.
    fn ended(&self, written: Result<Written, RecvError>, end: End) -> anyhow::Result<End> {
        match written {
            Ok(Ok(Reader::There)) => Ok(end),
            Ok(Ok(Reader::Gone)) => Ok(End::ReaderGone),
            Ok(Err(error)) => Err(error).with_context(|| self.name.clone()),
            Err(RecvError) => anyhow::bail!("{}: the writing thread is gone", self.name),
        }
    }

    /// Gives what can be written to be written.
    fn take(&mut self, done: Done) {
        if self.order == Order::Items && done.number != self.next {
            self.coming.entry(done.number).or_default().push(done);
            return;
        }
        let mut ready = VecDeque::from([done]);
        while let Some(done) = ready.pop_front() {
            let part = done.part;
            self.put(done);
            match part {
                Part::Some => {}
                Part::Rest => {
                    self.next += 1;
                    self.job.flow.turn_of(self.next);
                    if self.order == Order::Items {
                        ready.extend(self.coming.remove(&self.next).unwrap_or_default());
                    }
                }
                // The turn stays with what is missing.
                Part::Cut => return,
            }
            if self.fail_fast && self.tally.failed > 0 {
                return;
            }
        }
    }

    fn put(&mut self, done: Done) {
        let tally = &mut self.tally;
        tally.items += done.items;
        tally.failed += done.failed;
        tally.upto = tally.upto.max(done.upto);
        if tally.first.is_none() {
            tally.first = done.first;
        }
        let a_second = tally.items as f64 / self.began.elapsed().as_secs_f64().max(1e-9);
        self.bar.items(tally.upto, tally.items, tally.failed, a_second);
        self.give(done.records, done.part != Part::Some);
    }

    fn give(&self, text: Vec<u8>, frees: bool) {
        if let Some(records) = &self.records {
            self.job.flow.give(size(&text));
            // Who does not take it any more has said why.
            let _ = records.send(Records { text, frees });
        }
    }

    /// Says how it went; our exit code.
    pub(super) fn conclude(&self, guest: &str, end: &End, quiet: bool) -> u8 {
        if !quiet {
            self.summarise();
        }
        match end {
            End::All | End::Failed => u8::from(self.tally.failed > 0),
            End::ReaderGone => 0,
            End::Input(error) => {
                report::say(format!("the input: {error}"));
                66
            }
            End::Broken(FutureError::Broken(why)) => {
                report::say(format!("{guest}: {why}"));
                134
            }
            End::Broken(why) => {
                report::say(why);
                70
            }
            End::Signal(signal) => signals::exit_code(*signal),
        }
    }

    fn summarise(&self) {
        let Tally {
            items, failed, first, ..
        } = &self.tally;
        let took = self.began.elapsed();
        let failures = match first {
            Some((line, why)) => format!(", {failed} failed (the first in line {line}: {why}){}", self.hint),
            None => String::new(),
        };
        let noun = if *items == 1 { "item" } else { "items" };
        let a_second = *items as f64 / took.as_secs_f64().max(1e-9);
        report::say(format!(
            "{items} {noun} in {}, {a_second:.0} a second{failures}",
            units::show_duration(took)
        ));
    }
}
