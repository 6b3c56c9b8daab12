//! `wasm-pool map`: a function of a guest for each item of the input, in parallel; a record for each, in order.
//!
//! One thread reads chunks and submits them, the pool's threads make of each its records, and this one writes them. So many
//! chunks are on their way at once and no more, so that a run of any length takes the same memory.

mod input;
mod output;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use wasm_pool::calls::Pending;
use wasm_pool::value::Bytes;
use wasm_pool::{Executor, Pool, machine, units};

use self::input::Input;
use self::output::{Form, Sink};
use self::work::{Done, Job, Message, Pace, Work};
use crate::args::{Format, MapArgs};
use crate::calling::{self, Voices};
use crate::progress::Bar;
use crate::run::{engine_for, usage};
use crate::{report, signals};

/// Chunks on their way for each interpreter: one that is worked off, one that waits, and some that wait for a slow one before
/// them to be written.
const AHEAD: usize = 8;

pub(crate) fn map(args: &MapArgs) -> anyhow::Result<u8> {
    let limits = args.limits.limits(&args.loading);
    machine::raise_open_files();
    let cores = args.workers.map_or_else(machine::cores, |workers| workers as usize);
    // On fibers more calls may run than there are workers.
    let room = u32::try_from(cores)?.saturating_add(32);
    let engine = engine_for(&limits, room, args.loading.no_cache)?;
    let program = calling::load(&engine, &args.guest, &limits, &args.loading, &args.calling)?;
    let function = program.function(&args.function)?;
    let to = args.to.unwrap_or(match args.from {
        Format::Csv => Format::Csv,
        Format::Json | Format::Lines => Format::Json,
    });
    check(args, to)?;
    let longest = args.item_size.as_u64();
    let (mut input, length) = Input::open(&args.input, args.from, longest)?;
    let (sink, written) = match &args.resume {
        Some(file) => Sink::resume(file)?,
        None => (Sink::open(args.output.as_deref())?, 0),
    };
    if !input.skip(written).context("the input")? {
        let message = format!("--resume: the file has {written} results, more than the input has items");
        return Err(usage(message));
    }

    let stop = signals::listen()?;
    let bar = Bar::of_items(length, args.quiet);
    let pool = Pool::builder(&engine)
        .workers(cores)
        .memory(limits.pool_memory)
        .queues(limits.pool_queues)
        .build()?;
    let voices = Voices::of(&program, &bar)?;
    let mut builder = calling::executor(&pool, &program, &limits, &args.grants, &args.calling, &voices)?;
    if let Some(workers) = args.workers {
        builder = builder.interpreters(workers as usize);
    }
    let executor = builder.reuse(args.reuse).build()?;

    let (results, done) = unbounded();
    let bytes = Bytes::from(args.calling.bytes);
    let job = Arc::new(Job {
        form: Form::new(&function, to, bytes, longest),
        function,
        from: args.from,
        columns: input.columns().unwrap_or_default().to_vec(),
        bytes,
        fail_fast: args.fail_fast,
        stop: AtomicBool::new(false),
        pace: Pace::new(args.chunk),
        results,
    });
    let (give, take) = bounded(executor.interpreters() * AHEAD);
    let reader = Reader {
        job: Arc::clone(&job),
        executor: executor.clone(),
        input,
        places: give,
    };
    std::thread::Builder::new()
        .name("wasm-pool-read".to_owned())
        .spawn(move || reader.read())
        .context("the reading thread cannot be started")?;

    let mut writing = Writing {
        sink,
        bar: bar.clone(),
        ordered: !args.unordered,
        coming: BTreeMap::new(),
        next: 0,
        places: take,
        tally: Tally::default(),
        began: Instant::now(),
    };
    if written == 0 {
        writing.sink.write(&job.form.head())?;
    }
    let ended = writing.write(&job, &done, &stop);
    // Whatever is still under way is not wanted any more.
    job.stop.store(true, Relaxed);
    executor.close(Pending::Cancel);
    let ended = match ended {
        Ok(End::Signal(signal)) => {
            let (idle, results) = (executor.clone(), job.results.clone());
            std::thread::Builder::new()
                .name("wasm-pool-shutdown".to_owned())
                .spawn(move || {
                    idle.shutdown(Pending::Cancel);
                    let _ = results.send(Message::Idle);
                })
                .context("the end cannot be waited for")?;
            writing.last_ones(&done, &stop, limits.grace)?;
            End::Signal(signal)
        }
        ended => ended?,
    };
    pool.kill_all();
    voices.finish(limits.grace, &stop);
    bar.clear();
    let code = writing.conclude(&ended, args.quiet);
    // The process ends here: the kernel takes the pool's threads and memory back faster than we can.
    std::mem::forget((executor, pool));
    Ok(code)
}

fn check(args: &MapArgs, to: Format) -> anyhow::Result<()> {
    if args.guest == std::path::Path::new("-") {
        return Err(usage("the guest must be a file: stdin has the items".to_owned()));
    }
    if args.resume.is_some() && to != Format::Json {
        return Err(usage(
            "--resume counts lines, so the results must be json: in other formats one may take several".to_owned(),
        ));
    }
    Ok(())
}

/// The thread that reads.
struct Reader {
    job: Arc<Job>,
    executor: Executor,
    input: Input,
    /// A place for each chunk on its way.
    places: Sender<()>,
}

impl Reader {
    fn read(mut self) {
        let read = self.submit_all();
        let _ = self.job.results.send(Message::Read(read));
    }

    /// How many chunks there were.
    fn submit_all(&mut self) -> std::io::Result<u64> {
        let mut chunks = 0;
        while !self.job.stop.load(Relaxed) {
            if self.places.send(()).is_err() {
                break;
            }
            let Some(chunk) = self.input.next(self.job.pace.items())? else {
                break;
            };
            let work = Work::new(&self.job, chunks, chunk);
            match self.executor.submit_batch(&self.job.function, work) {
                Ok(future) => {
                    let results = self.job.results.clone();
                    future.add_done_callback(move |future| {
                        if let Some(why) = future.exception(wasm_pool::Wait::No) {
                            let _ = results.send(Message::Lost(why));
                        }
                    });
                }
                // It has said why to those that waited.
                Err(_) => break,
            }
            chunks += 1;
        }
        Ok(chunks)
    }
}

/// How a run ended.
enum End {
    /// All items are done.
    All,
    /// The first failure was enough.
    Failed,
    /// Nobody reads the results.
    ReaderGone,
    /// The input cannot be read to its end.
    Input(std::io::Error),
    /// Calls are not possible any more.
    Broken(String),
    Signal(i32),
}

#[derive(Default)]
struct Tally {
    items: u64,
    failed: u64,
    first: Option<(u64, String)>,
    upto: u64,
}

/// This thread, which writes.
struct Writing {
    sink: Sink,
    bar: Bar,
    ordered: bool,
    /// Done before their turn.
    coming: BTreeMap<u64, Done>,
    next: u64,
    places: Receiver<()>,
    tally: Tally,
    began: Instant,
}

impl Writing {
    fn write(&mut self, job: &Job, done: &Receiver<Message>, stop: &Receiver<i32>) -> anyhow::Result<End> {
        let mut chunks = None;
        loop {
            if chunks == Some(self.next) {
                return Ok(if self.sink.flush()? { End::All } else { End::ReaderGone });
            }
            let message = match done.try_recv() {
                Ok(message) => Ok(message),
                Err(_) => {
                    // Nothing to do: whoever reads shall have what is there.
                    if !self.sink.flush()? {
                        return Ok(End::ReaderGone);
                    }
                    select! {
                        recv(done) -> message => message,
                        recv(stop) -> signal => return Ok(End::Signal(signal.unwrap_or_default())),
                    }
                }
            };
            match message {
                Ok(Message::Done(done)) => {
                    if !self.take(done, job.fail_fast)? {
                        return Ok(End::ReaderGone);
                    }
                    if job.fail_fast && self.tally.failed > 0 {
                        self.sink.flush()?;
                        return Ok(End::Failed);
                    }
                }
                Ok(Message::Read(Ok(all))) => chunks = Some(all),
                Ok(Message::Read(Err(error))) => {
                    self.sink.flush()?;
                    return Ok(End::Input(error));
                }
                Ok(Message::Lost(why)) => {
                    self.sink.flush()?;
                    return Ok(End::Broken(why.to_string()));
                }
                Ok(Message::Idle) | Err(_) => return Ok(End::Broken("the workers are gone".to_owned())),
            }
        }
    }

    /// Writes what can be written; whether somebody reads.
    fn take(&mut self, done: Done, fail_fast: bool) -> anyhow::Result<bool> {
        if !self.ordered {
            self.next += 1;
            return self.put(done);
        }
        self.coming.insert(done.number, done);
        while let Some(done) = self.coming.remove(&self.next) {
            self.next += 1;
            let enough = fail_fast && done.failed > 0;
            if !self.put(done)? {
                return Ok(false);
            }
            if enough {
                break;
            }
        }
        Ok(true)
    }

    fn put(&mut self, done: Done) -> anyhow::Result<bool> {
        let tally = &mut self.tally;
        tally.items += done.items;
        tally.failed += done.failed;
        tally.upto = tally.upto.max(done.upto);
        if tally.first.is_none() {
            tally.first = done.first;
        }
        let a_second = tally.items as f64 / self.began.elapsed().as_secs_f64().max(1e-9);
        self.bar.items(tally.upto, tally.items, tally.failed, a_second);
        // Its place is free.
        let _ = self.places.try_recv();
        self.sink.write(&done.records)
    }

    /// After a signal: what is under way may come to its end for so long.
    fn last_ones(
        &mut self,
        done: &Receiver<Message>,
        stop: &Receiver<i32>,
        grace: std::time::Duration,
    ) -> anyhow::Result<()> {
        let late = crossbeam_channel::after(grace);
        // What was cancelled leaves gaps, and behind a gap nothing is written.
        loop {
            select! {
                recv(done) -> message => match message {
                    Ok(Message::Done(done)) => {
                        self.take(done, false)?;
                    }
                    Ok(Message::Idle) | Err(_) => break,
                    Ok(Message::Read(_) | Message::Lost(_)) => {}
                },
                recv(stop) -> _ => break,
                recv(late) -> _ => break,
            }
        }
        self.sink.flush()?;
        Ok(())
    }

    /// Says how it went; our exit code.
    fn conclude(&self, end: &End, quiet: bool) -> u8 {
        let Tally {
            items, failed, first, ..
        } = &self.tally;
        let took = self.began.elapsed();
        if !quiet {
            let failures = match first {
                Some((line, why)) => format!(", {failed} failed (the first in line {line}: {why})"),
                None => String::new(),
            };
            let a_second = *items as f64 / took.as_secs_f64().max(1e-9);
            report::say(format!(
                "{items} items in {}, {a_second:.0} a second{failures}",
                units::show_duration(took)
            ));
        }
        match end {
            End::All | End::Failed => u8::from(*failed > 0),
            End::ReaderGone => 0,
            End::Input(error) => {
                report::say(format!("the input: {error}"));
                66
            }
            End::Broken(why) => {
                report::say(why);
                134
            }
            End::Signal(signal) => signals::exit_code(*signal),
        }
    }
}
