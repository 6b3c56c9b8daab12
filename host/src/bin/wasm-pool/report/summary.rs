//! The summary: one aligned line a guest, and the total.

use std::io::{self, IsTerminal, Write};

use wasm_pool::{Ending, units};

use super::{Run, detail};
use crate::names::Names;

/// Guests that are listed one by one; of more, those that succeeded share a line.
const LISTED: usize = 40;

/// Failures that are listed one by one, of however many guests.
const FAILURES_LISTED: usize = 100;

/// Prints the summary to stderr.
pub(crate) fn summary(run: &Run<'_>) {
    let terminal = io::stderr().is_terminal();
    let columns = console::Term::stderr()
        .size_checked()
        .filter(|_| terminal)
        .map(|(_, columns)| usize::from(columns));
    let text = render(run, columns, terminal && console::colors_enabled_stderr());
    // A closed stderr is no reason to fail.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The summary for a terminal of so many columns, or for none.
fn render(run: &Run<'_>, columns: Option<usize>, colours: bool) -> String {
    let all = run.endings.len() <= LISTED;
    let failed = |(_, ending): &(usize, &Ending)| !ending.outcome.is_success();
    let listed: Vec<_> = match all {
        true => run.ended().collect(),
        false => run.ended().filter(failed).take(FAILURES_LISTED).collect(),
    };
    let rows: Vec<_> = listed
        .iter()
        .map(|(instance, ending)| Row::new(run.names, *instance, ending))
        .collect();
    let widest = |text: fn(&Row) -> &String| rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0);
    let (names, labels) = (widest(|row| &row.name), widest(|row| &row.label));
    let mut text: String = rows
        .iter()
        .map(|row| row.render(names, labels, columns, colours))
        .collect();

    let ended = run.ended().count();
    let bad = run.ended().filter(failed).count();
    if !all && bad > FAILURES_LISTED {
        text += &format!("and {} more that failed\n", bad - FAILURES_LISTED);
    }
    if !all && ended > bad {
        text += &format!("{} more: all well\n", ended - bad);
    }
    text += &total(run, ended - bad, bad);
    text
}

fn total(run: &Run<'_>, ok: usize, failed: usize) -> String {
    let count = |number: usize, thing: &str| match number {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    };
    let missing = match run.endings.len() - ok - failed {
        0 => String::new(),
        missing => format!(", {missing} never started"),
    };
    // Guests that mostly wait gain nothing that this could measure.
    let gain = match run.speed_up() {
        gain if gain >= 0.995 => format!(", {gain:.2}x in parallel"),
        _ => String::new(),
    };
    format!(
        "{}: {ok} ok, {failed} failed{missing} in {}; cpu {}{} on {}\n",
        count(run.endings.len(), "instance"),
        units::show_duration(run.wall),
        units::show_duration(run.cpu()),
        gain,
        count(run.workers, "worker"),
    )
}

/// One guest's line.
struct Row {
    name: String,
    label: String,
    ok: bool,
    wall: String,
    cpu: String,
    memory: String,
    detail: Option<String>,
}

impl Row {
    fn new(names: &Names, instance: usize, ending: &Ending) -> Row {
        Row {
            name: names.label(instance).to_string(),
            label: ending.outcome.label(),
            ok: ending.outcome.is_success(),
            wall: units::show_duration(ending.wall),
            cpu: units::show_duration(ending.cpu),
            memory: units::show_size(ending.peak_memory),
            detail: detail(ending),
        }
    }

    /// Figures that do not fit are left out; a detail that does not fit gets a line of its own.
    fn render(&self, names: usize, labels: usize, columns: Option<usize>, colours: bool) -> String {
        let fits = |width: usize| columns.is_none_or(|columns| width <= columns);
        let label = console::style(format!("{:<labels$}", self.label)).force_styling(colours);
        let label = if self.ok { label.green() } else { label.red() };
        let mut line = format!("{:<names$}  {label}", self.name);
        let mut width = names + 2 + labels;
        for (what, value) in [("wall", &self.wall), ("cpu", &self.cpu), ("memory", &self.memory)] {
            let figure = format!("  {what} {value:>8}");
            if !fits(width + figure.len()) {
                break;
            }
            width += figure.len();
            line += &figure;
        }
        match &self.detail {
            Some(detail) if fits(width + 2 + detail.chars().count()) => line += &format!("  {detail}"),
            Some(detail) => line += &format!("\n    {detail}"),
            None => {}
        }
        line + "\n"
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wasm_pool::{ByteSize, Kind, Limits, Outcome};

    use super::*;

    fn rendered(columns: Option<usize>) -> String {
        let ending = |outcome| Ending {
            outcome,
            wall: Duration::from_millis(1_500),
            cpu: Duration::from_secs(1),
            peak_memory: ByteSize::mib(1),
            output: ByteSize::b(0),
            refused: None,
        };
        let endings = [
            Some(ending(Outcome::Exited(0))),
            Some(ending(Outcome::Deadline(Duration::from_secs(1)))),
            None,
        ];
        let run = Run {
            names: &Names::copies("g", 3),
            programs: &[("g".to_owned(), Kind::Module)],
            workers: 1,
            limits: &Limits::default(),
            wall: Duration::from_secs(2),
            endings: &endings,
            exit_code: 124,
        };
        render(&run, columns, false)
    }

    #[test]
    fn guests_are_aligned_and_the_total_counts_them() {
        assert_eq!(
            rendered(None),
            "g#0  exited(0)  wall     1.5s  cpu       1s  memory     1MiB\n\
             g#1  deadline   wall     1.5s  cpu       1s  memory     1MiB  not done after 1s (--deadline raises it)\n\
             3 instances: 1 ok, 1 failed, 1 never started in 2s; cpu 2s, 1.00x in parallel on 1 worker\n"
        );
    }

    #[test]
    fn a_narrow_terminal_gets_what_fits() {
        let lines = rendered(Some(40));
        assert!(lines.starts_with("g#0  exited(0)  wall     1.5s\n"), "{lines}");
        assert!(lines.contains("wall     1.5s\n    not done after 1s"), "{lines}");
    }
}
