//! What it does with interpreters.

use std::time::{Duration, Instant};

use wasm_pool_guest::{Child, Interpreter, InterpreterError, InterpreterId, Item, Queue, wait};

use crate::number;

type Done = Result<(), InterpreterError>;

/// Does what the words say; `false` when they say nothing of interpreters.
pub(crate) fn run(words: &[&str]) -> bool {
    let done = match *words {
        ["create"] => create(),
        ["list"] => list(),
        ["running"] => running(),
        ["binding"] => binding(),
        ["exec"] => exec(),
        ["call"] => call(),
        ["fails"] => fails(),
        ["threads"] => threads(),
        ["closing-one"] => closing(),
        ["siblings"] => siblings(),
        ["outlived-queue"] => outlived_queue(),
        ["ends-with-its-handle"] => dropping(),
        ["shrinks"] => shrinks(),
        ["depth"] => depth(),
        ["bomb"] => bomb(),
        ["leave-one-spinning"] => leave_one_spinning(),
        ["deadlock-with-child"] => deadlock_with_child(),
        ["poll-child"] => poll_child(),
        ["send", queue] => send(queue),
        ["receive", queue] => receive(queue),
        ["latency", count] => latency(number(count)),
        ["through-children", task, amount, how] => through_children(task, number(amount), how),
        _ => return false,
    };
    if let Err(error) = done {
        println!("error: {error:?}");
        std::process::exit(1);
    }
    true
}

fn create() -> Done {
    let child = Interpreter::create()?;
    println!("not this one: {}", child.id() != Interpreter::current());
    println!("running {:?}", child.is_running());
    println!("{}", child.call::<i64>("add", (2i64, 3i64))?);
    let (current, main, seen) = child.call::<(u64, u64, usize)>("who", ())?;
    let ids = (InterpreterId(current), InterpreterId(main));
    println!("it knows itself: {}", ids == (child.id(), Interpreter::current()));
    println!("it sees {seen}");
    println!("main of main: {}", Interpreter::main() == Interpreter::current());
    Ok(())
}

fn list() -> Done {
    let me = Interpreter::current();
    let (a, b, c) = (Interpreter::create()?, Interpreter::create()?, Interpreter::create()?);
    println!("in order: {}", Interpreter::list_all() == [me, a.id(), b.id(), c.id()]);
    let gone = b.id();
    b.close()?;
    println!("without b: {}", Interpreter::list_all() == [me, a.id(), c.id()]);
    println!("{:?}", Interpreter::from_id(gone).map(drop));
    println!("{:?}", Interpreter::from_id(InterpreterId(u64::MAX)).map(drop));
    println!("the same: {}", Interpreter::from_id(a.id())?.id() == a.id());
    let next = Interpreter::create()?;
    println!("never used again: {}", next.id() > c.id());
    Ok(())
}

fn running() -> Done {
    let child = Interpreter::create()?;
    let queue: Queue<Item> = Queue::create().unwrap_or_else(|_| std::process::abort());
    let thread = child.call_in_thread::<Item>("get", (queue.clone(),))?;
    println!("running {:?}", child.is_running());
    println!("{:?}", child.call::<Item>("echo", (1,)));
    println!("{:?}", child.exec("a = 1"));
    println!("{:?}", child.prepare_main(vec![("a".to_owned(), Item::None)]));
    println!("{:?}", child.close());
    println!(
        "done {} {:?}",
        thread.is_done(),
        thread.join_timeout(Duration::from_millis(5))
    );
    queue.put(&Item::S64(4)).unwrap_or_else(|_| std::process::abort());
    println!("{:?} running {:?}", thread.join()?, child.is_running());
    println!("{:?}", thread.join());
    child.close()?;
    println!("{:?} {:?}", child.is_running(), child.close());
    Ok(())
}

fn binding() -> Done {
    let child = Interpreter::create()?;
    println!("{:?}", child.prepare_main(Vec::new()));
    child.prepare_main(vec![
        ("x".to_owned(), Item::S64(5)),
        ("y".to_owned(), Item::String("text".to_owned())),
    ])?;
    let of = |name: &str| child.call::<Item>("bound", (name.to_owned(),));
    println!("{:?} {:?} {:?}", of("x")?, of("y")?, of("z"));
    // All of them or none: the second cannot be sent.
    let nobody = Item::Interpreter(InterpreterId(u64::MAX));
    let mixed = vec![("x".to_owned(), Item::S64(6)), ("z".to_owned(), nobody)];
    println!("{:?}", child.prepare_main(mixed));
    println!("{:?}", of("x")?);
    Ok(())
}

fn exec() -> Done {
    let child = Interpreter::create()?;
    child.exec("x = 5\ny = x + 1")?;
    println!("{:?}", child.exec("z = y + 1\nraise no more\nw = 1"));
    // What was defined before the failure stays.
    println!("{:?}", child.call::<Option<i64>>("recall", ("z".to_owned(),))?);
    println!("{:?}", child.call::<Option<i64>>("recall", ("w".to_owned(),))?);
    println!("{:?}", child.exec("nonsense"));
    println!("{:?}", child.exec("a = b + 1"));
    Ok(())
}

fn call() -> Done {
    let child = Interpreter::create()?;
    child.call::<()>("remember", ("x".to_owned(), 7))?;
    println!("{:?}", child.call::<Option<i64>>("recall", ("x".to_owned(),))?);
    println!("{:?}", child.call::<()>("no-such", ()));
    println!("{:?}", child.call::<()>("add", (1i64,)));
    println!("{:?}", child.call::<i64>("add", ("a".to_owned(), 1i64)));
    println!("{:?}", child.call::<i64>("add", (i64::MAX, 1i64)));
    println!("{:?}", child.call::<Vec<f64>>("echo", (vec![0.5, 1.5],))?);
    let queue: Queue<u8> = Queue::create().unwrap_or_else(|_| std::process::abort());
    let back: Queue<u8> = child.call("echo", (queue.clone(),))?;
    println!("the same queue: {}", back.id() == queue.id());
    Ok(())
}

/// Whatever a child does, this one goes on.
fn fails() -> Done {
    let child = Interpreter::create()?;
    println!("{:?}", child.call::<()>("fail", ("Oops".to_owned(), "no".to_owned())));
    println!("still there: {}", child.call::<i64>("add", (1i64, 1i64))?);
    for (task, deadline) in [("trap", 10_000), ("spin", 100)] {
        let child = Child::default().deadline(Duration::from_millis(deadline)).create()?;
        match child.call::<()>(task, ()) {
            Err(InterpreterError::ExecutionFailed(failed)) => println!("{task}: {}", failed.kind),
            other => println!("{task}: {other:?}"),
        }
        println!("{:?}", child.call::<i64>("add", (1i64, 1i64)));
    }
    let child = Interpreter::create()?;
    match child.call::<()>("exit", (3,)) {
        Err(InterpreterError::ExecutionFailed(failed)) => println!("exit: {}", failed.kind),
        other => println!("exit: {other:?}"),
    }
    let child = Interpreter::create()?;
    let thread = child.call_in_thread::<()>("spin", ())?;
    child.kill()?;
    match thread.join() {
        Err(InterpreterError::ExecutionFailed(failed)) => println!("kill: {}", failed.kind),
        other => println!("kill: {other:?}"),
    }
    Ok(())
}

fn threads() -> Done {
    let children: Vec<_> = (0..4).map(|_| Interpreter::create()).collect::<Result<_, _>>()?;
    let threads: Vec<_> = children
        .iter()
        .zip(1i64..)
        .map(|(child, number)| child.call_in_thread::<i64>("add", (number, number)))
        .collect::<Result<_, _>>()?;
    let sum: i64 = threads.iter().map(|thread| thread.join()).sum::<Result<_, _>>()?;
    println!("{sum}");
    let ready: Vec<_> = threads.iter().map(|thread| thread.ready().is_ready()).collect();
    println!("{ready:?}");
    Ok(())
}

fn closing() -> Done {
    let child = Interpreter::create()?;
    child.close()?;
    println!("{:?}", child.close());
    println!("{:?}", child.call::<()>("echo", ((),)));
    println!("{:?}", child.kill());
    let me = Interpreter::from_id(Interpreter::current());
    println!("{:?}", me.map(drop));
    Ok(())
}

/// Main is out of everybody's reach, and whoever was sent an interpreter may close it.
fn siblings() -> Done {
    let (a, b) = (Interpreter::create()?, Interpreter::create()?);
    let of_main = b.call::<()>("close", (Item::Interpreter(Interpreter::current()),));
    println!("{of_main:?}");
    println!("{}", b.call::<String>("find", (Interpreter::current().0,))?);
    println!("{}", b.call::<String>("find", (a.id().0,))?);
    b.call::<()>("close", (Item::Interpreter(a.id()),))?;
    println!("{:?} {:?}", a.close(), b.is_running());
    Ok(())
}

/// A queue lives on when whoever made it has ended, and what was in it goes the way of its `unbound`.
fn outlived_queue() -> Done {
    let child = Interpreter::create()?;
    let queue: Queue<i64> = child.call("make", (7i64,))?;
    println!("{}", queue.qsize());
    let id = child.id();
    child.close()?;
    println!("gone: {}", killed(id));
    while queue.qsize() == 1 && queue.try_get().is_ok() {}
    println!("{:?} {:?} {:?}", queue.put(&8), queue.get(), queue.try_get());
    Ok(())
}

fn dropping() -> Done {
    let child = Interpreter::create()?;
    let id = child.id();
    let thread = child.call_in_thread::<()>("spin", ())?;
    drop(child);
    println!("kept by its call: {}", Interpreter::list_all().contains(&id));
    drop(thread);
    println!("gone: {}", !Interpreter::list_all().contains(&id) || killed(id));
    Ok(())
}

/// Whether it ends soon; its end takes a tick.
fn killed(id: InterpreterId) -> bool {
    let began = Instant::now();
    while Interpreter::from_id(id).is_ok() {
        if began.elapsed() > Duration::from_secs(10) {
            return false;
        }
    }
    true
}

fn shrinks() -> Done {
    let bare = Interpreter::create()?;
    println!("{:?}", bare.call::<Vec<u64>>("number", ())?);
    let all = Child::default()
        .with_files()
        .with_environment()
        .arguments(["a", "b"])
        .create()?;
    println!("{:?}", all.call::<Vec<u64>>("number", ())?);
    let small = Child::default().memory(4 << 20).create()?;
    match small.call::<u64>("touch", (8u64 << 20,)) {
        Err(InterpreterError::ExecutionFailed(failed)) => println!("{}", failed.kind),
        other => println!("{other:?}"),
    }
    let greedy = Child::default().memory(u64::MAX).create()?;
    match greedy.call::<u64>("touch", (512u64 << 20,)) {
        Err(InterpreterError::ExecutionFailed(failed)) => println!("{}", failed.kind),
        other => println!("{other:?}"),
    }
    Ok(())
}

fn depth() -> Done {
    let child = Child::default().with_interpreters().create()?;
    println!("{}", 1 + child.call::<u64>("deeper", ())?);
    Ok(())
}

fn bomb() -> Done {
    let mut children = Vec::new();
    let why = loop {
        match Interpreter::create() {
            Ok(child) => children.push(child),
            Err(why) => break why,
        }
    };
    println!("{} interpreters, then: {why}", children.len());
    children.pop();
    println!("one more: {}", killed_and_new());
    Ok(())
}

/// A place becomes free when its interpreter has ended.
fn killed_and_new() -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if Interpreter::create().is_ok() {
            return true;
        }
    }
    false
}

fn leave_one_spinning() -> Done {
    let child = Interpreter::create()?;
    let thread = child.call_in_thread::<()>("spin", ())?;
    println!("leaves {}", !thread.is_done());
    std::mem::forget((child, thread));
    Ok(())
}

/// Each waits for the other.
fn deadlock_with_child() -> Done {
    let child = Interpreter::create()?;
    let queue: Queue<Item> = Queue::create().unwrap_or_else(|_| std::process::abort());
    println!("{:?}", child.call::<Item>("get", (queue,)));
    Ok(())
}

/// The same, through a pollable.
fn poll_child() -> Done {
    let child = Interpreter::create()?;
    let queue: Queue<Item> = Queue::create().unwrap_or_else(|_| std::process::abort());
    let call = child.call_in_thread::<Item>("get", (queue,))?;
    println!("{:?}", wait(&[&call.ready()]));
    Ok(())
}

fn send(queue: &str) -> Done {
    let queue: Queue<Item> = Queue::open(queue).unwrap_or_else(|_| std::process::abort());
    let child = Interpreter::create()?;
    child.call::<()>("remember", ("x".to_owned(), 11))?;
    queue
        .put(&Item::Interpreter(child.id()))
        .unwrap_or_else(|_| std::process::abort());
    // The other one answers when it is done with it.
    let _ = queue.ready_to_put();
    while queue.qsize() > 0 || child.call::<Option<i64>>("recall", ("done".to_owned(),)) != Ok(Some(1)) {}
    Ok(())
}

fn receive(queue: &str) -> Done {
    let queue: Queue<Interpreter> = Queue::open(queue).unwrap_or_else(|_| std::process::abort());
    let child = queue.get().unwrap_or_else(|_| std::process::abort());
    let retry = |name: &str, value: i64| loop {
        match child.call::<()>("remember", (name.to_owned(), value)) {
            Err(InterpreterError::AlreadyRunning) => {}
            other => break other,
        }
    };
    retry("y", 12)?;
    println!("listed: {}", Interpreter::list_all().contains(&child.id()));
    retry("done", 1)
}

/// Has one child after the other do it, each of which ends before the next one begins or is killed, until one may not: then it
/// says how many did and why that one did not. When a limit ended that one it goes on, until it is ended itself.
fn through_children(task: &str, amount: u64, how: &str) -> Done {
    let mut kept = Vec::new();
    loop {
        let made = Child::default().with_output().with_queues().create();
        let child = match made {
            // The end of the last one takes a tick.
            Err(InterpreterError::Limit(_)) => continue,
            other => other?,
        };
        let called = match how {
            "kill" => kill_soon(&child, task, amount),
            _ => child.call::<Item>(task, (amount,)),
        };
        match called {
            Ok(item) => kept.push(item),
            Err(InterpreterError::ExecutionFailed(failed)) => {
                println!("{} children, then {}: {}", kept.len(), failed.kind, failed.message);
                if !failed.kind.starts_with("limit(") {
                    return Ok(());
                }
            }
            // It was ended before it was called.
            Err(InterpreterError::NotFound) => {}
            Err(other) => return Err(other),
        }
        // It may have been ended after its call.
        let _ = child.close();
    }
}

/// Ends a child in the middle of what it does, unless it ended before.
fn kill_soon(child: &Interpreter, task: &str, amount: u64) -> Result<Item, InterpreterError> {
    let call = child.call_in_thread::<Item>(task, (amount,))?;
    match call.join_timeout(Duration::from_millis(3)) {
        Err(InterpreterError::Timeout) => {
            // It may have come to its end meanwhile.
            let _ = child.kill();
            Ok(Item::None)
        }
        other => other,
    }
}

/// Creates, calls and closes, so many times.
fn latency(count: u64) -> Done {
    for _ in 0..count {
        let child = Interpreter::create()?;
        child.call::<i64>("add", (1i64, 1i64))?;
        child.close()?;
    }
    println!("{count}");
    Ok(())
}
