//! One lane: steps for what ran and what was ready, a thin band for what waited.

use std::io::{self, Write};

use super::columns::{Column, KINDS};
use super::{COLUMN, LEFT};
use crate::svg::text;

/// A lane's place.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub top: f64,
    pub height: f64,
}

/// How high the band is.
const BAND: f64 = 4.0;

/// The lane of some interpreters, which are `of`.
pub(super) fn lives(
    out: &mut dyn Write,
    place: Place,
    columns: &[Column],
    of: f64,
    label: impl Fn(usize) -> Option<String>,
) -> io::Result<()> {
    bands(out, place, columns, of, label)?;
    let heights = |part: fn(&Column) -> f64| columns.iter().map(move |column| part(column) / of);
    steps(
        out,
        "ready",
        place,
        heights(|column| visible_sum(column.ran, column.ready)),
    )?;
    steps(out, "ran", place, heights(|column| column.ran))
}

/// Nothing above what ran when nobody was ready.
fn visible_sum(ran: f64, ready: f64) -> f64 {
    if ready > 0.0 { ran + ready } else { 0.0 }
}

/// The lane of a worker: two shades by turns, so that one interpreter is told from the next.
pub(super) fn worker(
    out: &mut dyn Write,
    place: Place,
    columns: &[(f64, Option<usize>)],
    name: impl Fn(usize) -> String,
) -> io::Result<()> {
    let shades = shades(columns);
    for (number, class) in ["ran", "ran1"].into_iter().enumerate() {
        let heights = columns.iter().zip(&shades);
        let heights = heights.map(|((busy, _), shade)| if *shade == number { *busy } else { 0.0 });
        steps(out, class, place, heights)?;
    }
    for (at, run) in runs(columns.iter().map(|(busy, who)| who.filter(|_| *busy > 0.6))) {
        if let Some(who) = run.what {
            let name = name(who);
            if run.width > name.chars().count() as f64 * 5.2 + 6.0 {
                text(
                    out,
                    "on small mid",
                    at + run.width / 2.0,
                    place.top + place.height - 6.0,
                    &name,
                )?;
            }
        }
    }
    Ok(())
}

/// A shade for each column: another one whenever another interpreter begins.
fn shades(columns: &[(f64, Option<usize>)]) -> Vec<usize> {
    let (mut shade, mut last) = (0, None);
    let next = |(_, who): &(f64, Option<usize>)| {
        if who.is_some() && *who != last {
            shade = 1 - shade;
            last = *who;
        }
        shade
    };
    columns.iter().map(next).collect()
}

/// How deep a queue was.
pub(super) fn depth(out: &mut dyn Write, place: Place, shares: impl Iterator<Item = f64>) -> io::Result<()> {
    steps(out, "depth", place, shares)
}

/// The waits, each in its colour, with what for where there is room to say it.
fn bands(
    out: &mut dyn Write,
    place: Place,
    columns: &[Column],
    of: f64,
    label: impl Fn(usize) -> Option<String>,
) -> io::Result<()> {
    let y = place.top + (place.height - BAND) / 2.0;
    let mut column = 0;
    for (at, run) in runs(columns.iter().map(|column| column.wait(of))) {
        if let Some(kind) = run.what {
            let class = KINDS[kind].0;
            writeln!(
                out,
                "<rect class=\"{class}\" x=\"{at:.0}\" y=\"{y:.1}\" width=\"{:.0}\" height=\"{BAND}\"/>",
                run.width
            )?;
            let middle = column + run.columns / 2;
            // Above the band is room only where nobody runs.
            let free = columns[column..column + run.columns]
                .iter()
                .all(|column| column.ran + column.ready < 0.25 * of);
            if let Some(label) =
                label(middle).filter(|label| free && run.width > 8.0 + 4.9 * label.chars().count() as f64)
            {
                text(out, "dim small mid", at + run.width / 2.0, y - 2.0, &label)?;
            }
        }
        column += run.columns;
    }
    Ok(())
}

/// Columns beside each other that are the same.
struct Run<T> {
    what: T,
    width: f64,
    columns: usize,
}

fn runs<T: PartialEq>(columns: impl Iterator<Item = T>) -> impl Iterator<Item = (f64, Run<T>)> {
    let mut runs: Vec<(f64, Run<T>)> = Vec::new();
    for (number, what) in columns.enumerate() {
        match runs.last_mut() {
            Some((_, run)) if run.what == what => {
                run.width += COLUMN;
                run.columns += 1;
            }
            _ => {
                let run = Run {
                    what,
                    width: COLUMN,
                    columns: 1,
                };
                runs.push((LEFT + number as f64 * COLUMN, run));
            }
        }
    }
    runs.into_iter()
}

/// An area of steps that stands on the lane's ground; what is there at all is seen.
fn steps(out: &mut dyn Write, class: &str, place: Place, shares: impl Iterator<Item = f64>) -> io::Result<()> {
    let bottom = place.top + place.height;
    // In halves of a pixel: what is finer is not seen, and takes room.
    let heights = shares.map(|share| match (share * place.height).min(place.height) {
        nothing if nothing <= 0.0 => 0,
        height => ((height * 2.0).round() as u32).max(2),
    });
    let runs: Vec<_> = runs(heights).collect();
    if runs.iter().all(|(_, run)| run.what == 0) {
        return Ok(());
    }
    write!(out, "<path class=\"{class}\" d=\"M{LEFT} {bottom}")?;
    for (_, run) in &runs {
        write!(out, "V{}h{}", bottom - f64::from(run.what) / 2.0, run.width)?;
    }
    writeln!(out, "V{bottom}z\"/>")
}
