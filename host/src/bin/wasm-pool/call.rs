//! `wasm-pool call`: one function, once.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context;
use crossbeam_channel::Receiver;
use serde_json::Value;
use wasm_pool::calls::{Future, FutureError, Returned};
use wasm_pool::value::{Bytes, Json, Type, Val, arguments, parse_call, to_wave};
use wasm_pool::{Function, Pool, Program, Wait, machine, units};

use crate::args::{CallArgs, Notation};
use crate::calling::{self, Voices};
use crate::progress::Bar;
use crate::run::{engine_for, the_guest, usage};
use crate::{report, signals, timeline, wall};

pub(crate) fn call(args: &CallArgs) -> anyhow::Result<u8> {
    let limits = args.limits.limits(&args.loading);
    machine::raise_open_files();
    let engine = engine_for(&limits, 1, args.loading.no_cache)?;
    let ours = the_guest(&args.guest).chain(args.timeline.file());
    let grants = calling::grants(&args.grants, args.loading.no_cache, ours)?;
    let sheet = timeline::open(&args.timeline)?;
    wall::raise(
        wall::around(&engine, &args.guest).grants(&grants),
        args.loading.no_lockdown,
    );
    let program = calling::load(&engine, &args.guest, &limits, &args.loading, &args.calling)?;
    let bytes = Bytes::from(args.calling.bytes);
    let (function, values) = what(args, &program, bytes)?;
    let stop = signals::listen()?;
    let pool = Pool::builder(&engine)
        .workers(1)
        .memory(limits.pool_memory)
        .queues(limits.pool_queues)
        .timeline(sheet.is_some())
        .build()?;
    let voices = Voices::of(&program, &Bar::new(0, true))?;
    let executor = calling::executor(&pool, &program, &limits, grants, &args.calling, &voices)?
        .interpreters(1)
        .build()?;
    let future = executor.submit(&function, values)?;
    let stopped = wait(&future, &stop, limits.grace);
    let result = future.into_result(Wait::Forever);
    voices.finish(limits.grace, &stop);
    let drawn = timeline::write(sheet, &pool, []);
    let code = conclude(args, &program, &function, result)?;
    drawn?;
    Ok(stopped.map_or(code, signals::exit_code))
}

/// Waits until the call has ended; the signal that came before.
fn wait(future: &Future<Returned>, stop: &Receiver<i32>, grace: Duration) -> Option<i32> {
    let (done, ended) = crossbeam_channel::bounded(1);
    future.add_done_callback(move |_| {
        let _ = done.send(());
    });
    let signal = crossbeam_channel::select! {
        recv(ended) -> _ => return None,
        recv(stop) -> signal => signal.ok()?,
    };
    // As for `run`: a call may come to its end within the grace period, and the second signal ends it at once.
    let shown = units::show_duration(grace);
    report::note(format!("stopping: the call has {shown} to end; once more ends it now"));
    crossbeam_channel::select! {
        recv(ended) -> _ => {},
        recv(stop) -> _ => {},
        default(grace) => {},
    }
    future.kill();
    Some(signal)
}

/// Prints what came of the call; our exit code.
fn conclude(
    args: &CallArgs,
    program: &Program,
    function: &Function,
    result: Result<Returned, FutureError>,
) -> anyhow::Result<u8> {
    let (notation, bytes) = (args.format.unwrap_or(written(args)), Bytes::from(args.calling.bytes));
    match result {
        Ok(None) => Ok(0),
        Ok(Some(Val::Result(Ok(None)))) => Ok(0),
        Ok(Some(Val::Result(Ok(Some(value))))) => print(&value, notation, bytes),
        Ok(Some(Val::Result(Err(error)))) => {
            let shown = error.as_deref().map(|error| show(error, notation, bytes)).transpose()?;
            let said = shown.map_or(String::new(), |shown| format!(": {shown}"));
            report::say(format!("{}: it returned an error{said}", function.name()));
            Ok(1)
        }
        Ok(Some(value)) => print(&value, notation, bytes),
        Err(FutureError::Ended(outcome)) => {
            report::say(format!("{}: {}", function.name(), calling::explain(&outcome)));
            Ok(match outcome.exit_code() {
                // It gave no result.
                0 => 1,
                code => code,
            })
        }
        Err(FutureError::Broken(why)) => {
            report::say(format!("{}: {why}", program.name()));
            Ok(134)
        }
        Err(other) => anyhow::bail!("{other}"),
    }
}

/// The function and its arguments.
fn what(args: &CallArgs, program: &Program, bytes: Bytes) -> anyhow::Result<(Function, Vec<Val>)> {
    if written(args) == Notation::Wave {
        if let Some(argument) = args.arguments.first() {
            let message = format!("{argument:?} stands behind a call that has its arguments in its parentheses");
            return Err(usage(message));
        }
        return Ok(parse_call(program, &args.call)?);
    }
    let function = program.function(&args.call)?;
    let (needed, found) = (function.params().len(), args.arguments.len());
    if needed != found {
        let noun = if needed == 1 { "argument" } else { "arguments" };
        return Err(usage(format!("{function}: expected {needed} {noun}, found {found}")));
    }
    let values = function.params().iter().zip(&args.arguments);
    let mut values: Vec<Value> = values
        .map(|(param, text)| value(param, text))
        .collect::<Result<_, _>>()?;
    // One argument is not an array of one.
    let json = match values.len() {
        1 => values.remove(0),
        _ => Value::Array(values),
    };
    let values = arguments(&function, &json, bytes).map_err(|why| usage(format!("{function}: {why}")))?;
    Ok((function, values))
}

/// One argument as JSON.
fn value((name, ty): &(String, Type), text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).map_err(|error| {
        let hint = match ty {
            Type::String | Type::Char | Type::Enum(_) => ", where text stands in double quotes",
            _ => "",
        };
        usage(format!("{name}: no JSON{hint}: {error}, in {text:?}"))
    })
}

/// How the call was written.
fn written(args: &CallArgs) -> Notation {
    if args.call.contains('(') {
        Notation::Wave
    } else {
        Notation::Json
    }
}

fn show(value: &Val, notation: Notation, bytes: Bytes) -> anyhow::Result<String> {
    match notation {
        Notation::Wave => Ok(to_wave(value)?),
        Notation::Json => serde_json::to_string(&Json(value, bytes)).context("the result"),
    }
}

fn print(value: &Val, notation: Notation, bytes: Bytes) -> anyhow::Result<u8> {
    let mut text = show(value, notation, bytes)?;
    // The guest may be a stranger, and a person's terminal does what control characters say.
    if std::io::stdout().is_terminal() {
        text = wasm_pool::text::visible(&text);
    }
    report::to_stdout(|out| writeln!(out, "{text}"))
}
