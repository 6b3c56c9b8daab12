//! The picture of a sweep: area over radius, measured and as it should be.

use std::ops::Range;

use crate::bindings::exports::demo::sweep::disc::Measurement;

/// The picture, in pixels, and where the axes lie in it.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const ACROSS: Range<f64> = 64.0..700.0;
const DOWN: Range<f64> = 48.0..384.0;

/// Lines that make up the curve: a bend is then shorter than a pixel.
const PIECES: u32 = 200;

/// How many standard errors a bar reaches: two hold the truth in 95 of 100 cases.
const BAR: f64 = 2.0;

/// What is shown of the plane: both axes begin at 0.
struct View {
    radius: f64,
    area: f64,
}

/// Draws all that can be drawn: no infinities, nothing negative.
pub(crate) fn svg(rows: &[Measurement]) -> String {
    let drawable = |row: &&Measurement| {
        let numbers = [row.radius, row.area, row.error];
        numbers.iter().all(|number| number.is_finite() && *number >= 0.0)
    };
    let rows: Vec<&Measurement> = rows.iter().filter(drawable).collect();
    let view = View::of(&rows);
    let curve = view.curve();
    let points: String = rows.iter().map(|row| view.point(row)).collect();
    let (samples, axes) = (samples(&rows), view.axes());
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{left}" y="28" font-size="15">Area of a disc inside the square [−1, 1]²</text>
{axes}<path d="{curve}" fill="none" stroke="#d9822b" stroke-width="1.5"/>
<g fill="#1f5fa8" stroke="#1f5fa8">
{points}</g>
<path d="M 84 66 h 24" stroke="#d9822b" stroke-width="1.5"/><text x="116" y="70">closed form</text>
<circle cx="96" cy="86" r="2.5" fill="#1f5fa8"/><path d="M 96 78 v 16" stroke="#1f5fa8"/><text x="116" y="90">measured{samples}, ± {BAR} standard errors</text>
</svg>
"##,
        left = ACROSS.start,
    )
}

/// How many points a measurement has, where all have the same.
fn samples(rows: &[&Measurement]) -> String {
    match rows {
        [first, rest @ ..] if rest.iter().all(|row| row.samples == first.samples) => {
            format!(" with {} points each", first.samples)
        }
        _ => String::new(),
    }
}

impl View {
    /// All rows, with some room above them.
    fn of(rows: &[&Measurement]) -> Self {
        let largest = |of: fn(&Measurement) -> f64| rows.iter().map(|row| of(row)).fold(0.0, f64::max);
        let radius = match largest(|row| row.radius) {
            0.0 => 1.0,
            radius => radius,
        };
        let area = largest(|row| row.area + BAR * row.error).max(crate::area(radius));
        Self {
            radius,
            area: area * 1.05,
        }
    }

    fn x(&self, radius: f64) -> f64 {
        ACROSS.start + radius / self.radius * (ACROSS.end - ACROSS.start)
    }

    fn y(&self, area: f64) -> f64 {
        DOWN.end - area / self.area * (DOWN.end - DOWN.start)
    }

    fn curve(&self) -> String {
        let at = |piece: u32| {
            let radius = self.radius * f64::from(piece) / f64::from(PIECES);
            format!(
                "{} {:.1} {:.1}",
                if piece == 0 { 'M' } else { 'L' },
                self.x(radius),
                self.y(crate::area(radius))
            )
        };
        (0..=PIECES).map(at).collect::<Vec<_>>().join(" ")
    }

    /// A dot and its bar.
    fn point(&self, row: &Measurement) -> String {
        let (x, y) = (self.x(row.radius), self.y(row.area));
        let (low, high) = (self.y(row.area - BAR * row.error), self.y(row.area + BAR * row.error));
        format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/><path d=\"M {x:.1} {low:.1} V {high:.1}\"/>\n")
    }

    /// Lines, ticks with their numbers, and what the axes mean.
    fn axes(&self) -> String {
        let (left, right, top, bottom) = (ACROSS.start, ACROSS.end, DOWN.start, DOWN.end);
        let mut lines = format!("M {left} {top} V {bottom} H {right}");
        let mut labels = String::new();
        for (number, text) in ticks(self.radius) {
            let x = self.x(number);
            lines += &format!(" M {x:.1} {bottom} v 5");
            labels += &format!(
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>\n",
                bottom + 20.0
            );
        }
        for (number, text) in ticks(self.area) {
            let y = self.y(number);
            lines += &format!(" M {left} {y:.1} h -5");
            labels += &format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>\n",
                left - 9.0,
                y + 4.0
            );
        }
        let middle = (left + right) / 2.0;
        let half = (top + bottom) / 2.0;
        labels += &format!(
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">radius</text>\n",
            bottom + 42.0
        );
        labels += &format!("<text transform=\"translate(22 {half}) rotate(-90)\" text-anchor=\"middle\">area</text>\n");
        format!("<path d=\"{lines}\" fill=\"none\" stroke=\"#333\"/>\n{labels}")
    }
}

/// Round numbers from 0 to the end, four to ten of them, and how they are written.
fn ticks(end: f64) -> Vec<(f64, String)> {
    let decade = 10f64.powf((end / 4.0).log10().floor());
    let step = [5.0, 2.0]
        .map(|factor| factor * decade)
        .into_iter()
        .find(|step| *step <= end / 4.0)
        .unwrap_or(decade);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    (0..=(end / step) as u32)
        .map(|count| f64::from(count) * step)
        .map(|number| (number, format!("{number:.digits$}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(radius: f64, area: f64) -> Measurement {
        Measurement {
            radius,
            area,
            error: 0.05,
            samples: 100,
        }
    }

    #[test]
    fn draws_every_row_that_can_be_drawn() {
        let rows = [
            row(0.5, 0.78),
            row(1.0, 3.1),
            row(f64::NAN, 1.0),
            row(2.0, f64::INFINITY),
            row(-1.0, 3.0),
        ];
        let picture = svg(&rows);
        // The legend has a dot too.
        assert_eq!(picture.matches("<circle").count(), 3);
        assert!(picture.contains("with 100 points each"));
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
    }

    #[test]
    fn draws_axes_where_there_is_nothing() {
        assert!(svg(&[]).contains(">radius</text>"));
    }

    #[test]
    fn ticks_are_round_and_not_many() {
        let texts = |end| {
            ticks(end)
                .into_iter()
                .map(|(_, text)| text)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(texts(1.0), "0.0 0.2 0.4 0.6 0.8 1.0");
        assert_eq!(texts(3.3), "0.0 0.5 1.0 1.5 2.0 2.5 3.0");
        assert_eq!(texts(40.0), "0 10 20 30 40");
        for end in [1e-9, 0.37, 7.0, 99.0, 1e12] {
            assert!((4..=11).contains(&ticks(end).len()), "{end}");
        }
    }
}
