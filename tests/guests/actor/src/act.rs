//! What it does, an action after the other.

use wasm_pool_guest::bindings::wasi::clocks::monotonic_clock;
use wasm_pool_guest::bindings::wasi::io::poll::{self, Pollable};
use wasm_pool_guest::bindings::wasm_pool::interpreters::interpreters::{
    self, CreateOptions, Inherited, Interpreter, InterpreterError, Thread,
};
use wasm_pool_guest::bindings::wasm_pool::interpreters::queues::{
    self, Encoded, Item, Queue, QueueError, QueueOptions, Received, Unbound,
};

use crate::script::Script;
use crate::{WRONG, check};

/// The most handles of a kind that it keeps.
const MOST: usize = 40;

/// The handles that it has.
#[derive(Default)]
pub(crate) struct Actor {
    queues: Vec<Queue>,
    children: Vec<Interpreter>,
    threads: Vec<Thread>,
    pollables: Vec<Pollable>,
}

impl Actor {
    /// Acts until the script is over. Whatever the host refuses, it goes on.
    pub(crate) fn run(&mut self, script: &mut Script<'_>) {
        while !script.is_over() {
            match script.byte() % 64 {
                0..=5 => self.make_queue(script),
                6..=8 => self.open_queue(script),
                9..=10 => self.share_queue(script),
                11 => drop(taken(&mut self.queues, script)),
                12 => std::mem::forget(taken(&mut self.queues, script)),
                13..=18 => self.put(script),
                19..=21 => self.put_many(script),
                22..=27 => self.get(script),
                28..=29 => self.select(script),
                30..=31 => self.look(script),
                32 => self.close(script),
                33..=34 => self.subscribe(script),
                35..=36 => self.poll(script),
                37 => drop(taken(&mut self.pollables, script)),
                38..=41 => self.create(script),
                42..=43 => self.find(script),
                44..=49 => self.call(script),
                50..=51 => self.join(script),
                52 => drop(taken(&mut self.threads, script)),
                53 => drop(taken(&mut self.children, script)),
                54..=55 => self.end(script),
                56 => self.tell(script),
                57 => self.list(),
                58 => println!("{}", "x".repeat(script.length())),
                59 => drop(std::hint::black_box(vec![1u8; script.length() << 3])),
                60 => std::thread::sleep(std::time::Duration::from_micros(script.byte().into())),
                61 => spin(script.byte()),
                62 if script.byte() < 64 => std::process::exit(script.byte().into()),
                63 if script.byte() < 64 => std::process::abort(),
                _ => {}
            }
        }
    }

    fn make_queue(&mut self, script: &mut Script<'_>) {
        let options = QueueOptions {
            max_size: script.one_of(&[None, Some(0), Some(1), Some(2), Some(7), Some(u32::MAX)]),
            max_bytes: match script.byte() {
                0..=127 => None,
                128..=191 => Some(u64::from(script.byte()) + 64),
                _ => Some(script.number()),
            },
            unbound: unbound(script).unwrap_or(Unbound::Replace),
        };
        if let Ok(queue) = queues::create(options) {
            check(queue.id() > 0 && queue.qsize() == 0, "a new queue");
            check(
                queue.max_size() == options.max_size.unwrap_or(1_024),
                "the size of a new queue",
            );
            let again = queues::from_id(queue.id());
            // There may be no handle left for it.
            check(!matches!(again, Err(QueueError::NotFound)), "one's own queue is there");
            keep(&mut self.queues, queue);
        }
    }

    fn open_queue(&mut self, script: &mut Script<'_>) {
        let queue = match script.byte() % 3 {
            0 => queues::from_id(script.number()),
            _ => queues::open(script.one_of(&["a", "b", "script", "no such", "", "a\0"])),
        };
        if let Ok(queue) = queue {
            keep(&mut self.queues, queue);
        }
    }

    fn share_queue(&mut self, script: &mut Script<'_>) {
        if let Some(queue) = chosen(&self.queues, script) {
            let shared = queue.share();
            check(shared.id() == queue.id(), "another handle on the same queue");
            keep(&mut self.queues, shared);
        }
    }

    fn put(&mut self, script: &mut Script<'_>) {
        let item = self.item(script);
        if let Some(queue) = chosen(&self.queues, script) {
            let done = match script.byte() % 4 {
                0 => queue.put(item, script.time(), unbound(script)),
                _ => queue.put_nowait(item, unbound(script)),
            };
            check(
                !matches!(done, Err(QueueError::Empty | QueueError::NotFound)),
                "what a put says",
            );
        }
    }

    fn put_many(&mut self, script: &mut Script<'_>) {
        let items: Vec<_> = (0..script.byte() % 20).map(|_| self.item(script)).collect();
        if let Some(queue) = chosen(&self.queues, script) {
            let count = items.len();
            if let Err(part) = queue.put_many(items, script.time(), unbound(script)) {
                check((part.accepted as usize) < count, "how many were put");
            }
        }
    }

    fn get(&mut self, script: &mut Script<'_>) {
        let Some(queue) = chosen(&self.queues, script) else {
            return;
        };
        let got = match script.byte() % 8 {
            0 => queue.get(script.time()).map(|received| vec![received]),
            1..=2 => {
                let max = script.one_of(&[0, 1, 2, 5, 1_000, u32::MAX]);
                let got = queue.get_many(max, script.time());
                if let Ok(got) = &got {
                    check(got.len() <= max as usize, "no more than asked for");
                }
                got
            }
            _ => queue.get_nowait().map(|received| vec![received]),
        };
        check(
            !matches!(got, Err(QueueError::Full | QueueError::TooLarge(_))),
            "what a get says",
        );
        for received in got.into_iter().flatten() {
            self.received(received);
        }
    }

    fn received(&mut self, received: Received) {
        match received {
            Received::Item(Item::Queue(queue)) => keep(&mut self.queues, queue),
            Received::Item(Item::Interpreter(id)) => {
                if let Ok(child) = interpreters::from_id(id) {
                    check(child.id() == id, "the interpreter that was asked for");
                    keep(&mut self.children, child);
                }
            }
            _ => {}
        }
    }

    fn select(&mut self, script: &mut Script<'_>) {
        let count = script.byte() % 6;
        let these: Vec<_> = (0..count).filter_map(|_| chosen(&self.queues, script)).collect();
        let count = these.len();
        match queues::select(&these, script.time()) {
            Ok((at, received)) => {
                check((at as usize) < count, "which queue has something");
                self.received(received);
            }
            Err((at, error)) => check(
                (at as usize) < count.max(1) && (count > 0 || matches!(error, QueueError::Invalid(_))),
                "which queue has nothing",
            ),
        }
    }

    fn look(&mut self, script: &mut Script<'_>) {
        if let Some(queue) = chosen(&self.queues, script) {
            let (size, most) = (queue.qsize(), queue.max_size());
            check(most == 0 || size <= most, "no more items than fit");
            let _ = (
                queue.is_empty(),
                queue.is_full(),
                queue.is_closed(),
                queue.max_bytes(),
                queue.id(),
            );
        }
    }

    fn close(&mut self, script: &mut Script<'_>) {
        if let Some(queue) = chosen(&self.queues, script) {
            queue.close();
            check(queue.is_closed(), "a closed queue");
            let put = queue.put_nowait(Item::None, None);
            check(
                matches!(put, Err(QueueError::Closed)),
                "nothing is put into a closed queue",
            );
        }
    }

    fn subscribe(&mut self, script: &mut Script<'_>) {
        let pollable = match script.byte() % 4 {
            0 => chosen(&self.queues, script).map(Queue::subscribe_get),
            1 => chosen(&self.queues, script).map(Queue::subscribe_put),
            2 => chosen(&self.threads, script).map(Thread::subscribe),
            _ => Some(monotonic_clock::subscribe_duration(script.time().unwrap_or_default())),
        };
        if let Some(pollable) = pollable {
            keep(&mut self.pollables, pollable);
        }
    }

    fn poll(&mut self, script: &mut Script<'_>) {
        match script.byte() % 8 {
            0 => chosen(&self.pollables, script).into_iter().for_each(Pollable::block),
            1..=3 => {
                let _ = chosen(&self.pollables, script).map(Pollable::ready);
            }
            _ => {
                let soon = monotonic_clock::subscribe_duration(u64::from(script.byte()) * 1_000);
                let mut these: Vec<_> = (0..script.byte() % 6)
                    .filter_map(|_| chosen(&self.pollables, script))
                    .collect();
                these.push(&soon);
                let ready = poll::poll(&these);
                check(
                    !ready.is_empty() && ready.iter().all(|at| (*at as usize) < these.len()),
                    "what is ready",
                );
            }
        }
    }

    fn create(&mut self, script: &mut Script<'_>) {
        let options = CreateOptions {
            program: script
                .one_of(&[None, None, Some("other"), Some("no such")])
                .map(str::to_owned),
            inherit: Inherited::from_bits_truncate(script.byte()),
            arguments: (0..script.byte() % 3).map(|_| "x".repeat(script.length())).collect(),
            memory: (script.byte() > 200).then(|| script.number()),
            deadline: (script.byte() > 200).then(|| script.number()),
            cpu_time: (script.byte() > 200).then(|| script.number()),
        };
        if let Ok(child) = interpreters::create(&options) {
            check(child.id() != interpreters::get_current(), "a child is somebody else");
            keep(&mut self.children, child);
        }
    }

    fn find(&mut self, script: &mut Script<'_>) {
        let id = match script.byte() % 3 {
            0 => interpreters::get_current(),
            1 => interpreters::get_main(),
            _ => script.number(),
        };
        if let Ok(found) = interpreters::from_id(id) {
            check(found.id() == id, "the interpreter that was asked for");
            keep(&mut self.children, found);
        }
    }

    /// Calls a child, whose script is a part of this one.
    fn call(&mut self, script: &mut Script<'_>) {
        let (how, function) = (script.byte() % 8, script.one_of(&["run", "run", "echo", "no such"]));
        let mut arguments = vec![Item::Bytes(script.some().to_vec())];
        if function != "run" {
            arguments = (0..script.byte() % 4).map(|_| self.item(script)).collect();
        }
        let Some(child) = chosen(&self.children, script) else {
            return;
        };
        let result = match how {
            0..=3 => match child.call_in_thread(function, arguments) {
                Ok(thread) => {
                    keep(&mut self.threads, thread);
                    return;
                }
                Err(error) => Err(error),
            },
            4 => child.exec("0000").map(|()| Item::None),
            5 => {
                let bindings: Vec<_> = arguments.into_iter().map(|item| ("name".to_owned(), item)).collect();
                child.prepare_main(bindings).map(|()| Item::None)
            }
            _ => child.call(function, arguments),
        };
        check(!matches!(result, Err(InterpreterError::Timeout)), "what a call says");
        heard(&result);
        if let Ok(item) = result {
            self.received(Received::Item(item));
        }
    }

    fn join(&mut self, script: &mut Script<'_>) {
        let Some(thread) = chosen(&self.threads, script) else {
            return;
        };
        let done = thread.is_done();
        let joined = thread.join(script.time());
        check(
            !(done && matches!(joined, Err(InterpreterError::Timeout))),
            "what is done stays done",
        );
        heard(&joined);
        if let Ok(item) = joined {
            check(thread.is_done(), "what was joined is done");
            self.received(Received::Item(item));
        }
    }

    fn end(&mut self, script: &mut Script<'_>) {
        if let Some(child) = chosen(&self.children, script) {
            let _ = match script.byte() % 2 {
                0 => child.close(),
                _ => child.kill(),
            };
        }
    }

    fn tell(&mut self, script: &mut Script<'_>) {
        if let Some(child) = chosen(&self.children, script) {
            let _ = (child.id(), child.is_running());
        }
    }

    fn list(&self) {
        let all = interpreters::list_all();
        check(
            all.first() == Some(&interpreters::get_current()),
            "oneself is the first of all",
        );
        check(all.iter().skip(1).all(|id| *id != all[0]), "oneself is there once");
    }

    /// Something to send.
    pub(crate) fn item(&mut self, script: &mut Script<'_>) -> Item {
        match script.byte() % 12 {
            0 => Item::None,
            1 => Item::Bool(script.byte() & 1 == 1),
            2 => Item::S64(script.number() as i64),
            3 => Item::F64(f64::from_bits(script.number())),
            4 => Item::String("é".repeat(script.length() / 2)),
            5..=6 => Item::Bytes(vec![script.byte(); script.length()]),
            7 => chosen(&self.queues, script).map_or(Item::None, |queue| Item::Queue(queue.share())),
            8 => taken(&mut self.queues, script).map_or(Item::None, Item::Queue),
            9 => chosen(&self.children, script).map_or(Item::None, |child| Item::Interpreter(child.id())),
            10 => Item::Interpreter(script.number()),
            _ => Item::Encoded(Encoded {
                media_type: match script.byte() % 2 {
                    0 => "application/cbor".to_owned(),
                    _ => "x".repeat(script.length()),
                },
                bytes: script.some().to_vec(),
            }),
        }
    }
}

/// A child that found the host wrong tells its parent, and so on.
fn heard(result: &Result<Item, InterpreterError>) {
    if let Err(InterpreterError::ExecutionFailed(failed)) = result {
        let wrong = format!("exited({WRONG})");
        check(failed.kind != wrong && failed.kind != "host-error", &failed.message);
    }
}

fn unbound(script: &mut Script<'_>) -> Option<Unbound> {
    script.one_of(&[
        None,
        Some(Unbound::Replace),
        Some(Unbound::Error),
        Some(Unbound::Remove),
    ])
}

fn chosen<'a, T>(all: &'a [T], script: &mut Script<'_>) -> Option<&'a T> {
    match all.len() {
        0 => None,
        count => all.get(usize::from(script.byte()) % count),
    }
}

fn taken<T>(all: &mut Vec<T>, script: &mut Script<'_>) -> Option<T> {
    match all.len() {
        0 => None,
        count => Some(all.swap_remove(usize::from(script.byte()) % count)),
    }
}

/// Keeps a handle; of too many, this one goes.
fn keep<T>(all: &mut Vec<T>, handle: T) {
    if all.len() < MOST {
        all.push(handle);
    }
}

/// Takes some of its time.
fn spin(length: u8) {
    let end = if length == 255 {
        u64::MAX
    } else {
        u64::from(length) * 1_000
    };
    (0..end).for_each(|at| {
        std::hint::black_box(at);
    });
}
