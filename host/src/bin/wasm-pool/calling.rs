//! What `call` and `map` have in common: the executor, and what guests say while they are called.

use std::path::Path;
use std::time::Duration;

use crossbeam_channel::Receiver;
use wasm_pool::calls::ExecutorBuilder;
use wasm_pool::stdio::{Input, Output, Stdio};
use wasm_pool::value::parse_call;
use wasm_pool::{Engine, Executor, Grants, Limits, Outcome, Pool, Program, Setup};

use crate::args::{CallingArgs, GrantArgs, LoadArgs, OutputMode};
use crate::names::Names;
use crate::output::Console;
use crate::progress::Bar;
use crate::run::{check_apart, environment, trust};

/// What guests print while they are called: all of it goes to our stderr, since stdout has the results.
pub(crate) struct Voices(Console);

impl Voices {
    /// Those of one program's guests, however many.
    pub(crate) fn of(program: &Program, bar: &Bar) -> anyhow::Result<Voices> {
        let names = Names::copies(program.name(), 1);
        Ok(Voices(Console::open(&OutputMode::Lines, &names, false, bar)?))
    }

    fn stdio(&self) -> Stdio {
        let (_, voices) = self.0.outputs(0);
        Stdio {
            stdin: Input::Null,
            stdout: voices.clone(),
            stderr: voices,
        }
    }

    /// Waits until all of it is written.
    pub(crate) fn finish(self, patience: Duration, stop: &Receiver<i32>) {
        let (stdout, stderr) = self.0.outputs(0);
        for output in [stdout, stderr] {
            if let Output::Pipe(pipe) = output {
                pipe.end();
            }
        }
        self.0.finish(Some(patience), stop);
    }
}

/// The guest, or its snapshot after the call that was asked for.
pub(crate) fn load(
    engine: &Engine,
    guest: &Path,
    limits: &Limits,
    loading: &LoadArgs,
    calling: &CallingArgs,
) -> anyhow::Result<Program> {
    let Some(call) = &calling.snapshot else {
        return Ok(Program::from_file_trusting(engine, guest, limits, trust(loading))?);
    };
    let (name, bytes) = snapshot(engine, guest, call, limits)?;
    Ok(Program::from_bytes(engine, &name, &bytes, limits)?)
}

/// The name of a guest, and the bytes of its snapshot after a call.
pub(crate) fn snapshot(
    engine: &Engine,
    guest: &Path,
    call: &str,
    limits: &Limits,
) -> anyhow::Result<(String, Vec<u8>)> {
    let (name, bytes) = Program::read(guest, limits)?;
    let pool = Pool::builder(engine).workers(1).memory(limits.pool_memory).build()?;
    let bytes = wasm_pool::calls::snapshot(&pool, &name, &bytes, call, limits)?;
    Ok((name, bytes))
}

/// What guests are granted while they are called; they cannot write what we believe: these, and the code cache.
pub(crate) fn grants<'a>(
    args: &GrantArgs,
    no_cache: bool,
    ours: impl IntoIterator<Item = (&'a str, &'a Path)>,
) -> anyhow::Result<Grants> {
    let mut grants = Grants {
        dirs: args.dirs.clone(),
        env: environment(args)?,
        ..Grants::default()
    };
    grants.check()?;
    grants.pin()?;
    check_apart(&grants, no_cache, ours)?;
    Ok(grants)
}

/// The executor that was asked for, still to be built.
pub(crate) fn executor(
    pool: &Pool,
    program: &Program,
    limits: &Limits,
    grants: Grants,
    calling: &CallingArgs,
    voices: &Voices,
) -> anyhow::Result<ExecutorBuilder> {
    let setup = Setup {
        limits: limits.clone(),
        grants,
        stdio: voices.stdio(),
        ..Setup::default()
    };
    let mut builder = Executor::builder(pool, program).setup(setup).path(calling.executor);
    if let Some(initializer) = &calling.initializer {
        let (function, arguments) = parse_call(program, initializer)?;
        builder = builder.initializer(function.name(), arguments);
    }
    Ok(builder)
}

/// An outcome of a call for people: one that exits well before it returns has given no result.
pub(crate) fn explain(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Exited(code) => format!("exited({code}): it ended itself before it gave a result"),
        outcome => outcome.to_string(),
    }
}
