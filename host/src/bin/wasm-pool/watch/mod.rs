//! `--watch`: what the pool does at the moment, on the terminal, seven times a second.
//!
//! The view only looks. It holds up no guest, and whatever it does the run goes on; what would be printed over it is kept
//! until it ends ([`pane`]), and the terminal is given back in any case ([`terminal`]).

mod pane;
mod screen;
mod terminal;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;
use signal_hook::consts::{SIGQUIT, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use wasm_pool::{InterpreterId, Pool};

use self::pane::{Kept, Stream};
use self::screen::{Counts, Screen};
use self::terminal::Terminal;
use crate::names::Names;
use crate::report;

/// The least time between two pictures.
const PACE: Duration = Duration::from_millis(140);

/// The view, shared by its thread and by whoever has something to print.
#[derive(Clone)]
pub(crate) struct View(Arc<Inner>);

struct Inner {
    /// Whoever draws or prints has this; the terminal may hold it up, and nothing else.
    shown: Mutex<Shown>,
    known: Mutex<Known>,
}

struct Shown {
    terminal: Terminal,
    kept: Kept,
    /// It was left for good.
    over: bool,
}

/// What the run knows of its interpreters.
struct Known {
    names: Names,
    places: HashMap<InterpreterId, usize>,
    counts: Counts,
}

impl View {
    /// A view that shows nothing yet, or why there can be none. Before the wall is up.
    pub(crate) fn open() -> anyhow::Result<View> {
        let terminal = Terminal::open().ok_or_else(|| {
            crate::run::usage(
                "--watch: stderr is no terminal; --timeline FILE.svg shows afterwards who did what".to_owned(),
            )
        })?;
        let shown = Shown {
            terminal,
            kept: Kept::default(),
            over: false,
        };
        let known = Known {
            names: Names::none(),
            places: HashMap::new(),
            counts: Counts::default(),
        };
        Ok(View(Arc::new(Inner {
            shown: Mutex::new(shown),
            known: Mutex::new(known),
        })))
    }

    /// Takes the terminal and shows the pool, until `q` is pressed or it is [closed](View::close).
    pub(crate) fn show(&self, pool: &Pool, names: &Names) -> anyhow::Result<()> {
        self.0.known.lock().names = names.clone();
        let (view, pool) = (self.clone(), pool.clone());
        let keyboard = self.0.shown.lock().terminal.keyboard();
        self.give_way_to_signals()?;
        self.give_way_to_panics();
        self.0.shown.lock().terminal.enter();
        std::thread::Builder::new()
            .name("wasm-pool-view".to_owned())
            .spawn(move || {
                let _closes = Closes(&view);
                view.keep_drawing(&pool, keyboard);
            })
            .context("--watch: the thread for the view cannot be started")?;
        Ok(())
    }

    /// Gives the terminal back for good, and prints what was kept.
    pub(crate) fn close(&self) {
        let mut shown = self.0.shown.lock();
        if std::mem::replace(&mut shown.over, true) {
            return;
        }
        shown.terminal.leave();
        let lost = shown.kept.print();
        if lost > 0 {
            report::note(format!(
                "the first {lost} bytes of output are not shown: keep them with --output or a redirection"
            ));
        }
    }

    /// Prints something where it stays: on the terminal's own screen.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        let mut shown = self.0.shown.lock();
        let up = shown.terminal.is_up();
        shown.terminal.leave();
        let printed = print();
        if up {
            shown.terminal.enter();
        }
        printed
    }

    /// This interpreter is the one at this place of the run.
    pub(crate) fn started(&self, id: InterpreterId, place: usize) {
        let mut known = self.0.known.lock();
        known.places.insert(id, place);
    }

    /// How many run and have failed; `ended` more have ended for good.
    pub(crate) fn counts(&self, running: usize, failed: usize, ended: usize) {
        let counts = &mut self.0.known.lock().counts;
        *counts = Counts {
            running,
            failed,
            ended: counts.ended + ended,
            ..*counts
        };
    }

    /// The run was told to stop: guests have some time to end.
    pub(crate) fn stopping(&self) {
        self.0.known.lock().counts.stopping = true;
    }

    /// Our stdout; kept while the view is on the same terminal.
    pub(crate) fn stdout(&self) -> Box<dyn Write + Send> {
        match io::stdout().is_terminal() {
            true => Box::new(Printer(self.clone(), Stream::Out)),
            false => Box::new(io::stdout()),
        }
    }

    /// Our stderr, on which the view is.
    pub(crate) fn stderr(&self) -> Box<dyn Write + Send> {
        Box::new(Printer(self.clone(), Stream::Err))
    }

    fn keep_drawing(&self, pool: &Pool, mut keyboard: Option<File>) {
        let mut screen = Screen::new();
        let mut drawn: Option<Instant> = None;
        while !self.0.shown.lock().over {
            if drawn.is_none_or(|drawn| drawn.elapsed() >= PACE) {
                drawn = Some(Instant::now());
                self.draw(pool, &mut screen);
            }
            match terminal::key(keyboard.as_mut()) {
                Some(b'q' | b'Q') => return self.close(),
                Some(key) => {
                    screen.press(key);
                    drawn = None;
                }
                None => {}
            }
        }
    }

    fn draw(&self, pool: &Pool, screen: &mut Screen) {
        let Some(status) = pool.status() else { return };
        let (rows, columns) = console::Term::stderr().size();
        let counts = {
            let known = self.0.known.lock();
            let name = |id| known.places.get(&id).map(|place| known.names.label(*place).to_string());
            screen.take_in(&status, name);
            known.counts
        };
        let shown = self.0.shown.lock();
        let output = shown.kept.last_lines(screen::OUTPUT);
        let lines = screen.lines(&status, counts, &output, (rows.into(), columns.into()));
        shown.terminal.draw(&lines);
    }

    /// A process that is stopped or quits leaves the terminal first.
    fn give_way_to_signals(&self) -> anyhow::Result<()> {
        let mut signals = Signals::new([SIGTSTP, SIGQUIT]).context("signals cannot be listened to")?;
        let view = self.clone();
        std::thread::Builder::new()
            .name("wasm-pool-view-signal".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    view.aside(|| {
                        // It has one, and this process may signal itself.
                        let _ = emulate_default_handler(signal);
                    });
                }
            })
            .context("--watch: the thread for signals cannot be started")?;
        Ok(())
    }

    /// What a panic says is printed where it stays.
    fn give_way_to_panics(&self) {
        let (view, before) = (self.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| match view.0.shown.try_lock() {
            Some(mut shown) => {
                shown.terminal.leave();
                before(panic);
            }
            // Whoever draws panics: the terminal is given back when it unwinds.
            None => before(panic),
        }));
    }
}

/// Closes the view when its thread ends, however.
struct Closes<'a>(&'a View);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Prints to a stream, or keeps what it is given while the view is up.
struct Printer(View, Stream);

impl Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Printer(view, stream) = self;
        let mut shown = view.0.shown.lock();
        if shown.terminal.is_up() {
            shown.kept.add(*stream, bytes);
            return Ok(bytes.len());
        }
        match stream {
            Stream::Out => io::stdout().write(bytes),
            Stream::Err => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.1 {
            Stream::Out => io::stdout().flush(),
            Stream::Err => io::stderr().flush(),
        }
    }
}
