//! What was measured, for people: aligned tables, the scaling curve as bars, and what of it is uncertain. In 80 columns.

use std::io::{self, IsTerminal};

use wasm_pool::WASMTIME_VERSION;

use super::figures::{Curve, Figure, Moves, Spread};
use super::results::Results;
use super::words::{count, rate, size, time, wrapped};
use crate::args::Part;

/// Where stdout is no terminal.
const COLUMNS: usize = 80;

/// What is wider is hard to read.
const WIDEST: usize = 110;

/// Names on the left.
const NAMES: usize = 27;

/// Without its bar, a line of the curve takes so many columns.
const BESIDE_BAR: usize = 49;

/// The tables for our stdout.
pub(super) fn table(results: &Results) -> String {
    let terminal = io::stdout().is_terminal();
    let columns = console::Term::stdout().size_checked().filter(|_| terminal);
    let columns = columns.map_or(COLUMNS, |(_, columns)| usize::from(columns));
    render(results, columns, terminal && console::colors_enabled())
}

/// The tables for so many columns.
fn render(results: &Results, columns: usize, colours: bool) -> String {
    let mut text = Text {
        out: String::new(),
        columns: columns.min(WIDEST),
        colours,
    };
    text.machine(results);
    text.figures(results, Part::Start, "to start, run and end an instance");
    text.figures(results, Part::Calls, "to call a function");
    text.figures(results, Part::Queue, "to pass messages from guest to guest");
    if let Some(curve) = &results.curve {
        text.curve(curve, results.machine.cores);
    }
    text.densities(results);
    text.line("");
    for note in results.notes() {
        text.wrapped("note: ", &note);
    }
    text.out
}

struct Text {
    out: String,
    columns: usize,
    colours: bool,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.out += line.trim_end();
        self.out.push('\n');
    }

    fn heading(&mut self, name: &str, columns: &str) {
        let name = console::style(format!("{name:<NAMES$}"))
            .bold()
            .force_styling(self.colours);
        let columns = console::style(columns).dim().force_styling(self.colours);
        self.line("");
        let line = format!("{name}{columns}");
        self.line(&line);
    }

    /// Words on as many lines as they take, the later ones further in.
    fn wrapped(&mut self, first: &str, words: &str) {
        let indent = first.chars().count();
        for (number, line) in wrapped(words, self.columns.saturating_sub(indent)).iter().enumerate() {
            let before = if number == 0 { first } else { "" };
            self.line(&format!("{before:<indent$}{line}"));
        }
    }

    fn machine(&mut self, results: &Results) {
        let machine = &results.machine;
        let version = env!("CARGO_PKG_VERSION");
        let workers = count(results.workers, "worker");
        self.wrapped(
            "",
            &format!(
                "wasm-pool {version}, Wasmtime {WASMTIME_VERSION}, {workers}; {}",
                machine.kernel
            ),
        );
        let of = machine.processors.filter(|all| *all != machine.cores);
        let of = of.map_or(String::new(), |all| format!(" of {all}"));
        self.wrapped(
            "",
            &format!(
                "{}; {}{of} processors, {} of memory",
                machine.processor.as_deref().unwrap_or("unknown processor"),
                machine.cores,
                size(machine.memory as f64)
            ),
        );
    }

    fn figures(&mut self, results: &Results, part: Part, heading: &str) {
        let figures: Vec<_> = results.figures.iter().filter(|figure| figure.part == part).collect();
        if figures.is_empty() {
            return;
        }
        let bare = figures.iter().any(|figure| !figure.bare.is_empty());
        let beside = match (bare, part) {
            (true, _) => ["bare cpu", "cpu/bare"],
            (false, _) => ["", "a second"],
        };
        let [floor, ratio] = beside;
        // The heading may be longer than names are: the columns have a line of their own.
        self.heading(heading, "");
        let columns = format!(
            "{:NAMES$}{:>9}{:>16}{:>9}{floor:>9}{ratio:>9}",
            "", "wall", "min..max", "cpu"
        );
        let columns = console::style(columns).dim().force_styling(self.colours).to_string();
        self.line(&columns);
        for figure in figures {
            self.figure(figure);
        }
    }

    fn figure(&mut self, figure: &Figure) {
        let shown = |spread: Option<Spread>| spread.map_or(String::new(), |spread| time(spread.median));
        let (wall, cpu) = (figure.wall(), figure.cpu());
        let ratio = match (figure.ratio(), figure.moves, wall) {
            (Some(ratio), ..) => format!("{:.2}x", ratio.median),
            (None, Moves::Message(bytes), Some(wall)) => rate(bytes, wall.median),
            _ => String::new(),
        };
        let line = format!(
            "  {:<width$}{:>9}{:>16}{:>9}{:>9}{ratio:>9}",
            figure.what,
            shown(wall),
            wall.map_or(String::new(), |wall| format!("{}..{}", time(wall.min), time(wall.max))),
            shown(cpu),
            shown(figure.bare_cpu()),
            width = NAMES - 2,
        );
        self.line(&line);
    }

    fn curve(&mut self, curve: &Curve, cores: usize) {
        self.heading("what more workers gain: guests that compute", "");
        let room = self.columns.saturating_sub(BESIDE_BAR).max(10);
        let columns = format!(
            "{:>8} {:room$} {:>8}{:>13}{:>9}{:>9}",
            "workers", "", "speed-up", "min..max", "of best", "bare"
        );
        let columns = console::style(columns).dim().force_styling(self.colours).to_string();
        self.line(&columns);
        let best = |workers: usize| workers.min(cores) as f64;
        let most = curve.steps.iter().map(|step| step.workers).max().unwrap_or(1);
        for step in &curve.steps {
            let Some(gain) = curve.speed_up(step) else { continue };
            let bar = bar(gain.median, best(step.workers), best(most), room);
            let bare = curve.bare_speed_up(step);
            let line = format!(
                "{:>8} {bar} {:>8}{:>13}{:>9}{:>9}",
                step.workers,
                format!("{:.2}x", gain.median),
                format!("{:.2}..{:.2}", gain.min, gain.max),
                format!("{:.0}%", gain.median / best(step.workers) * 100.0),
                bare.map_or(String::new(), |bare| format!("{:.2}x", bare.median)),
            );
            self.line(&line);
        }
    }

    fn densities(&mut self, results: &Results) {
        let known: Vec<_> = results
            .densities
            .iter()
            .filter_map(|density| Some((density, density.each()?, results.fits(density)?)))
            .collect();
        if known.is_empty() {
            return;
        }
        self.heading("memory of an instance that waits, and how many fit", "");
        let columns = format!(
            "{:NAMES$}{:>9}{:>17}{:>8}{:>8}{:>10}",
            "", "each", "min..max", "tables", "fit", "by memory"
        );
        let columns = console::style(columns).dim().force_styling(self.colours).to_string();
        self.line(&columns);
        let mut bounds: Vec<&str> = Vec::new();
        for (density, each, fits) in &known {
            let tables = Spread::of(density.tables.iter().copied());
            let line = format!(
                "  {:<width$}{:>9}{:>17}{:>8}{:>8}{:>10}",
                density.what,
                size(each.median),
                format!("{}..{}", size(each.min), size(each.max)),
                tables.map_or(String::new(), |tables| size(tables.median)),
                fits.all,
                fits.by_memory,
                width = NAMES - 2,
            );
            self.line(&line);
            if !bounds.contains(&fits.bound.as_str()) {
                bounds.push(&fits.bound);
            }
        }
        for bound in bounds {
            self.wrapped("  bound by: ", bound);
        }
    }
}

/// A bar: what there is, which is always seen, and what there could be.
fn bar(value: f64, best: f64, most: f64, room: usize) -> String {
    let cells = |value: f64| ((value / most.max(1e-9) * room as f64).round() as usize).clamp(1, room);
    let (full, light) = (cells(value), cells(best));
    let light = light.saturating_sub(full);
    format!(
        "{}{}{}",
        "█".repeat(full),
        "░".repeat(light),
        " ".repeat(room - full - light)
    )
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::some;
    use super::*;

    #[test]
    fn it_is_aligned_and_fits() {
        for columns in [80, 120] {
            let text = render(&some(), columns, false);
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
            assert!(!text.contains('\x1b'), "{text}");
            assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
        }
        let text = render(&some(), 80, false);
        for line in [
            "  on one worker                5.1us       5us..10us   5.61us   4.51us    1.25x",
            "  64 KiB one way                 8us        8us..8us    8.8us           7.63GiB",
            "      64 ███████████████████████████████   64.00x 64.00..64.00     100%   64.00x",
            "  bound by: each takes 4 memory mappings and vm.max_map_count is 65530; `sysctl",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(render(&some(), 80, true).contains("\x1b[1m"));
    }

    #[test]
    fn a_bar_shows_what_is_missing() {
        assert_eq!(bar(1.5, 2.0, 4.0, 8), "███░    ");
        assert_eq!(bar(5.0, 4.0, 4.0, 8), "████████");
    }
}
