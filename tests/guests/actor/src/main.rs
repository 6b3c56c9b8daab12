//! Makes whatever host calls a string of bytes says, with the raw interfaces of `wit/`: ids that nobody gave it, times without end,
//! sizes beyond every bound. `fuzz/` has the bytes, and checks what is left afterwards.
//!
//! The bytes come as an item from the queue `script`, or as the argument of a `call` of the function `run`. They are read as
//! [`act::Actor`] says; any bytes mean something. It ends with the code [`WRONG`] when the host gave an answer that no host can give.

mod act;
mod script;

use wasm_pool_guest::bindings;

use bindings::exports::wasm_pool::interpreters::task;
use bindings::wasm_pool::interpreters::interpreters::ExecutionFailed;
use bindings::wasm_pool::interpreters::queues::{self, Item, Received};

use act::Actor;
use script::Script;

/// The exit code that says that the host is wrong.
const WRONG: i32 = 99;

fn main() {
    let Ok(queue) = queues::open("script") else { return };
    if let Ok(Received::Item(Item::Bytes(bytes))) = queue.get_nowait() {
        drop(queue);
        Actor::default().run(&mut Script::of(&bytes));
    }
}

/// Ends this guest unless what the host said can be.
fn check(holds: bool, what: &str) {
    if !holds {
        eprintln!("the host is wrong: {what}");
        std::process::exit(WRONG);
    }
}

struct Tasks;

impl task::Guest for Tasks {
    fn prepare_main(bindings: Vec<(String, Item)>) -> Result<(), ExecutionFailed> {
        match bindings.len() {
            0 => Err(failed("nothing to bind")),
            _ => Ok(()),
        }
    }

    fn exec(source: String) -> Result<(), ExecutionFailed> {
        Actor::default().run(&mut Script::of(source.as_bytes()));
        Ok(())
    }

    fn call(function: String, arguments: Vec<Item>) -> Result<Item, ExecutionFailed> {
        match (function.as_str(), arguments.into_iter().next()) {
            ("run", Some(Item::Bytes(bytes))) => {
                let mut script = Script::of(&bytes);
                let mut actor = Actor::default();
                actor.run(&mut script);
                Ok(actor.item(&mut script))
            }
            ("echo", Some(item)) => Ok(item),
            (function, _) => Err(failed(function)),
        }
    }
}

fn failed(message: &str) -> ExecutionFailed {
    ExecutionFailed {
        kind: "failed".repeat(message.len().min(100)),
        message: message.to_owned(),
        trace: vec![message.to_owned(); message.len()],
        display: message.len().is_multiple_of(2).then(|| message.repeat(message.len())),
    }
}

bindings::export_task!(Tasks with_types_in wasm_pool_guest::bindings);
