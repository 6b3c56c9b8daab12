//! The progress bar: on a terminal only, and out of the way of everything else that is printed.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The bar, or nothing where there is no terminal to show it on.
#[derive(Clone)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
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

    fn shown(quiet: bool, bar: impl FnOnce() -> ProgressBar, style: &str) -> Bar {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if quiet || dumb || !std::io::stderr().is_terminal() {
            return Bar(None);
        }
        let bar = bar();
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(Some(bar))
    }

    /// So many bytes of the input are done, which were so many items.
    pub(crate) fn items(&self, bytes: u64, items: u64, failed: u64, a_second: f64) {
        if let Some(bar) = &self.0 {
            bar.set_position(bytes);
            let failed = if failed > 0 {
                format!(", {failed} failed")
            } else {
                String::new()
            };
            bar.set_message(format!(" {items} items, {a_second:.0}/s{failed}"));
        }
    }

    /// One more guest has ended.
    pub(crate) fn ended(&self, running: usize, failed: usize) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
            self.say(running, failed);
        }
    }

    /// Says how many run and how many have failed.
    pub(crate) fn say(&self, running: usize, failed: usize) {
        if let Some(bar) = &self.0 {
            let failed = if failed > 0 {
                format!(", {failed} failed")
            } else {
                String::new()
            };
            bar.set_message(format!(", {running} running{failed}"));
        }
    }

    /// Prints something with the bar out of its way.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
