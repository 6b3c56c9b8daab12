//! What a person or a program is told at the end: the summary, the JSON report, the one-line error.

mod summary;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use wasm_pool::{ByteSize, Ending, Error, ErrorKind, Kind, Limits, Outcome, text, units};

pub(crate) use self::summary::summary;
use crate::args::ReportTo;
use crate::names::Names;

/// A run as it is reported.
pub(crate) struct Run<'a> {
    /// Who ran.
    pub names: &'a Names,
    /// Of which programs, and what they are.
    pub programs: &'a [(String, Kind)],
    pub workers: usize,
    pub limits: &'a Limits,
    pub wall: Duration,
    /// One for each instance, in order; `None` for one that never started.
    pub endings: &'a [Option<Ending>],
    /// Our own exit code.
    pub exit_code: u8,
}

impl Run<'_> {
    fn ended(&self) -> impl Iterator<Item = (usize, &Ending)> {
        self.endings
            .iter()
            .enumerate()
            .filter_map(|(instance, ending)| Some((instance, ending.as_ref()?)))
    }

    fn cpu(&self) -> Duration {
        self.ended().map(|(_, ending)| ending.cpu).sum()
    }

    /// How many guests' work got done in the time of one: processor time over wall time.
    fn speed_up(&self) -> f64 {
        self.cpu().as_secs_f64() / self.wall.as_secs_f64().max(1e-9)
    }
}

/// Why a guest ended so, with what was refused it before, where that may explain it.
fn detail(ending: &Ending) -> Option<String> {
    let refused = ending.refused.filter(|_| !ending.outcome.is_success());
    match (ending.outcome.detail(), refused) {
        (Some(detail), Some(refused)) if !matches!(ending.outcome, Outcome::Limit(_)) => {
            Some(format!("{detail}; before that, {refused}"))
        }
        (None, Some(refused)) => Some(format!("before that, {refused}")),
        (detail, _) => detail,
    }
}

/// Where the report for programs goes.
pub(crate) enum Sink {
    Stderr,
    File(File, String),
}

/// Opens it before anything runs.
pub(crate) fn open(report: &ReportTo) -> anyhow::Result<Sink> {
    match report {
        ReportTo::Stderr => Ok(Sink::Stderr),
        ReportTo::File(path) => Ok(Sink::File(create(path)?, path.display().to_string())),
    }
}

/// The file that a report goes to, and what to call it.
pub(crate) fn file(report: Option<&ReportTo>) -> Option<(&str, &Path)> {
    match report? {
        ReportTo::Stderr => None,
        ReportTo::File(path) => Some(("the report", path)),
    }
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("--report: {}", path.display()))
}

/// Writes the report: a `run` object, one `guest` object for each instance in order, a `total` object.
pub(crate) fn json(run: &Run<'_>, sink: Sink) -> anyhow::Result<()> {
    let mut lines = vec![run_object(run)];
    lines.extend(
        run.endings
            .iter()
            .enumerate()
            .map(|(instance, ending)| guest_object(run.names, instance, ending.as_ref())),
    );
    lines.push(total_object(run));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    match sink {
        Sink::Stderr => io::stderr()
            .lock()
            .write_all(text.as_bytes())
            .context("--report: stderr"),
        Sink::File(mut file, name) => file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_data_if_possible())
            .with_context(|| format!("--report: {name}")),
    }
}

fn run_object(run: &Run<'_>) -> serde_json::Value {
    let Limits {
        memory,
        tables,
        stack,
        deadline,
        cpu_time,
        fuel,
        output,
        open_files,
        handles,
        messages,
        queues,
        module_size,
        compile_time,
        pool_memory,
        pool_queues,
        grace,
    } = run.limits;
    let seconds = |time: &Option<Duration>| time.map(|time| time.as_secs_f64());
    json!({
        "type": "run",
        "programs": run.programs.iter().map(|(name, kind)| json!({"name": name, "kind": kind.to_string()})).collect::<Vec<_>>(),
        "instances": run.endings.len(),
        "workers": run.workers,
        "limits": {
            "memory_bytes": memory.as_u64(),
            "tables_elements": tables,
            "stack_bytes": stack.as_u64(),
            "deadline_s": seconds(deadline),
            "cpu_time_s": seconds(cpu_time),
            "fuel_units": fuel,
            "output_bytes": output.as_u64(),
            "open_files": open_files,
            "handles": handles,
            "messages_bytes": messages.as_u64(),
            "queues": queues,
            "module_size_bytes": module_size.as_u64(),
            "compile_time_s": compile_time.as_secs_f64(),
            "pool_memory_bytes": pool_memory.as_u64(),
            "pool_queues": pool_queues,
            "grace_s": grace.as_secs_f64(),
        },
    })
}

fn guest_object(names: &Names, place: usize, ending: Option<&Ending>) -> serde_json::Value {
    let (name, instance) = (names.program(place), names.copy(place));
    let Some(ending) = ending else {
        return json!({"type": "guest", "name": name, "instance": instance, "outcome": "not-started"});
    };
    let (limit, code, backtrace) = match &ending.outcome {
        Outcome::Limit(hit) => (Some(hit.kind.name()), None, Vec::new()),
        Outcome::Exited(code) => (None, Some(*code), Vec::new()),
        Outcome::Trapped(trapped) => (None, None, trapped.backtrace.clone()),
        Outcome::Failed(failed) => (
            None,
            None,
            failed.trace.iter().map(|frame| text::one_line(frame)).collect(),
        ),
        _ => (None, None, Vec::new()),
    };
    let label = ending.outcome.label();
    json!({
        "type": "guest",
        "name": name,
        "instance": instance,
        "outcome": label.split('(').next().unwrap_or(&label),
        "ok": ending.outcome.is_success(),
        "exit_code": code,
        "limit": limit,
        "detail": detail(ending),
        "backtrace": backtrace,
        "wall_s": ending.wall.as_secs_f64(),
        "cpu_s": ending.cpu.as_secs_f64(),
        "peak_memory_bytes": ending.peak_memory.as_u64(),
        "output_bytes": ending.output.as_u64(),
    })
}

fn total_object(run: &Run<'_>) -> serde_json::Value {
    let ok = run.ended().filter(|(_, ending)| ending.outcome.is_success()).count();
    let started = run.ended().count();
    json!({
        "type": "total",
        "ok": ok,
        "failed": started - ok,
        "not_started": run.endings.len() - started,
        "wall_s": run.wall.as_secs_f64(),
        "cpu_s": run.cpu().as_secs_f64(),
        "speed_up": run.speed_up(),
        "exit_code": run.exit_code,
    })
}

/// Flushing to disk, where the file is one that has a disk.
trait SyncIfPossible {
    fn sync_data_if_possible(&mut self) -> io::Result<()>;
}

impl SyncIfPossible for File {
    fn sync_data_if_possible(&mut self) -> io::Result<()> {
        match self.sync_data() {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            other => other,
        }
    }
}

/// Prints to stdout; a closed pipe is a quiet end, any other failure is exit code 74.
pub(crate) fn to_stdout(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<u8> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match print(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(anyhow::Error::new(error).context("stdout")),
    }
}

/// Prints an error, once, in one line, and says which exit code it has.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    let text = wasm_pool::text::one_line(&format!("{error:#}"));
    let _ = writeln!(io::stderr().lock(), "wasm-pool: {text}");
    let code = match error.downcast_ref::<Error>().map(Error::kind) {
        Some(ErrorKind::Usage | ErrorKind::Unfit | ErrorKind::Saturated) => 2,
        Some(ErrorKind::Refused) => 65,
        Some(ErrorKind::Unreadable) => 66,
        // What breaks an executor is a guest's initializer.
        Some(ErrorKind::Broken) => 134,
        Some(_) => 70,
        // What is no error of the library's is a file of ours that cannot be written.
        None if error.downcast_ref::<io::Error>().is_some() || error.chain().any(|cause| cause.is::<io::Error>()) => 74,
        None => 2,
    };
    ExitCode::from(code)
}

/// Says of a guest, where there is but one, how it ended if it did not end by itself.
pub(crate) fn stopped(run: &Run<'_>) {
    for (instance, ending) in run.ended() {
        match ending.outcome {
            Outcome::Exited(_) | Outcome::Failed(_) | Outcome::OutputClosed => {}
            _ => {
                let detail = detail(ending).map_or(String::new(), |detail| format!(": {detail}"));
                say(format!(
                    "{}: {}{detail}",
                    run.names.program(instance),
                    ending.outcome.label()
                ));
            }
        }
    }
}

/// Says in one line how what was asked for went.
pub(crate) fn say(text: impl std::fmt::Display) {
    let text = text::one_line(&text.to_string());
    let _ = writeln!(io::stderr().lock(), "wasm-pool: {text}");
}

/// Prints something that a person should know and that changes nothing else.
pub(crate) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "wasm-pool: note: {text}");
}

/// A size for messages.
pub(crate) fn size(bytes: u64) -> String {
    units::show_size(ByteSize::b(bytes))
}
