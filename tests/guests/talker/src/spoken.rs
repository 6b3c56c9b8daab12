//! The words of its language that do something a script of any language does: print, read, exit, ask for its arguments.

use wasm_pool_guest::{ExecutionFailed, Interpreter, Item, Queue, QueueError};

/// Does what a line says; `false` when it is none of these.
pub(crate) fn run(line: &str) -> Result<bool, ExecutionFailed> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "print" => println!("{rest}"),
        "warn" => eprintln!("{rest}"),
        "show" => println!("{}", shown(rest)),
        "read" => read()?,
        "list" => list(rest)?,
        "exit" => return Err(ExecutionFailed::new("SystemExit", rest)),
        "spin" => loop {
            std::hint::black_box(());
        },
        "trap" => std::process::abort(),
        "child" => Interpreter::create()
            .and_then(|child| child.exec(rest))
            .map_err(error)?,
        "put" => put(rest)?,
        "take" => println!("{:?}", Queue::<Item>::open(rest).map_err(error)?.get().map_err(error)?),
        "copy" => copy(rest)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// What is shown of the interpreter: its arguments, the script's file, a variable, a number.
fn shown(what: &str) -> String {
    match what.split_once(' ') {
        _ if what == "args" => format!("{:?}", std::env::args().collect::<Vec<_>>()),
        _ if what == "file" => wasm_pool_guest::binding("__file__").unwrap_or_else(|_| "no file".to_owned()),
        Some(("env", name)) => std::env::var(name).unwrap_or_else(|_| "not set".to_owned()),
        _ => format!("{:?}", crate::tasks::known(what)),
    }
}

/// Prints each line of its stdin, as it comes.
fn read() -> Result<(), ExecutionFailed> {
    for line in std::io::stdin().lines() {
        println!("read {}", line.map_err(error)?);
    }
    Ok(())
}

/// Prints the names in a folder.
fn list(folder: &str) -> Result<(), ExecutionFailed> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(error)? {
        names.push(entry.map_err(error)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    println!("{}", names.join(" "));
    Ok(())
}

/// `put QUEUE TEXT`
fn put(rest: &str) -> Result<(), ExecutionFailed> {
    let (queue, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let queue = Queue::<Item>::open(queue).map_err(error)?;
    queue.put(&Item::String(text.to_owned())).map_err(error)
}

/// `copy QUEUE QUEUE`: from one into the other, until the first is closed.
fn copy(rest: &str) -> Result<(), ExecutionFailed> {
    let (from, to) = rest.split_once(' ').unwrap_or((rest, ""));
    let from = Queue::<Item>::open(from).map_err(error)?;
    let to = Queue::<Item>::open(to).map_err(error)?;
    loop {
        match from.get() {
            Ok(item) => to.put(&item).map_err(error)?,
            Err(QueueError::Closed) => return Ok(()),
            Err(why) => return Err(error(why)),
        }
    }
}

fn error(error: impl std::fmt::Debug) -> ExecutionFailed {
    ExecutionFailed::new("Error", format!("{error:?}"))
}
