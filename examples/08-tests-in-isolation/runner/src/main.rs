//! `isolate GUEST`: a test runner. Each function that the guest exports and that takes nothing is a test; each runs in an
//! interpreter of its own, as many at once as there are cores. A test passes when it comes back, and not with an error.
//!
//! Prints a line a test, as they end, and how many passed and failed. The exit code is 1 when a test failed.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use rayon::prelude::*;
use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::value::{Val, to_wave};
use wasm_pool::{
    ByteSize, Engine, Executor, Function, FutureError, Limits, Outcome, Pool, Program, Setup, Wait, text, units,
};

/// Runs each test of a guest in an interpreter of its own
#[derive(Parser)]
struct Args {
    /// The guest, whose functions are tests
    guest: PathBuf,
    /// Time that a test has
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::parse_duration)]
    deadline: Duration,
    /// Linear memory that a test has
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::parse_size)]
    memory: ByteSize,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("isolate: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs all tests; how many failed.
fn run(args: &Args) -> anyhow::Result<usize> {
    let limits = Limits {
        deadline: Some(args.deadline),
        memory: args.memory,
        // What it says is kept.
        output: ByteSize::mib(1),
        ..Limits::default()
    };
    let engine = Engine::builder().limits(&limits).build()?;
    let program = Program::from_file(&engine, &args.guest, &limits)?;
    let tests = tests(&program);
    anyhow::ensure!(
        !tests.is_empty(),
        "{}: it exports no function without parameters",
        args.guest.display()
    );
    let pool = Pool::new(&engine)?;
    // A thread of rayon's waits for each test that runs.
    let failed = tests
        .par_iter()
        .map(|test| {
            let report = Report::of(test, &pool, &limits)?;
            write!(io::stdout().lock(), "{report}")?;
            Ok(usize::from(report.failure.is_some()))
        })
        .sum::<anyhow::Result<usize>>()?;
    writeln!(io::stdout(), "{} passed, {failed} failed", tests.len() - failed)?;
    Ok(failed)
}

/// The functions of a program that can be called with nothing.
fn tests(program: &Program) -> Vec<Function> {
    let exports = program.exports().into_iter();
    let functions = exports.filter_map(|export| match export.interface.as_str() {
        "" => program.function(&export.name).ok(),
        interface => program.function(&format!("{interface}#{}", export.name)).ok(),
    });
    functions.filter(|function| function.params().is_empty()).collect()
}

/// What became of a test.
struct Report<'a> {
    test: &'a Function,
    took: Duration,
    failure: Option<String>,
    /// What it wrote to its stderr: a panic's message.
    said: Vec<u8>,
}

impl<'a> Report<'a> {
    /// Runs a test.
    fn of(test: &'a Function, pool: &Pool, limits: &Limits) -> wasm_pool::Result<Report<'a>> {
        let stderr = OutputPipe::unbounded();
        let stdio = Stdio {
            stderr: Output::Pipe(stderr.clone()),
            ..Stdio::default()
        };
        let setup = Setup {
            limits: limits.clone(),
            stdio,
            ..Setup::default()
        };
        let began = Instant::now();
        // One of its own, so that what it says is its own.
        let executor = Executor::builder(pool, test.program())
            .setup(setup)
            .interpreters(1)
            .build()?;
        let failure = match executor.submit(test, Vec::new())?.into_result(Wait::Forever) {
            Ok(Some(Val::Result(Err(error)))) => Some(message(error.as_deref())),
            Ok(_) => None,
            Err(FutureError::Ended(Outcome::Deadline(after))) => {
                Some(format!("not done after {}", units::show_duration(after)))
            }
            Err(error) => Some(error.to_string()),
        };
        executor.shutdown(wasm_pool::calls::Pending::Cancel);
        Ok(Report {
            test,
            took: began.elapsed(),
            failure,
            said: stderr.take_all(),
        })
    }
}

/// What a test gives for its error; words as they are.
fn message(error: Option<&Val>) -> String {
    match error {
        None => "an error".to_owned(),
        Some(Val::String(words)) => text::one_line(words),
        Some(value) => to_wave(value).unwrap_or_else(|error| error.to_string()),
    }
}

/// `ok` or `FAILED`, with why; what the test said below a failure.
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.test.name();
        let took = units::show_duration(self.took);
        let Some(why) = &self.failure else {
            return writeln!(f, "ok      {name} ({took})");
        };
        writeln!(f, "FAILED  {name} ({took}): {why}")?;
        let said = String::from_utf8_lossy(&self.said);
        let mut lines = said.lines().filter(|line| !line.is_empty());
        lines.try_for_each(|line| writeln!(f, "        {}", text::visible(line)))
    }
}
