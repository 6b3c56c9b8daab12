//! The progress bar: on a terminal only, and out of the way of everything else that is printed. In its place there may be a view of
//! all that goes on (`--watch`).

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use wasm_pool::{InterpreterId, Pool};

use crate::names::Names;
use crate::watch::View;

/// The bar, or the view, or nothing where there is no terminal to show it on.
#[derive(Clone)]
pub(crate) struct Bar(Shown);

#[derive(Clone)]
enum Shown {
    Nothing,
    Bar(ProgressBar),
    View(View),
}

impl Bar {
    /// The view in place of a bar.
    pub(crate) fn of_view(view: View) -> Bar {
        Bar(Shown::View(view))
    }

    /// Nothing: for what is printed past it.
    fn nothing() -> Bar {
        Bar(Shown::Nothing)
    }

    fn bar(&self) -> Option<&ProgressBar> {
        match &self.0 {
            Shown::Bar(bar) => Some(bar),
            Shown::Nothing | Shown::View(_) => None,
        }
    }

    fn view(&self) -> Option<&View> {
        match &self.0 {
            Shown::View(view) => Some(view),
            Shown::Nothing | Shown::Bar(_) => None,
        }
    }

    /// A bar for `instances` guests; hidden when `quiet`, when stderr is no terminal, or when the terminal is dumb.
    pub(crate) fn new(instances: usize, quiet: bool) -> Bar {
        Bar::shown(
            quiet,
            || ProgressBar::new(instances as u64),
            "{elapsed:>4} {wide_bar} {pos}/{len} done{msg}",
        )
    }

    /// A bar for items that are read from an input of so many bytes, if that is known.
    pub(crate) fn of_items(bytes: Option<u64>, quiet: bool) -> Bar {
        match bytes {
            Some(bytes) => Bar::shown(
                quiet,
                || ProgressBar::new(bytes),
                "{elapsed:>4} {wide_bar} {percent:>3}%{msg}, {eta} left",
            ),
            None => Bar::shown(quiet, ProgressBar::new_spinner, "{elapsed:>4} {spinner}{msg}"),
        }
    }

    /// A bar for so much time, in milliseconds.
    pub(crate) fn of_time(millis: u64, quiet: bool) -> Bar {
        Bar::shown(
            quiet,
            || ProgressBar::new(millis),
            "{elapsed:>4} {wide_bar} {percent:>3}% {msg:32}",
        )
    }

    fn shown(quiet: bool, bar: impl FnOnce() -> ProgressBar, style: &str) -> Bar {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if quiet || dumb || !std::io::stderr().is_terminal() {
            return Bar::nothing();
        }
        let bar = bar();
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(Shown::Bar(bar))
    }

    /// The view, if it is that, begins.
    pub(crate) fn show(&self, pool: &Pool, names: &Names) -> anyhow::Result<()> {
        self.view().map_or(Ok(()), |view| view.show(pool, names))
    }

    /// Our stdout for guests, and whom to ask before it is written to.
    pub(crate) fn stdout(&self) -> (Box<dyn Write + Send>, Bar) {
        match self.view() {
            Some(view) => (view.stdout(), Bar::nothing()),
            None => (Box::new(io::stdout()), self.clone()),
        }
    }

    /// Our stderr for guests, and whom to ask before it is written to.
    pub(crate) fn stderr(&self) -> (Box<dyn Write + Send>, Bar) {
        match self.view() {
            Some(view) => (view.stderr(), Bar::nothing()),
            None => (Box::new(io::stderr()), self.clone()),
        }
    }

    /// The run was told to stop.
    pub(crate) fn stopping(&self) {
        if let Some(view) = self.view() {
            view.stopping();
        }
    }

    /// An interpreter runs at this place of the run.
    pub(crate) fn started(&self, id: InterpreterId, place: usize) {
        if let Some(view) = self.view() {
            view.started(id, place);
        }
    }

    /// So many bytes of the input are done, which were so many items.
    pub(crate) fn items(&self, bytes: u64, items: u64, failed: u64, a_second: f64) {
        if let Some(bar) = self.bar() {
            bar.set_position(bytes);
            let failed = if failed > 0 {
                format!(", {failed} failed")
            } else {
                String::new()
            };
            bar.set_message(format!(" {items} items, {a_second:.0}/s{failed}"));
        }
    }

    /// So much of the time has passed, and what is done now.
    pub(crate) fn passed(&self, millis: u64, now: &str) {
        if let Some(bar) = self.bar() {
            bar.inc(millis);
            bar.set_message(now.to_owned());
        }
    }

    /// One more guest has ended.
    pub(crate) fn ended(&self, running: usize, failed: usize) {
        match &self.0 {
            Shown::Nothing => {}
            Shown::View(view) => view.counts(running, failed, 1),
            Shown::Bar(bar) => {
                bar.inc(1);
                self.say(running, failed);
            }
        }
    }

    /// Says how many run and how many have failed.
    pub(crate) fn say(&self, running: usize, failed: usize) {
        let failures = if failed > 0 {
            format!(", {failed} failed")
        } else {
            String::new()
        };
        match &self.0 {
            Shown::Nothing => {}
            Shown::View(view) => view.counts(running, failed, 0),
            Shown::Bar(bar) => bar.set_message(format!(", {running} running{failures}")),
        }
    }

    /// Prints something with the bar out of its way.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.0 {
            Shown::Nothing => print(),
            Shown::Bar(bar) => bar.suspend(print),
            Shown::View(view) => view.aside(print),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        match &self.0 {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::View(view) => view.close(),
        }
    }
}
