//! What was measured, as a picture: how much faster more workers are, what each operation takes, and how many instances fit.

use std::io::{self, Write};

use wasm_pool::{WASMTIME_VERSION, svg};

use super::figures::{Curve, Figure, Spread};
use super::results::Results;
use super::words::{count, size, time, wrapped};

/// In pixels.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 20.0;
const TOP: f64 = 96.0;
/// The curve's ground.
const CURVE: (f64, f64) = (360.0, 240.0);
/// The names of what has a latency, and where their axis ends; values are on the right of it.
const NAMES: f64 = 170.0;
const VALUES: f64 = 60.0;
const ROW: f64 = 22.0;
/// A line of words below, in characters.
const LINE: usize = 140;

/// The rules of this picture, for light and for dark ground: what is ours is filled, what is bare is hollow.
const STYLE: (&str, &str) = (
    "
.ours{stroke:#0072b2;fill:none;stroke-width:2}.dot{fill:#0072b2}.bare{stroke:#d55e00;fill:none;stroke-width:1.5}
.hollow{stroke:#d55e00;stroke-width:1.5;fill:#fff}.best{stroke:#8a929c;fill:none;stroke-dasharray:4 4}
",
    "
.ours{stroke:#2f94d6}.dot{fill:#2f94d6}.bare{stroke:#e8864a}.hollow{stroke:#e8864a;fill:#0d1117}.best{stroke:#7d8590}
",
);

/// Draws it.
pub(super) fn draw(results: &Results, out: &mut dyn Write) -> io::Result<()> {
    let figures: Vec<_> = results
        .figures
        .iter()
        .filter_map(|figure| Some((figure, figure.wall()?)))
        .collect();
    let curve = results.curve.as_ref().filter(|curve| !curve.steps.is_empty());
    let below = match (curve, figures.len()) {
        (Some(_), rows) => CURVE.1.max(rows as f64 * ROW) + 40.0,
        (None, 0) => 0.0,
        (None, rows) => rows as f64 * ROW + 20.0,
    };
    let lines = words(results);
    let bottom = TOP + below;
    let height = bottom + 16.0 * lines.len() as f64 + 10.0;
    let title = format!(
        "wasm-pool {} on {}",
        env!("CARGO_PKG_VERSION"),
        count(results.machine.cores, "processor")
    );
    svg::begin(out, (WIDTH, height), &title, STYLE)?;
    svg::text(out, "title", MARGIN, 28.0, &title)?;
    svg::text(out, "dim", MARGIN, 46.0, &svg::short(&machine(results), LINE))?;
    key(out, 28.0, curve.is_some())?;
    let mut left = MARGIN;
    if let Some(curve) = curve {
        self::curve(out, curve, results.machine.cores, left + 30.0)?;
        left += CURVE.0 + 60.0;
    }
    latencies(out, &figures, left)?;
    for (number, line) in lines.iter().enumerate() {
        svg::text(out, "dim", MARGIN, bottom + 16.0 * number as f64, line)?;
    }
    svg::end(out)
}

fn machine(results: &Results) -> String {
    let machine = &results.machine;
    format!(
        "{}, {} of memory, {}, Wasmtime {WASMTIME_VERSION}",
        machine.processor.as_deref().unwrap_or("unknown processor"),
        size(machine.memory as f64),
        machine.kernel
    )
}

/// What stands below.
fn words(results: &Results) -> Vec<String> {
    let mut sentences = Vec::new();
    for density in &results.densities {
        if let Some((each, fits)) = density.each().zip(results.fits(density)) {
            let (what, each) = (density.what, size(each.median));
            sentences.push(format!(
                "{what} takes {each}; {} fit at once, bound by: {}",
                fits.all, fits.bound
            ));
        }
    }
    sentences.extend(results.notes().iter().map(|note| format!("note: {note}")));
    sentences.iter().flat_map(|sentence| wrapped(sentence, LINE)).collect()
}

/// The scaling curve, from this place on the left.
fn curve(out: &mut dyn Write, curve: &Curve, cores: usize, left: f64) -> io::Result<()> {
    let best = |workers: usize| workers.min(cores) as f64;
    let most = curve.steps.iter().map(|step| step.workers).max().unwrap_or(1);
    let gains = |of: fn(&Curve, usize) -> Option<Spread>| -> Vec<(usize, Spread)> {
        let steps = curve.steps.iter().enumerate();
        steps
            .filter_map(|(number, step)| Some((step.workers, of(curve, number)?)))
            .collect()
    };
    let ours = gains(|curve, number| curve.speed_up(curve.steps.get(number)?));
    let bare = gains(|curve, number| curve.bare_speed_up(curve.steps.get(number)?));
    let highest = ours.iter().chain(&bare).map(|(_, gain)| gain.max);
    let highest = highest.fold(best(most), f64::max);
    let x = |workers: f64| left + workers / most as f64 * CURVE.0;
    let y = |gain: f64| TOP + CURVE.1 - gain / highest * CURVE.1;

    svg::text(
        out,
        "",
        left - 30.0,
        TOP - 26.0,
        "times as fast as one worker, by workers",
    )?;
    for mark in marks(most as f64) {
        let at = x(mark);
        writeln!(out, "<path class=\"grid\" d=\"M{at:.1} {TOP}v{}\"/>", CURVE.1)?;
        svg::text(out, "dim mid", at, TOP + CURVE.1 + 14.0, &format!("{mark}"))?;
    }
    for mark in marks(highest) {
        let at = y(mark);
        writeln!(out, "<path class=\"grid\" d=\"M{left} {at:.1}h{}\"/>", CURVE.0)?;
        svg::text(out, "dim end", left - 5.0, at + 4.0, &format!("{mark}"))?;
    }
    let path = |points: &mut dyn Iterator<Item = (usize, f64)>| -> String {
        let points = points.map(|(workers, gain)| format!("{:.1} {:.1}", x(workers as f64), y(gain)));
        format!("M{}", points.collect::<Vec<_>>().join("L"))
    };
    let perfect = path(&mut curve.steps.iter().map(|step| (step.workers, best(step.workers))));
    writeln!(out, "<path class=\"best\" d=\"{perfect}\"/>")?;
    for (class, gains) in [("bare", &bare), ("ours", &ours)] {
        if !gains.is_empty() {
            let line = path(&mut gains.iter().map(|(workers, gain)| (*workers, gain.median)));
            writeln!(out, "<path class=\"{class}\" d=\"{line}\"/>")?;
        }
    }
    for (workers, gain) in &bare {
        dot(out, "hollow", x(*workers as f64), y(gain.median))?;
    }
    for (workers, gain) in &ours {
        let at = x(*workers as f64);
        writeln!(
            out,
            "<path class=\"ours\" d=\"M{at:.1} {:.1}V{:.1}\"/>",
            y(gain.min),
            y(gain.max)
        )?;
        dot(out, "dot", at, y(gain.median))?;
    }
    match ours.last() {
        Some((workers, gain)) => {
            let (at, shown) = (x(*workers as f64), format!("{:.2}x", gain.median));
            svg::text(out, "end", at - 6.0, (y(gain.max) - 6.0).max(TOP + 10.0), &shown)
        }
        None => Ok(()),
    }
}

/// What is ours, what is bare, and what is neither.
fn key(out: &mut dyn Write, y: f64, curve: bool) -> io::Result<()> {
    let x = WIDTH - MARGIN - 330.0;
    dot(out, "dot", x, y - 4.0)?;
    svg::text(out, "dim", x + 9.0, y, "wasm-pool, min to max")?;
    dot(out, "hollow", x + 146.0, y - 4.0)?;
    svg::text(out, "dim", x + 155.0, y, "bare Wasmtime")?;
    if curve {
        writeln!(out, "<path class=\"best\" d=\"M{:.1} {:.1}h20\"/>", x + 250.0, y - 4.0)?;
        svg::text(out, "dim", x + 276.0, y, "perfect")?;
    }
    Ok(())
}

/// What each operation takes, on an axis on which each line is ten times the last one.
fn latencies(out: &mut dyn Write, figures: &[(&Figure, Spread)], left: f64) -> io::Result<()> {
    let all = figures.iter().flat_map(|(figure, wall)| {
        let bare = figure.bare_wall().map_or(wall.median, |bare| bare.median);
        [wall.min, wall.max, bare]
    });
    let Some(all) = Spread::of(all.filter(|nanos| *nanos > 0.0)) else {
        return Ok(());
    };
    let (from, to) = (all.min.log10().floor(), all.max.log10().ceil());
    let (start, end) = (left + NAMES, WIDTH - MARGIN - VALUES);
    let span = (to - from).max(1.0);
    let x = |nanos: f64| start + (nanos.max(1e-3).log10() - from) / span * (end - start);
    let bottom = TOP + ROW * figures.len() as f64;

    svg::text(out, "", left, TOP - 26.0, "wall time of one operation")?;
    for decade in 0..=span as u32 {
        let nanos = 10f64.powf(from + f64::from(decade));
        let at = x(nanos);
        writeln!(out, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>")?;
        svg::text(out, "dim mid", at, TOP - 6.0, &time(nanos))?;
    }
    for (row, (figure, wall)) in figures.iter().enumerate() {
        let y = TOP + ROW * (row as f64 + 0.5);
        svg::text(out, "end", start - 10.0, y + 4.0, &svg::short(&figure.what, 30))?;
        if let Some(bare) = figure.bare_wall() {
            dot(out, "hollow", x(bare.median), y)?;
        }
        writeln!(
            out,
            "<path class=\"ours\" d=\"M{:.1} {y}H{:.1}\"/>",
            x(wall.min),
            x(wall.max)
        )?;
        dot(out, "dot", x(wall.median), y)?;
        svg::text(out, "dim", end + 10.0, y + 4.0, &time(wall.median))?;
    }
    Ok(())
}

fn dot(out: &mut dyn Write, class: &str, x: f64, y: f64) -> io::Result<()> {
    writeln!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>")
}

/// Round numbers from nothing to this, some eight of them at most.
fn marks(most: f64) -> Vec<f64> {
    let step = (0..)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)))
        .find(|step| most / step <= 8.0)
        .unwrap_or(most);
    (0..)
        .map(|number| f64::from(number) * step)
        .take_while(|mark| *mark <= most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::some;
    use super::*;

    fn drawn(results: &Results) -> String {
        let mut picture = Vec::new();
        draw(results, &mut picture).expect("writes");
        String::from_utf8(picture).expect("is text")
    }

    #[test]
    fn whatever_was_measured_is_drawn_and_what_was_not_is_left_out() {
        let picture = drawn(&some());
        assert!(picture.contains("A &lt;fast&gt; &amp; &quot;good&quot;"), "{picture}");
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
        for there in ["64.00x", "on one worker", "16126 fit", "times as fast"] {
            assert!(picture.contains(there), "{there}");
        }
        let mut less = some();
        (less.curve, less.densities) = (None, Vec::new());
        let picture = drawn(&less);
        assert!(picture.contains("on one worker") && !picture.contains("times as fast"));
        less = some();
        less.figures.clear();
        let picture = drawn(&less);
        assert!(picture.contains("times as fast") && !picture.contains("wall time of one operation"));
    }

    #[test]
    fn marks_are_round_and_few() {
        assert_eq!(marks(2.0), [0.0, 1.0, 2.0]);
        assert_eq!(marks(64.0), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(marks(1_024.0).len(), 6);
    }
}
