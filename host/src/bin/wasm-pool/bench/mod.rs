//! `wasm-pool bench`: what this machine says of wasm-pool, for whoever wants to know before he believes a table.
//!
//! A thread measures and tells each round; this one listens to it and to signals, so that an interrupt ends it at once, with what
//! is known until then. One file a question: `start`, `calls`, `queue`, `scaling`, `density`; `bare` is what they stand beside.

mod bare;
mod calls;
mod density;
mod figures;
mod guests;
mod json;
mod meter;
mod picture;
mod probes;
mod queue;
mod results;
mod scaling;
mod start;
mod table;
mod words;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use crossbeam_channel::{Receiver, unbounded};
use wasm_pool::lockdown::Lockdown;
use wasm_pool::{Engine, Error, ErrorKind, machine};

use self::density::Crowd;
use self::meter::{Effort, Message, Meter};
use self::probes::{Load, Machine};
use self::results::Results;
use crate::args::{BenchArgs, Part};
use crate::progress::Bar;
use crate::run::usage;
use crate::whole::Whole;
use crate::{report, signals, wall};

/// What most measurements stand on.
struct Stand {
    engine: Engine,
    workers: usize,
}

pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<u8> {
    if args.svg.is_some() && args.svg == args.json {
        return Err(usage("--svg and --json name the same file".to_owned()));
    }
    if args.quiet && args.svg.is_none() && args.json.is_none() {
        return Err(usage(
            "--quiet without --svg or --json would tell nobody anything".to_owned(),
        ));
    }
    let (parts, effort) = (args.parts(), Effort::new(args.quick, args.time));
    machine::raise_open_files();
    // What is written to, read and reserved is got before the wall comes up.
    let svg = open("--svg", args.svg.as_deref())?;
    let json = open("--json", args.json.as_deref())?;
    let workers = args.workers.map_or_else(machine::cores, |workers| workers as usize);
    let stand = Stand {
        engine: guests::engine(start::room(workers))?,
        workers,
    };
    let mut results = Results::new(Machine::read(), workers, args.quick);
    let crowd = match parts.contains(&Part::Density) {
        true => Some(Crowd::new(effort.crowd, workers, &results.machine)?),
        false => None,
    };
    let load = Load::open();
    let files = [&svg, &json].into_iter().flatten();
    wall::raise(
        files.fold(Lockdown::new(), |lockdown, (_, file)| file.allow(lockdown)),
        args.no_lockdown,
    );
    let stop = signals::listen()?;

    let began = Instant::now();
    let bar = Bar::of_time(millis(&parts, effort), args.quiet);
    let told = begin(stand, crowd, parts, effort)?;
    let ended = listen(&mut results, &told, &stop, &bar);
    bar.clear();
    results.took = began.elapsed();
    results.load = load.before;
    results.others = load.others();
    results.cut = !matches!(ended, Ok(None));
    if let Ok(Some(_)) = ended {
        say_interrupted(&results);
    }
    let shown = show(&results, args.quiet, svg, json);
    // What went wrong before is what is told.
    let signal = ended?;
    Ok(signal.map_or(shown?, signals::exit_code))
}

/// A file that is asked for, and the flag and the name that it is known by.
fn open(flag: &str, path: Option<&Path>) -> anyhow::Result<Option<(String, Whole)>> {
    let Some(path) = path else { return Ok(None) };
    let name = format!("{flag}: {}", path.display());
    let file = Whole::begin(path).with_context(|| name.clone())?;
    Ok(Some((name, file)))
}

/// About how long it takes.
fn millis(parts: &[Part], effort: Effort) -> u64 {
    let time: Duration = parts.iter().map(|part| effort.time(*part)).sum();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Begins to measure, on a thread of its own.
fn begin(stand: Stand, crowd: Option<Crowd>, parts: Vec<Part>, effort: Effort) -> anyhow::Result<Receiver<Message>> {
    let (to, told) = unbounded();
    std::thread::Builder::new()
        .name("wasm-pool-bench".to_owned())
        .spawn(move || {
            let meter = Meter::new(effort, to);
            let done = measure(&stand, crowd, &parts, &meter);
            meter.tell(Message::Done(done));
        })
        .context("the measuring thread cannot be started")?;
    Ok(told)
}

fn measure(stand: &Stand, crowd: Option<Crowd>, parts: &[Part], meter: &Meter) -> anyhow::Result<()> {
    // First: what others leave behind in the allocator would hide what an instance takes.
    if let Some(crowd) = crowd {
        crowd.measure(meter).map_err(|error| blame(Part::Density, error))?;
    }
    for part in parts {
        match part {
            Part::Start => start::measure(stand, meter),
            Part::Calls => calls::measure(stand, meter),
            Part::Queue => queue::measure(stand, meter),
            Part::Scaling => scaling::measure(stand, meter),
            Part::Density => Ok(()),
        }
        .map_err(|error| blame(*part, error))?;
    }
    Ok(())
}

/// The guests are ours: what they do wrong is a bug of ours, unless the library says that the machine has no room.
fn blame(part: Part, error: anyhow::Error) -> anyhow::Error {
    let kind = error.downcast_ref::<Error>().map_or(ErrorKind::Host, Error::kind);
    Error::new(kind, format!("{}: {error:#}", part.name())).into()
}

/// Listens until it is over; the signal that ended it, if one did.
fn listen(
    results: &mut Results,
    told: &Receiver<Message>,
    stop: &Receiver<i32>,
    bar: &Bar,
) -> anyhow::Result<Option<i32>> {
    loop {
        crossbeam_channel::select_biased! {
            recv(stop) -> signal => return Ok(signal.ok()),
            recv(told) -> message => match message {
                Ok(Message::Done(done)) => return done.map(|()| None),
                Ok(Message::Passed(millis, next)) => bar.passed(millis, &next),
                Ok(message) => results.take_in(message),
                Err(_) => return Err(Error::new(ErrorKind::Host, "the measuring thread is gone").into()),
            },
        }
    }
}

fn say_interrupted(results: &Results) {
    let took = wasm_pool::units::show_rounded(results.took);
    let known = if results.is_empty() {
        "nothing was measured yet"
    } else {
        "this is what was measured until then"
    };
    report::say(format!("interrupted after {took}: {known}"));
}

/// Writes the files and prints the tables; of what is not known nothing is shown.
fn show(
    results: &Results,
    quiet: bool,
    svg: Option<(String, Whole)>,
    json: Option<(String, Whole)>,
) -> anyhow::Result<u8> {
    if results.is_empty() {
        return Ok(0);
    }
    if let Some((name, file)) = json {
        let text = format!("{:#}\n", json::object(results));
        file.write(text.as_bytes()).with_context(|| name)?;
    }
    if let Some((name, file)) = svg {
        let mut picture = Vec::new();
        picture::draw(results, &mut picture)
            .and_then(|()| file.write(&picture))
            .with_context(|| name)?;
    }
    match quiet {
        true => Ok(0),
        false => report::to_stdout(|out| out.write_all(table::table(results).as_bytes())),
    }
}
