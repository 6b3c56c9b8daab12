//! The run's own ends of the guests' queues: our stdin into one, and out of another to our stdout.
//!
//! Each end is a thread that blocks on its queue and on our stream, so a slow reader of ours slows the guests down, and slow
//! guests slow down whoever writes to us.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::time::{Duration, Instant};

use anyhow::Context;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, never};
use wasm_pool::manifest::QueueSpec;
use wasm_pool::queue::{Drain, Feed, GetError, PutError, Received};
use wasm_pool::{Item, Queues, Wait, text};

use crate::args::QueueArgs;

/// Both ends.
pub(crate) struct Plumbing {
    queues: Queues,
    feed: Option<End>,
    drain: Option<End>,
    broken: Receiver<()>,
}

/// One end: its queue, and how it ended, once it has.
struct End {
    queue: String,
    done: Receiver<Piped>,
}

/// How a pipe of ours ended.
#[derive(Debug)]
pub(crate) enum Piped {
    /// Everything went through.
    Whole,
    /// Nobody reads what comes out of the queue any more.
    ReaderGone,
    /// It broke: why, and our exit code.
    Failed { why: String, code: u8 },
}

impl Piped {
    /// Why it broke.
    pub(super) fn why(&self) -> Option<&str> {
        match self {
            Piped::Failed { why, .. } => Some(why),
            Piped::Whole | Piped::ReaderGone => None,
        }
    }
}

/// Every queue that the command line names.
pub(crate) fn specs(args: &QueueArgs) -> Vec<QueueSpec> {
    let mut specs = args.queues.clone();
    for name in [&args.feed, &args.drain].into_iter().flatten() {
        if specs.iter().all(|spec| spec.name != *name) {
            specs.push(QueueSpec::named(name));
        }
    }
    specs
}

impl Plumbing {
    /// Makes the queues, and starts to feed and to drain.
    pub(crate) fn lay(
        queues: &Queues,
        specs: &[QueueSpec],
        feed: Option<&str>,
        drain: Option<&str>,
        mut out: Box<dyn Write + Send>,
    ) -> anyhow::Result<Plumbing> {
        for spec in specs {
            queues.create_named(&spec.name, &spec.options)?;
        }
        let open = |name: &str| queues.open(name).with_context(|| format!("there is no queue {name:?}"));
        let feed = feed
            .map(|name| {
                let queue = open(name)?;
                let longest = queue
                    .max_bytes()
                    .as_u64()
                    .saturating_sub(wasm_pool::queue::ITEM_OVERHEAD);
                let feed = queue.into_feed();
                End::start("wasm-pool-feed", name, move || pour_in(&feed, longest))
            })
            .transpose()?;
        let mut broken = never();
        let drain = drain
            .map(|name| {
                let drain = open(name)?.into_drain();
                let (tell, hear) = bounded(1);
                broken = hear;
                End::start("wasm-pool-drain", name, move || {
                    let piped = pour_out(&drain, &mut *out);
                    if !matches!(piped, Piped::Whole) {
                        let _ = tell.send(());
                    }
                    // A healthy end is no news: the guests have ended before.
                    std::mem::forget(tell);
                    piped
                })
            })
            .transpose()?;
        Ok(Plumbing {
            queues: queues.clone(),
            feed,
            drain,
            broken,
        })
    }

    /// Says, once, that what comes out of the drained queue can be written no more.
    pub(crate) fn broken(&self) -> Receiver<()> {
        self.broken.clone()
    }

    /// Every guest has ended: prints what is still in the drained queue. With `patience`, gives up when that takes longer;
    /// `stop` gives up at once.
    pub(crate) fn finish(self, patience: Option<Duration>, stop: &Receiver<i32>) -> Piped {
        let fed = self.feed.as_ref().map_or(Piped::Whole, |feed| {
            self.close(&feed.queue);
            // A thread that waits for our stdin ends with the process.
            feed.done.try_recv().unwrap_or(Piped::Whole)
        });
        let drained = self.drain.as_ref().map_or(Piped::Whole, |drain| {
            self.close(&drain.queue);
            // Beyond the clock's end: for ever.
            let until = patience.and_then(|patience| Instant::now().checked_add(patience));
            loop {
                match drain.done.recv_timeout(Duration::from_millis(50)) {
                    Ok(piped) => return piped,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return failed("stdout: its thread is gone", 70),
                }
                if stop.try_recv().is_ok() || until.is_some_and(|until| until <= Instant::now()) {
                    return failed("stdout: its reader stalls, the rest of the queue is lost", 74);
                }
            }
        });
        match drained {
            Piped::Whole => fed,
            drained => drained,
        }
    }

    fn close(&self, name: &str) {
        if let Some(queue) = self.queues.open(name) {
            queue.close();
        }
    }
}

impl End {
    fn start(thread: &str, queue: &str, pour: impl FnOnce() -> Piped + Send + 'static) -> anyhow::Result<End> {
        let (sender, done) = bounded(1);
        std::thread::Builder::new()
            .name(thread.to_owned())
            .spawn(move || {
                let _ = sender.send(pour());
            })
            .with_context(|| format!("the thread {thread} cannot be started"))?;
        Ok(End {
            queue: queue.to_owned(),
            done,
        })
    }
}

fn failed(why: impl Into<String>, code: u8) -> Piped {
    Piped::Failed { why: why.into(), code }
}

/// Puts each line of our stdin into the queue, without its line break, and closes the queue at the end.
fn pour_in(feed: &Feed, longest: u64) -> Piped {
    let piped = lines_in(feed, longest);
    feed.close();
    piped
}

fn lines_in(feed: &Feed, longest: u64) -> Piped {
    let mut input = BufReader::with_capacity(64 << 10, io::stdin());
    for number in 1u64.. {
        let mut line = Vec::new();
        // One byte more than fits, and its line break.
        match input
            .by_ref()
            .take(longest.saturating_add(2))
            .read_until(b'\n', &mut line)
        {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return failed(format!("--feed: stdin: {error}"), 66),
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let item = String::from_utf8(line).map_or_else(|error| Item::Bytes(error.into_bytes()), Item::String);
        match feed.put(item, Wait::Forever) {
            Ok(()) => {}
            // The guests want no more.
            Err(PutError::Closed(_)) => break,
            Err(PutError::TooLarge { max_bytes, .. }) => {
                let why = format!("--feed: line {number} of stdin is longer than the queue's {max_bytes} bytes");
                return failed(why, 2);
            }
            Err(error) => return failed(format!("--feed: line {number} of stdin: {error}"), 2),
        }
    }
    Piped::Whole
}

/// Written together when items come faster than they are written.
const BATCH: usize = 64 << 10;

/// Prints what comes out of the queue until it is closed and empty.
fn pour_out(drain: &Drain, out: &mut dyn Write) -> Piped {
    let visible = io::stdout().is_terminal();
    let mut lines = Vec::with_capacity(BATCH);
    loop {
        // Nothing is kept back while there is nothing to do.
        let wait = if lines.is_empty() { Wait::Forever } else { Wait::No };
        let more = match drain.get(wait) {
            Ok(Received::Item(item)) => {
                add_line(&mut lines, &item, visible);
                lines.len() < BATCH
            }
            Ok(Received::Unbound) | Err(GetError::InterpreterDestroyed) => true,
            Err(GetError::Empty) => false,
            Err(GetError::Closed | GetError::NotAllowed) if lines.is_empty() => return Piped::Whole,
            Err(GetError::Closed | GetError::NotAllowed) => false,
        };
        if more {
            continue;
        }
        let written = out.write_all(&lines).and_then(|()| out.flush());
        match written {
            Ok(()) => lines.clear(),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Piped::ReaderGone,
            Err(error) => return failed(format!("stdout: {error}"), 74),
        }
    }
}

/// An item as a line: text and bytes as they are, numbers and truth values as JSON has them, CBOR as JSON.
fn add_line(lines: &mut Vec<u8>, item: &Item, visible: bool) {
    let shown = match item {
        Item::None => "null".to_owned(),
        Item::Bool(value) => value.to_string(),
        Item::S64(value) => value.to_string(),
        Item::F64(value) => serde_json::json!(value).to_string(),
        Item::String(value) => value.clone(),
        Item::Bytes(bytes) if visible => String::from_utf8_lossy(bytes).into_owned(),
        Item::Bytes(bytes) => {
            lines.extend_from_slice(bytes);
            lines.push(b'\n');
            return;
        }
        Item::Queue(queue) => format!("queue {}", queue.id()),
        Item::Interpreter(interpreter) => format!("interpreter {}", interpreter.id()),
        Item::Encoded(encoded) => encoded
            .to_json()
            .unwrap_or_else(|| format!("{}, {} bytes", text::one_line(&encoded.media_type), encoded.bytes.len())),
    };
    let shown = if visible {
        text::visible(&shown).to_string()
    } else {
        shown
    };
    lines.extend_from_slice(shown.as_bytes());
    lines.push(b'\n');
}
