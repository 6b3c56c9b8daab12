//! What it can be called for.

use std::cell::RefCell;
use std::collections::BTreeMap;

use wasm_pool_guest::{Child, ExecutionFailed, Interpreter, InterpreterError, InterpreterId, Item, Queue, QueueError};

wasm_pool_guest::tasks!(
    echo, add, fail, trap, spin, exit, remember, recall, get, make, close, find, bound, deeper, number, touch, who, say, count, leave,
    keep, try_named, try_id, child_number; exec = exec
);

thread_local! {
    static MEMORY: RefCell<BTreeMap<String, i64>> = RefCell::default();
}

/// A language of its own: lines of `name = number` and `name = other + number`, `raise text`, and what
/// [`spoken`](crate::spoken) knows.
fn exec(source: &str) -> Result<(), ExecutionFailed> {
    let syntax = |line: &str| ExecutionFailed::new("SyntaxError", line);
    for line in source.lines() {
        if crate::spoken::run(line)? {
            continue;
        }
        if let Some(text) = line.strip_prefix("raise ") {
            let mut failed = ExecutionFailed::new("RuntimeError", text);
            failed.display = Some(format!("line {line:?} raised:\nRuntimeError: {text}"));
            failed.trace = vec![format!("line {:?}", line)];
            return Err(failed);
        }
        let (name, value) = line.split_once(" = ").ok_or_else(|| syntax(line))?;
        let value = match value.split_once(" + ") {
            None => value.parse().map_err(|_| syntax(line))?,
            Some((other, more)) => {
                let known = MEMORY.with_borrow(|memory| memory.get(other).copied());
                let known = known.ok_or_else(|| ExecutionFailed::new("NameError", other))?;
                known + more.parse::<i64>().map_err(|_| syntax(line))?
            }
        };
        MEMORY.with_borrow_mut(|memory| memory.insert(name.to_owned(), value));
    }
    Ok(())
}

fn echo(item: Item) -> Result<Item, String> {
    Ok(item)
}

fn add(a: i64, b: i64) -> Result<i64, String> {
    a.checked_add(b).ok_or_else(|| "too large".to_owned())
}

fn fail(kind: String, message: String) -> Result<(), ExecutionFailed> {
    Err(ExecutionFailed::new(kind, message))
}

fn trap() -> Result<(), String> {
    std::process::abort()
}

fn spin() -> Result<(), String> {
    loop {
        std::hint::black_box(());
    }
}

fn exit(code: i32) -> Result<(), String> {
    std::process::exit(code)
}

fn remember(name: String, value: i64) -> Result<(), String> {
    MEMORY.with_borrow_mut(|memory| memory.insert(name, value));
    Ok(())
}

fn recall(name: String) -> Result<Option<i64>, String> {
    Ok(known(&name))
}

/// The number that a name stands for.
pub(crate) fn known(name: &str) -> Option<i64> {
    MEMORY.with_borrow(|memory| memory.get(name).copied())
}

/// Waits for an item of a queue that it was sent.
fn get(queue: Queue<Item>) -> Result<Item, QueueError> {
    queue.get()
}

/// A queue of its own with a number in it.
fn make(number: i64) -> Result<Queue<i64>, QueueError> {
    let queue = Queue::create()?;
    queue.put(&number)?;
    Ok(queue)
}

/// Closes an interpreter that it was sent.
fn close(other: Interpreter) -> Result<(), InterpreterError> {
    other.close()
}

/// What it finds under this id.
fn find(id: u64) -> Result<String, String> {
    Ok(format!("{:?}", Interpreter::from_id(InterpreterId(id)).map(drop)))
}

fn bound(name: String) -> Result<Item, wasm_pool_guest::MessageError> {
    wasm_pool_guest::binding(&name)
}

/// How many levels of children this one can have.
fn deeper() -> Result<u64, InterpreterError> {
    match Child::default().with_interpreters().create() {
        Ok(child) => Ok(1 + child.call::<u64>("deeper", ())?),
        Err(InterpreterError::Limit(_) | InterpreterError::NotAllowed(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

/// What it sees of folders, environment and arguments.
fn number() -> Result<Vec<u64>, String> {
    let folders = std::fs::read_dir("/data").map_or(0, Iterator::count);
    let counts = [folders, std::env::vars().count(), std::env::args().count()];
    Ok(counts.map(|count| count as u64).to_vec())
}

/// What a child sees to which it gives its folders.
fn child_number() -> Result<Vec<u64>, InterpreterError> {
    Child::default().with_files().create()?.call("number", ())
}

/// Takes so many bytes of memory.
fn touch(bytes: u64) -> Result<u64, String> {
    let taken = vec![1u8; usize::try_from(bytes).unwrap_or(usize::MAX)];
    Ok(taken.iter().map(|byte| u64::from(*byte)).sum())
}

/// Prints so many bytes.
fn say(bytes: u64) -> Result<(), String> {
    print!("{}", "x".repeat(usize::try_from(bytes).unwrap_or(usize::MAX)));
    Ok(())
}

/// Counts so far, in a loop that calls nobody.
fn count(up_to: u64) -> Result<(), String> {
    let mut sum = 0u64;
    for number in 0..up_to {
        sum = std::hint::black_box(sum.wrapping_add(number));
    }
    Ok(())
}

/// Leaves so many bytes in the queue of this name.
fn leave(bytes: u64) -> Result<(), QueueError> {
    let queue: Queue<Item> = Queue::open("left")?;
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    queue.try_put(&Item::Bytes(vec![7; bytes]))
}

thread_local! {
    static KEPT: RefCell<Vec<Queue<Item>>> = RefCell::default();
}

/// Keeps this queue; how many it has.
fn keep(queue: Queue<Item>) -> Result<u64, String> {
    Ok(KEPT.with_borrow_mut(|kept| {
        kept.push(queue);
        kept.len() as u64
    }))
}

/// What comes of a put and a get with a queue that it was granted by name.
fn try_named(name: String) -> Result<String, QueueError> {
    Ok(tried(&Queue::open(&name)?))
}

/// The same with one that it knows by its id.
fn try_id(id: u64) -> Result<String, QueueError> {
    Ok(tried(&Queue::from_id(id)?))
}

fn tried(queue: &Queue<Item>) -> String {
    let put = queue.try_put(&Item::None);
    format!("{put:?} {:?}", queue.try_get().map(drop))
}

/// Its own number, its main's, and how many it sees.
fn who() -> Result<(u64, u64, usize), String> {
    let (current, main) = (Interpreter::current(), Interpreter::main());
    Ok((current.0, main.0, Interpreter::list_all().len()))
}
