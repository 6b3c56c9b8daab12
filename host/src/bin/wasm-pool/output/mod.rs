//! The guests' stdout and stderr on their way out: one writer thread for each of our two streams.
//!
//! A guest writes into a bounded pipe and waits there when we are slow; a writer takes whole lines from the pipes and
//! writes them. A reader that stalls therefore stops nobody's deadline, and a reader that goes away ends the guests
//! that still write to it, as a closed pipe ends any process.

mod files;
mod target;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Context;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::Mutex;
use wasm_pool::stdio::{Output, OutputPipe, Take};

use self::files::Files;
use self::target::{Grouped, Lines, Target};
use crate::args::OutputMode;
use crate::names::Names;
use crate::progress::Bar;

/// A guest's pipe: enough for a burst of lines, little enough for ten thousand guests. Also the longest line that is
/// never broken.
const PIPE: usize = 64 << 10;

/// Both writers.
pub(crate) struct Console {
    out: Option<Writer>,
    err: Option<Writer>,
}

impl Console {
    /// Opens what the guests' output goes to; nothing runs yet, so a place that cannot be written is known in time.
    /// With `named`, a guest's stderr stands behind its name even when it is the only one: a report for programs is on the
    /// same stream, and no guest may forge a line of it.
    pub(crate) fn open(mode: &OutputMode, names: &Names, named: bool, bar: &Bar) -> anyhow::Result<Console> {
        let instances = names.len();
        let ((out, before_out), (err, before_err)) = (bar.stdout(), bar.stderr());
        let out = Lines::new(out, io::stdout().is_terminal());
        let err = Lines::new(err, true);
        let err = if named || instances > 1 {
            err.prefixed(names)
        } else {
            err
        };
        let (out, err): (Box<dyn Target>, Box<dyn Target>) = match mode {
            OutputMode::None => return Ok(Console { out: None, err: None }),
            OutputMode::Lines => (Box::new(out), Box::new(err)),
            OutputMode::Prefix => (Box::new(out.numbered(instances)), Box::new(err)),
            OutputMode::Group => {
                // Known before anything runs: what does not fit in memory is kept there.
                tempfile::tempfile().with_context(|| {
                    format!(
                        "--output group: {}: no temporary file can be made",
                        std::env::temp_dir().display()
                    )
                })?;
                (Box::new(Grouped::new(out)), Box::new(err))
            }
            OutputMode::Files(folder) => {
                let open = |ending| {
                    Files::create(folder, names, ending).with_context(|| format!("--output: {}", folder.display()))
                };
                (Box::new(open("out")?), Box::new(open("err")?))
            }
        };
        // One guest's bytes go through as they come; lines matter only where several guests meet.
        let take = if instances == 1 && *mode != OutputMode::Prefix {
            Take::All
        } else {
            Take::Lines
        };
        Ok(Console {
            out: Some(Writer::new("stdout", instances, take, out, &before_out)),
            err: Some(Writer::new("stderr", instances, Take::Lines, err, &before_err)),
        })
    }

    /// Where one instance's stdout and stderr go.
    pub(crate) fn outputs(&self, instance: usize) -> (Output, Output) {
        let of = |writer: &Option<Writer>| match writer {
            Some(writer) => Output::Pipe(writer.pipes[instance].clone()),
            None => Output::Discard,
        };
        (of(&self.out), of(&self.err))
    }

    /// Waits until everything is written. With `patience`, gives up when nothing could be written for so long; `stop`
    /// gives up at once.
    pub(crate) fn finish(self, patience: Option<Duration>, stop: &Receiver<i32>) -> Written {
        let mut all = Written::Whole;
        for writer in [self.out, self.err].into_iter().flatten() {
            match writer.finish(patience, stop) {
                Written::Whole => {}
                other => all = other,
            }
        }
        all
    }
}

/// How the writing ended.
#[derive(Debug)]
pub(crate) enum Written {
    /// Everything was written, or its reader went away.
    Whole,
    /// It could not be written: why, and whose output was lost.
    Failed { why: String, lost: Vec<usize> },
}

impl Written {
    /// Why it could not be written.
    pub(crate) fn why(&self) -> Option<&str> {
        match self {
            Written::Whole => None,
            Written::Failed { why, .. } => Some(why),
        }
    }
}

/// One stream's writer. Its thread starts with the first thing that there is to write.
struct Writer {
    name: &'static str,
    pipes: Arc<[OutputPipe]>,
    tokens: Sender<Token>,
    thread: Arc<Start>,
    done: Receiver<Result<(), Lost>>,
    /// Grows with every write that got through.
    moved: Arc<AtomicU64>,
}

/// What a writer is told.
enum Token {
    /// This instance's pipe has something to take.
    Ready(usize),
    /// Every guest has ended, and all that they had to say was said before this.
    Last,
}

/// What starts a writer's thread, once.
#[derive(Default)]
struct Start(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Start {
    fn start(&self, name: &str) {
        let Some(run) = self.0.lock().take() else { return };
        // Without a thread nothing is written: the report's sender is dropped with `run`, and `finish` says so.
        let _ = std::thread::Builder::new().name(format!("wasm-pool-{name}")).spawn(run);
    }
}

impl Writer {
    fn new(name: &'static str, instances: usize, take: Take, target: Box<dyn Target>, bar: &Bar) -> Writer {
        let (ready, tokens) = unbounded();
        let thread = Arc::new(Start::default());
        let pipes: Arc<[OutputPipe]> = (0..instances)
            .map(|instance| {
                let (ready, thread) = (ready.clone(), Arc::clone(&thread));
                OutputPipe::new(PIPE, move || {
                    // The writer is gone only when it has failed, and then the pipe is closed too.
                    let _ = ready.send(Token::Ready(instance));
                    thread.start(name);
                })
            })
            .collect();
        let (report, done) = bounded(1);
        let moved = Arc::new(AtomicU64::new(0));
        let writing = Writing {
            pipes: Arc::clone(&pipes),
            tokens,
            take,
            target,
            bar: bar.clone(),
            moved: Arc::clone(&moved),
        };
        *thread.0.lock() = Some(Box::new(move || {
            // Nobody listens any more when the patience was at its end.
            let _ = report.send(writing.run());
        }));
        Writer {
            name,
            pipes,
            tokens: ready,
            thread,
            done,
            moved,
        }
    }

    fn finish(self, patience: Option<Duration>, stop: &Receiver<i32>) -> Written {
        if self.thread.0.lock().take().is_some() {
            // Nobody wrote anything.
            return Written::Whole;
        }
        let _ = self.tokens.send(Token::Last);
        let look = Duration::from_millis(50);
        let (mut moved, mut since) = (self.moved.load(Relaxed), Instant::now());
        loop {
            match self.done.recv_timeout(look) {
                Ok(Ok(())) => return Written::Whole,
                Ok(Err(Lost { error, instances })) => {
                    return Written::Failed {
                        why: format!("{}: {error}", self.name),
                        lost: instances,
                    };
                }
                Err(RecvTimeoutError::Disconnected) => return self.lost("no thread to write it"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.moved.load(Relaxed);
            if now != moved {
                (moved, since) = (now, Instant::now());
            }
            if stop.try_recv().is_ok() || patience.is_some_and(|patience| since.elapsed() >= patience) {
                return self.lost("its reader stalls, the rest of the output is lost");
            }
        }
    }

    fn lost(&self, why: &str) -> Written {
        let held = |instance: &usize| !self.pipes[*instance].is_empty();
        Written::Failed {
            why: format!("{}: {why}", self.name),
            lost: (0..self.pipes.len()).filter(held).collect(),
        }
    }
}

/// Output that could not be written, and whose.
struct Lost {
    error: io::Error,
    instances: Vec<usize>,
}

/// A writer on its thread.
struct Writing {
    pipes: Arc<[OutputPipe]>,
    tokens: Receiver<Token>,
    take: Take,
    target: Box<dyn Target>,
    bar: Bar,
    moved: Arc<AtomicU64>,
}

impl Writing {
    fn run(mut self) -> Result<(), Lost> {
        let Err((error, instance)) = self.write_all() else {
            return Ok(());
        };
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.pipes.iter().for_each(OutputPipe::close);
            return Ok(());
        }
        // What is still in a pipe is lost, like what could not be written and what the target kept back.
        let mut lost = self.target.kept();
        lost.push(instance);
        lost.extend((0..self.pipes.len()).filter(|instance| self.pipes[*instance].fail(&error)));
        Err(Lost { error, instances: lost })
    }

    fn write_all(&mut self) -> Result<(), (io::Error, usize)> {
        let mut bytes = Vec::with_capacity(PIPE);
        while let Ok(Token::Ready(instance)) = self.tokens.recv() {
            bytes.clear();
            let ended = self.pipes[instance].take(self.take, &mut bytes);
            if !bytes.is_empty() || ended {
                let target = &mut self.target;
                let written = self.bar.suspend(|| {
                    target.write(instance, &bytes, ended)?;
                    target.flush()
                });
                written.map_err(|error| (error, instance))?;
            }
            self.moved.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}
