//! `wasm-pool call`: one function, once.

use anyhow::Context;
use serde_json::Value;
use wasm_pool::calls::FutureError;
use wasm_pool::value::{Bytes, Json, Val, arguments, parse_call, to_wave};
use wasm_pool::{Function, Pool, Program, Wait, machine};

use crate::args::{CallArgs, Notation};
use crate::calling::{self, Voices};
use crate::progress::Bar;
use crate::run::{engine_for, usage};
use crate::{report, signals};

pub(crate) fn call(args: &CallArgs) -> anyhow::Result<u8> {
    let limits = args.limits.limits(&args.loading);
    machine::raise_open_files();
    let engine = engine_for(&limits, 1, args.loading.no_cache)?;
    let program = calling::load(&engine, &args.guest, &limits, &args.loading, &args.calling)?;
    let bytes = Bytes::from(args.calling.bytes);
    let (function, values) = what(args, &program, bytes)?;
    let stop = signals::listen()?;
    let pool = Pool::builder(&engine)
        .workers(1)
        .memory(limits.pool_memory)
        .queues(limits.pool_queues)
        .build()?;
    let voices = Voices::of(&program, &Bar::new(0, true))?;
    let executor = calling::executor(&pool, &program, &limits, &args.grants, &args.calling, &voices)?
        .interpreters(1)
        .build()?;
    let future = executor.submit(&function, values)?;

    let (done, ended) = crossbeam_channel::bounded(1);
    future.add_done_callback(move |_| {
        let _ = done.send(());
    });
    let stopped = crossbeam_channel::select! {
        recv(ended) -> _ => None,
        recv(stop) -> signal => signal.ok(),
    };
    if stopped.is_some() {
        // As for `run`: a call may come to its end within the grace period, and the second signal ends it at once.
        crossbeam_channel::select! {
            recv(ended) -> _ => {},
            recv(stop) -> _ => {},
            default(limits.grace) => {},
        }
        future.kill();
    }
    let result = future.into_result(Wait::Forever);
    voices.finish(limits.grace, &stop);
    if let Some(signal) = stopped {
        report::say(format!("{}: ended by a signal", function.name()));
        return Ok(signals::exit_code(signal));
    }
    let notation = args.format.unwrap_or(written(args));
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
        return Ok(parse_call(program, &args.call)?);
    }
    let function = program.function(&args.call)?;
    let mut values = Vec::new();
    for (at, text) in args.arguments.iter().enumerate() {
        let value: Value =
            serde_json::from_str(text).map_err(|error| usage(format!("argument {}: no JSON: {error}", at + 1)))?;
        values.push(value);
    }
    let json = match (function.params(), values.as_slice()) {
        // One argument is not an array of one.
        ([_], [_]) => values.remove(0),
        ([_], _) => {
            let message = format!("{function}: expected 1 argument, found {}", values.len());
            return Err(usage(message));
        }
        _ => Value::Array(values),
    };
    let values = arguments(&function, &json, bytes).map_err(|why| usage(format!("{function}: {why}")))?;
    Ok((function, values))
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
    let text = show(value, notation, bytes)?;
    report::to_stdout(|out| writeln!(out, "{text}"))
}
