//! The record as a picture: an axis of time, a lane for each worker, below them one for each interpreter, below them the queues.
//!
//! Of many interpreters or workers each lane is several, so that the picture stays one page; and time is cut into columns of two
//! pixels, so that it takes the same room whatever it shows: some hundred kilobytes, a megabyte at most. What guests named
//! is escaped.

mod axis;
mod columns;
mod lane;
mod style;
mod words;

use std::io::{self, Write};
use std::time::Duration;

use self::columns::{KINDS, Window};
use self::lane::Place;
use self::words::{figures, of_group, percent, shares, story, sums, together};
use super::story::{Depth, Does, Life, Timeline};
use crate::svg::{self, escaped, short, text};
use crate::units::show_rounded;

/// In pixels: the picture, the names on the left, a column of time; the figures are on the right.
const WIDTH: f64 = 1200.0;
const LEFT: f64 = 160.0;
const COLUMN: f64 = 2.0;
const COLUMNS: usize = 420;

/// The most lanes of workers, of interpreters, of queues.
const WORKERS: usize = 32;
const LIVES: usize = 48;
const QUEUES: usize = 12;

/// From one lane to the next, and how much of it is the lane's.
const ROW: f64 = 20.0;
const LANE: f64 = 16.0;
const HEAD: f64 = 92.0;

impl Timeline {
    /// Draws it as an SVG, for a browser or a document, on light ground or, where that is preferred, on dark.
    ///
    /// # Errors
    /// What writing to `out` gives.
    pub fn write_svg(&self, out: &mut dyn Write) -> io::Result<()> {
        let picture = Picture::of(self);
        picture.draw(out)
    }
}

/// A picture to be drawn.
struct Picture<'a> {
    timeline: &'a Timeline,
    window: Window,
    /// How many interpreters, and workers, share a lane.
    lives: usize,
    workers: usize,
}

impl<'a> Picture<'a> {
    fn of(timeline: &'a Timeline) -> Picture<'a> {
        let made = timeline.lives.iter().map(|life| nanos(life.made));
        let ends = timeline.lives.iter().map(|life| match &life.ended {
            Some((at, _)) => nanos(*at),
            None => timeline.until,
        });
        let (from, to) = (made.min().unwrap_or(0), ends.max().unwrap_or(timeline.until));
        Picture {
            window: Window {
                from,
                to: to.max(from + 1),
                columns: COLUMNS,
            },
            lives: timeline.lives.len().div_ceil(LIVES).max(1),
            workers: timeline.workers.len().div_ceil(WORKERS).max(1),
            timeline,
        }
    }

    fn draw(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows = |all: usize, together: usize| all.div_ceil(together) as f64 * ROW;
        let (workers, lives) = (&self.timeline.workers, &self.timeline.lives);
        let depths = &self.timeline.depths[..self.timeline.depths.len().min(QUEUES)];
        let of_workers = HEAD;
        let of_lives = of_workers + rows(workers.len(), self.workers) + 8.0;
        let of_queues = of_lives + rows(lives.len(), self.lives) + 8.0;
        let bottom = of_queues + rows(depths.len(), 1);
        let notes = self.notes();
        let height = bottom + 14.0 + 15.0 * notes.len() as f64;
        svg::begin(out, (WIDTH, height), &self.title(), style::SHEET)?;
        self.head(out, bottom)?;
        self.workers(out, of_workers)?;
        self.lives(out, of_lives)?;
        for (number, depth) in depths.iter().enumerate() {
            self.queue(out, of_queues + number as f64 * ROW, depth)?;
        }
        for (number, note) in notes.iter().enumerate() {
            text(out, "dim", 16.0, bottom + 18.0 + 15.0 * number as f64, note)?;
        }
        svg::end(out)
    }

    fn title(&self) -> String {
        let count = |number: usize, thing: &str| match number {
            1 => format!("1 {thing}"),
            number => format!("{number} {thing}s"),
        };
        format!(
            "{} on {}, {}",
            count(self.timeline.lives.len(), "interpreter"),
            count(self.timeline.workers.len(), "worker"),
            show_rounded(Duration::from_nanos(self.window.to - self.window.from))
        )
    }

    fn head(&self, out: &mut dyn Write, bottom: f64) -> io::Result<()> {
        text(out, "title", 16.0, 26.0, &self.title())?;
        let sums = sums(&self.timeline.lives);
        let [ran, ready, waited] = shares(sums);
        let busy: u64 = self
            .timeline
            .workers
            .iter()
            .flat_map(|worker| &worker.shifts)
            .map(|shift| shift.ran)
            .sum();
        let span = (self.window.to - self.window.from) * self.timeline.workers.len().max(1) as u64;
        let line = format!(
            "the workers run {} of the time; the interpreters run {ran} of theirs, wait for a worker {ready}, for something else {waited}",
            percent(busy as f64, span as f64)
        );
        text(out, "dim", 16.0, 44.0, &line)?;
        style::legend(out, 16.0, 64.0, self.kinds())?;
        for (at, name) in axis::marks(self.window.to - self.window.from) {
            let x = LEFT + at as f64 / (self.window.to - self.window.from) as f64 * COLUMNS as f64 * COLUMN;
            writeln!(out, "<path class=\"grid\" d=\"M{x:.1} {}V{bottom}\"/>", HEAD - 5.0)?;
            text(out, "dim mid", x, HEAD - 9.0, &name)?;
        }
        Ok(())
    }

    /// What kinds of waits there are.
    fn kinds(&self) -> [bool; KINDS.len()] {
        let mut there = [false; KINDS.len()];
        for column in self.window.of_lives(&self.timeline.lives) {
            for (there, wait) in there.iter_mut().zip(column.waits) {
                *there |= wait > 0.0;
            }
        }
        there
    }

    fn workers(&self, out: &mut dyn Write, top: f64) -> io::Result<()> {
        let name = |life: usize| {
            self.timeline
                .lives
                .get(life)
                .map_or(String::new(), |life| life.name.clone())
        };
        for (row, group) in self.timeline.workers.chunks(self.workers).enumerate() {
            let place = self.ground(out, top, row)?;
            let mut columns = vec![(0.0, None); COLUMNS];
            for worker in group {
                for (sum, (busy, who)) in columns.iter_mut().zip(self.window.of_worker(&worker.shifts)) {
                    *sum = (sum.0 + busy / group.len() as f64, who.filter(|_| group.len() == 1));
                }
            }
            lane::worker(out, place, &columns, name)?;
            let label = together(&group[0].name, group.len());
            let busy: f64 = columns.iter().map(|(busy, _)| busy).sum();
            label_of(
                out,
                place,
                &label,
                &format!("busy {}", percent(busy, COLUMNS as f64)),
                false,
            )?;
        }
        Ok(())
    }

    fn lives(&self, out: &mut dyn Write, top: f64) -> io::Result<()> {
        for (row, group) in self.timeline.lives.chunks(self.lives).enumerate() {
            let only = group.first().filter(|_| group.len() == 1);
            let (name, figures, bad) = match only {
                Some(life) => (life.name.clone(), figures(life), !life.well),
                None => of_group(group),
            };
            // A browser shows it to who points there.
            writeln!(out, "<g><title>{}</title>", escaped(&story(group, self.window.from)))?;
            let place = self.ground(out, top, row)?;
            let columns = self.window.of_lives(group);
            let label = |column: usize| only.and_then(|life| self.wait_at(life, column));
            lane::lives(out, place, &columns, group.len() as f64, label)?;
            label_of(out, place, &name, &figures, bad)?;
            writeln!(out, "</g>")?;
        }
        Ok(())
    }

    /// What a life waits for in this column.
    fn wait_at(&self, life: &Life, column: usize) -> Option<String> {
        let share = (column as f64 + 0.5) / COLUMNS as f64;
        let time = self.window.from + ((self.window.to - self.window.from) as f64 * share) as u64;
        let time = Duration::from_nanos(time);
        let after = life.stretches.partition_point(|stretch| stretch.to <= time);
        match life.stretches.get(after)?.does {
            Does::Waits(waits) => Some(self.timeline.wait(waits).replace("queue ", "")),
            _ => None,
        }
    }

    fn queue(&self, out: &mut dyn Write, top: f64, depth: &Depth) -> io::Result<()> {
        let place = self.ground(out, top, 0)?;
        let most = depth.samples.iter().map(|(_, items)| *items).max().unwrap_or(0);
        let mut columns = [0.0; COLUMNS];
        let ends = depth.samples.iter().skip(1).map(|(at, _)| *at).chain([self.window.to]);
        for ((from, items), to) in depth.samples.iter().zip(ends) {
            self.window.spread(*from, to, |column, part| {
                columns[column] += part * *items as f64 / most.max(1) as f64;
            });
        }
        lane::depth(out, place, columns.into_iter())?;
        let figures = format!("at most {most} seen");
        label_of(out, place, &format!("queue {}", depth.name), &figures, false)
    }

    /// The ground of a lane.
    fn ground(&self, out: &mut dyn Write, top: f64, row: usize) -> io::Result<Place> {
        let place = Place {
            top: top + row as f64 * ROW,
            height: LANE,
        };
        writeln!(
            out,
            "<rect class=\"lane\" x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"{LANE}\" opacity=\"0.7\"/>",
            place.top,
            COLUMNS as f64 * COLUMN
        )?;
        Ok(place)
    }

    /// What the picture does not show.
    fn notes(&self) -> Vec<String> {
        let Timeline { more, lost, depths, .. } = self.timeline;
        let mut notes = Vec::new();
        if !self.timeline.grain().is_zero() {
            let grain = show_rounded(self.timeline.grain());
            notes.push(format!(
                "turns of an interpreter within {grain} are one: sums are exact, their places are not"
            ));
        }
        if *more > 0 {
            notes.push(format!("{more} more interpreters are seen on their workers only"));
        }
        if *lost > 0 {
            notes.push(format!("{lost} turns are left out: there was no room for them"));
        }
        if depths.len() > QUEUES {
            notes.push(format!("{} more queues", depths.len() - QUEUES));
        }
        notes
    }
}

/// A lane's name and its figures.
fn label_of(out: &mut dyn Write, place: Place, name: &str, figures: &str, bad: bool) -> io::Result<()> {
    let y = place.top + place.height - 4.0;
    text(out, "end", LEFT - 8.0, y, &short(name, 22))?;
    let x = LEFT + COLUMNS as f64 * COLUMN + 8.0;
    text(out, if bad { "bad" } else { "dim" }, x, y, &short(figures, 34))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
