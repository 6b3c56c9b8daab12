//! `wasm-pool map`: a function of a guest for each item of the input, in parallel; a record for each, in order.
//!
//! One thread reads chunks and submits them, the pool's threads make of each its records, and this one writes them. So many
//! chunks and so many bytes are on their way at once and no more, so that a run of any length takes the same memory.

mod flow;
mod input;
mod output;
mod sink;
mod source;
mod table;
mod work;
mod writing;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use wasm_pool::calls::{ExecutorBuilder, Pending};
use wasm_pool::value::Bytes;
use wasm_pool::{Error, ErrorKind, Executor, Function, Pool, machine};

use self::flow::Flow;
use self::input::Input;
use self::output::Form;
use self::sink::Sink;
use self::source::Source;
use self::work::{Job, Message, Pace, Work};
use self::writing::{End, Writing};
use crate::args::{Format, MapArgs};
use crate::calling::{self, Voices};
use crate::progress::Bar;
use crate::run::{engine_for, the_guest, usage};
use crate::{signals, timeline, wall};

/// Chunks on their way for each interpreter: one that is worked off, one that waits, and some that wait for a slow one before
/// them to be written.
const AHEAD: usize = 8;

pub(crate) fn map(args: &MapArgs) -> anyhow::Result<u8> {
    check(args)?;
    let limits = args.limits.limits(&args.loading);
    machine::raise_open_files();
    let cores = args.workers.map_or_else(machine::cores, |workers| workers as usize);
    // On fibers more calls may run than there are workers.
    let room = u32::try_from(cores)?.saturating_add(32);
    let engine = engine_for(&limits, room, args.loading.no_cache)?;
    let results = args.output.as_deref().or(args.resume.as_deref());
    let ours = the_guest(&args.guest).chain(results.map(|path| ("the results", path)));
    let ours = ours.chain(args.timeline.file());
    let grants = calling::grants(&args.grants, args.loading.no_cache, ours)?;
    let mut sink = open_sink(args)?;
    let mut sheet = timeline::open(&args.timeline)?;
    let lockdown = wall::reading(wall::around(&engine, &args.guest), &args.input);
    wall::raise(lockdown.grants(&grants), args.loading.no_lockdown);
    let program = calling::load(&engine, &args.guest, &limits, &args.loading, &args.calling)?;
    let function = program.function(&args.function)?;
    let (file, source) = Source::open(&args.input)?;
    let mut input = Input::of(file, &source, args.from, args.item_size.as_u64())?;
    check_arguments(&function, args.from, &input)?;
    let pool = Pool::builder(&engine)
        .workers(cores)
        .memory(limits.pool_memory)
        .queues(limits.pool_queues)
        .timeline(sheet.is_some())
        .build()?;
    let bar = Bar::of_items(source.length(), args.quiet);
    let voices = Voices::of(&program, &bar)?;
    let builder = calling::executor(&pool, &program, &limits, grants, &args.calling, &voices)?;
    let executor = configured(builder, args).build()?;
    // Only now, when nothing else is wrong: what is there is lost.
    let written = take_up(args, &source, &mut input, &mut sink)?;

    let stop = signals::listen()?;
    let (results, done) = unbounded();
    let columns = input.columns().unwrap_or_default().to_vec();
    let job = Arc::new(job(args, function, columns, results));
    let places = Reader::start(&job, &executor, input)?;
    let head = if written == 0 { job.form.head() } else { Vec::new() };
    let mut writing = Writing::begin(sink, head, places, &bar, args, &job, &executor)?;
    let ended = writing.work(&done, &stop);
    // Whatever is still under way is not wanted any more.
    job.stop.store(true, Relaxed);
    job.cut.store(true, Relaxed);
    executor.close(Pending::Cancel);
    if ended.is_err() {
        // What went wrong before is what is told.
        let _ = timeline::write(sheet.take(), &pool, []);
    }
    let ended = ended?;
    if let End::Signal(_) = ended {
        tell_when_idle(&executor, &job)?;
        writing.last_ones(&done, &stop, limits.grace)?;
    }
    pool.kill_all();
    voices.finish(limits.grace, &stop);
    bar.clear();
    let code = writing.conclude(program.name(), &ended, args.quiet);
    timeline::write(sheet, &pool, [])?;
    // The process ends here: the kernel takes the pool's threads and memory back faster than we can.
    std::mem::forget((executor, pool));
    Ok(code)
}

/// Refuses what cannot be meant.
fn check(args: &MapArgs) -> anyhow::Result<()> {
    if args.guest == Path::new("-") && args.input == Path::new("-") {
        return Err(usage("the guest must be a file, since stdin has the items".to_owned()));
    }
    if args.resume.is_some() && results_format(args) != Format::Json {
        return Err(usage(
            "--resume counts lines, so the results must be json (-f json): in other formats one may take several"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Refuses a function that no item can be an argument of.
fn check_arguments(function: &Function, from: Format, input: &Input) -> anyhow::Result<()> {
    if from == Format::Lines && function.params().len() != 1 {
        return Err(usage(work::not_for_lines(function)));
    }
    match input.columns() {
        Some(columns) => table::check_columns(function, columns).map_err(usage),
        None => Ok(()),
    }
}

fn results_format(args: &MapArgs) -> Format {
    args.to.unwrap_or(match args.from {
        Format::Csv => Format::Csv,
        Format::Json | Format::Lines => Format::Json,
    })
}

fn configured(builder: ExecutorBuilder, args: &MapArgs) -> ExecutorBuilder {
    let builder = builder.reuse(args.reuse);
    match args.workers {
        Some(workers) => builder.interpreters(workers as usize),
        None => builder,
    }
}

/// Where the results go, as it is; behind the wall it could not be opened any more.
fn open_sink(args: &MapArgs) -> anyhow::Result<Sink> {
    match &args.resume {
        Some(file) => Sink::open_again(file),
        None => Sink::open(args.output.as_deref()),
    }
}

/// Makes it ready, and says how many results are there already: those of items that are then passed over.
fn take_up(args: &MapArgs, source: &Source, input: &mut Input, sink: &mut Sink) -> anyhow::Result<u64> {
    source.is_not(&sink.metadata()?, &sink.name)?;
    if args.resume.is_none() {
        if args.output.is_some() {
            sink.empty()?;
        }
        return Ok(0);
    }
    let written = sink.resume()?;
    let skipped = input.skip(written);
    if !skipped.map_err(|error| Error::new(ErrorKind::Unreadable, format!("the input: {error}")))? {
        let message = format!(
            "--resume: {} has {written} results, more than the input has items",
            sink.name
        );
        return Err(usage(message));
    }
    Ok(written)
}

fn job(args: &MapArgs, function: Function, columns: Vec<String>, results: Sender<Message>) -> Job {
    let bytes = Bytes::from(args.calling.bytes);
    Job {
        form: Form::new(&function, results_format(args), bytes, args.item_size.as_u64()),
        function,
        from: args.from,
        columns,
        bytes,
        fail_fast: args.fail_fast,
        stop: AtomicBool::new(false),
        cut: AtomicBool::new(false),
        pace: Pace::new(args.chunk),
        flow: Flow::new(!args.unordered),
        results,
    }
}

/// Says among the results when no call runs any more.
fn tell_when_idle(executor: &Executor, job: &Job) -> anyhow::Result<()> {
    let (executor, results) = (executor.clone(), job.results.clone());
    std::thread::Builder::new()
        .name("wasm-pool-shutdown".to_owned())
        .spawn(move || {
            executor.shutdown(Pending::Cancel);
            // Nobody listens any more when the run is over.
            let _ = results.send(Message::Idle);
        })
        .context("the end cannot be waited for")?;
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
    /// Begins; the places are to be freed when chunks are done.
    fn start(job: &Arc<Job>, executor: &Executor, input: Input) -> anyhow::Result<Receiver<()>> {
        let (places, taken) = bounded(executor.interpreters() * AHEAD);
        let mut reader = Reader {
            job: Arc::clone(job),
            executor: executor.clone(),
            input,
            places,
        };
        std::thread::Builder::new()
            .name("wasm-pool-read".to_owned())
            .spawn(move || {
                let (chunks, read) = reader.submit_all();
                let error = read.err();
                // Nobody listens any more when the run is over.
                let _ = reader.job.results.send(Message::Read { chunks, error });
            })
            .context("the reading thread cannot be started")?;
        Ok(taken)
    }

    /// How many chunks there were, and whether that was all.
    fn submit_all(&mut self) -> (u64, std::io::Result<()>) {
        let mut chunks = 0;
        while !self.job.stop.load(Relaxed) {
            if self.places.send(()).is_err() {
                break;
            }
            self.job.flow.wait();
            let chunk = match self.input.next(self.job.pace.items()) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => return (chunks, Err(error)),
            };
            let work = Work::new(&self.job, chunks, chunk);
            // It has said why to those that waited.
            if self.job.submit(&self.executor, work).is_err() {
                break;
            }
            chunks += 1;
        }
        (chunks, Ok(()))
    }
}
