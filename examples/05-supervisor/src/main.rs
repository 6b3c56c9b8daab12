//! A supervisor: it creates workers of its own program, hands each a part of the work, and restarts those that fail.
//!
//! Part 3 makes a worker loop for ever, part 5 makes one crash; both do so once, so the second try succeeds.
use std::time::Duration;

use wasm_pool_guest::{Child, Interpreter, InterpreterError, Thread};

wasm_pool_guest::tasks!(sum_of_squares);

/// How often one part may fail.
const TRIES: u32 = 3;

fn main() -> Result<(), InterpreterError> {
    let parts: Vec<u64> = (0..8).collect();
    let mut workers = Vec::new();
    for part in parts {
        workers.push(Worker::start(part, 1)?);
    }
    let mut total = 0;
    for worker in workers {
        total += worker.watch()?;
    }
    println!("the squares of 0 to 7999 add up to {total}");
    Ok(())
}

/// One part of the work and who does it.
struct Worker {
    part: u64,
    attempt: u32,
    call: Thread<u64>,
    _interpreter: Interpreter,
}

impl Worker {
    fn start(part: u64, attempt: u32) -> Result<Worker, InterpreterError> {
        // It gets a second, and nothing else: no files, no output, no children.
        let interpreter = Child::default().deadline(Duration::from_secs(1)).create()?;
        let call = interpreter.call_in_thread("sum_of_squares", (part, attempt))?;
        Ok(Worker {
            part,
            attempt,
            call,
            _interpreter: interpreter,
        })
    }

    /// The result of this part, from this worker or from one that takes its place.
    fn watch(self) -> Result<u64, InterpreterError> {
        match self.call.join() {
            Err(InterpreterError::ExecutionFailed(failed)) if self.attempt < TRIES => {
                println!("part {}: {}; once more", self.part, failed.kind);
                Worker::start(self.part, self.attempt + 1)?.watch()
            }
            result => result,
        }
    }
}

/// The sum of the squares of the 1,000 numbers of a part.
fn sum_of_squares(part: u64, attempt: u32) -> Result<u64, String> {
    match (part, attempt) {
        (3, 1) => loop {
            std::hint::black_box(());
        },
        (5, 1) => std::process::abort(),
        _ => Ok((part * 1000..(part + 1) * 1000).map(|number| number * number).sum()),
    }
}
