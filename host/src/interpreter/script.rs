//! Source text as a life: an interpreter of a language runs it from start to end.
//!
//! What the interpreter is told of its script is in `wit/worlds.wit`: its arguments, the first of which is the script's name,
//! and the name `__file__`. Each text runs in what the texts before it left behind; the first one that fails is the last.

use wasmtime::Store;

use super::ExecutionFailed;
use super::life::worker;
use super::store::Guest;
use crate::hostcalls::wit::Item;
use crate::outcome::{Outcome, Stop};
use crate::program::Program;
use crate::stdio::GuestOutput;

/// Source text for an interpreter to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The first argument: what the script is called, or `-c` for text that has no name. The others are the grant's.
    pub name: String,
    /// What runs, in this order.
    pub texts: Vec<Text>,
}

/// One text of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What its file is called, which is bound to `__file__` before it runs.
    pub file: Option<String>,
    /// The text.
    pub source: String,
}

/// The kind of a failure with which a script ends itself.
const EXIT: &str = "SystemExit";

/// Runs a script. How it failed goes to its stderr, after all that it wrote itself.
pub(super) async fn play(
    program: &Program,
    script: &Script,
    stderr: GuestOutput,
    store: &mut Store<Guest>,
) -> wasmtime::Result<Outcome> {
    let worker = worker(program, store).await?;
    let task = worker.wasm_pool_interpreters_task();
    for text in &script.texts {
        let mut done = Ok(());
        if let Some(file) = &text.file {
            let binding = [("__file__".to_owned(), Item::String(file.clone()))];
            done = task.call_prepare_main(&mut *store, &binding).await?;
        }
        if done.is_ok() {
            done = task.call_exec(&mut *store, &text.source).await?;
        }
        if let Err(failed) = done {
            let (outcome, said) = end(failed.into());
            return match stderr.say(said.as_bytes()).await {
                // Nobody listens: it has failed all the same.
                Ok(()) | Err(Stop::OutputClosed) => Ok(outcome),
                Err(stop) => Err(stop.into()),
            };
        }
    }
    Ok(Outcome::Exited(0))
}

/// How a script ends that failed, and what it has to say to people.
fn end(failed: ExecutionFailed) -> (Outcome, String) {
    if failed.kind == EXIT {
        return match failed.message.parse::<i64>() {
            // As a process has it: of a number, its last byte.
            Ok(code) => (Outcome::Exited(i32::from(code as u8)), String::new()),
            Err(_) => (Outcome::Exited(1), line(&failed.message)),
        };
    }
    let said = match &failed.display {
        Some(display) => line(display),
        None => line(&failed.to_string()),
    };
    (Outcome::Failed(failed), said)
}

/// The text with one line break at its end.
fn line(text: &str) -> String {
    format!("{}\n", text.strip_suffix('\n').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_is_a_code_or_words_and_anything_else_a_failure() {
        let failed = |kind: &str, message: &str, display: Option<&str>| ExecutionFailed {
            display: display.map(str::to_owned),
            ..ExecutionFailed::of_host(kind, message.to_owned())
        };
        for (message, code, said) in [
            ("0", 0, ""),
            ("7", 7, ""),
            ("256", 0, ""),
            ("-1", 255, ""),
            ("no such file", 1, "no such file\n"),
        ] {
            assert_eq!(
                end(failed(EXIT, message, Some("shown"))),
                (Outcome::Exited(code), said.to_owned())
            );
        }
        for (display, said) in [
            (None, "ValueError: x\n"),
            (Some("Traceback:\n  x\n"), "Traceback:\n  x\n"),
            (Some("Traceback:\n  x"), "Traceback:\n  x\n"),
        ] {
            let failed = failed("ValueError", "x", display);
            assert_eq!(end(failed.clone()), (Outcome::Failed(failed), said.to_owned()));
        }
    }
}
