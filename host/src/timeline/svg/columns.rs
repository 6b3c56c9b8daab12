//! A lane of the picture as columns: what share of each column's time went into what.

use crate::timeline::story::{Does, Life, Shift};
use crate::timeline::waits::WaitsFor;

/// The time that the picture shows, cut into columns.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// In nanoseconds of the recorder.
    pub from: u64,
    pub to: u64,
    pub columns: usize,
}

/// One column of interpreters' time, in interpreters: one that ran all the time is 1.
#[derive(Clone, Copy, Default)]
pub(super) struct Column {
    pub ran: f64,
    pub ready: f64,
    pub waits: [f64; KINDS.len()],
}

/// What is told apart among waits, in the order of the legend: its class in the style sheet, and its name.
pub(super) const KINDS: [(&str, &str); 6] = [
    ("get", "waits to get from a queue"),
    ("put", "waits to put into a queue"),
    ("call", "waits for a call"),
    ("poll", "sleeps or polls"),
    ("host", "in a file or stream"),
    ("idle", "waits to be called"),
];

fn kind(waits: WaitsFor) -> usize {
    match waits {
        WaitsFor::Item(_) => 0,
        WaitsFor::Room(_) => 1,
        WaitsFor::Call(_) => 2,
        WaitsFor::Poll => 3,
        WaitsFor::HostCall => 4,
        WaitsFor::ToBeCalled => 5,
    }
}

impl Column {
    /// The wait that takes most of it, if waits are worth showing.
    pub(super) fn wait(&self, of: f64) -> Option<usize> {
        let most = (0..KINDS.len()).max_by(|a, b| self.waits[*a].total_cmp(&self.waits[*b]))?;
        (self.waits[most] > of * 0.04).then_some(most)
    }
}

impl Window {
    /// How long a column is, in nanoseconds.
    fn column(&self) -> f64 {
        (self.to - self.from).max(1) as f64 / self.columns as f64
    }

    /// The columns that a time reaches into, each with which part of the column it fills.
    pub(super) fn spread(&self, from: u64, to: u64, mut each: impl FnMut(usize, f64)) {
        let column = self.column();
        let place = |time: u64| (time.clamp(self.from, self.to) - self.from) as f64 / column;
        let (from, to) = (place(from), place(to));
        let mut at = from;
        while at < to {
            let number = (at as usize).min(self.columns - 1);
            let end = ((number + 1) as f64).min(to);
            // The last column may end a rounding error too early.
            if end <= at {
                return;
            }
            each(number, end - at);
            at = end;
        }
    }

    /// What some interpreters did.
    pub(super) fn of_lives(&self, lives: &[Life]) -> Vec<Column> {
        let mut columns = vec![Column::default(); self.columns];
        for stretch in lives.iter().flat_map(|life| &life.stretches) {
            let [ran, ready, waited] = stretch.parts().map(|part| part.as_nanos() as f64);
            let all = (ran + ready + waited).max(1.0);
            let waits = match &stretch.does {
                Does::Waits(waits) => Some(*waits),
                Does::Mixed { waits, .. } => *waits,
                Does::Runs(_) | Does::Ready => None,
            };
            let (from, to) = (stretch.from.as_nanos() as u64, stretch.to.as_nanos() as u64);
            self.spread(from, to, |number, part| {
                let column = &mut columns[number];
                column.ran += part * ran / all;
                column.ready += part * ready / all;
                column.waits[waits.map_or(4, kind)] += part * waited / all;
            });
        }
        columns
    }

    /// How busy a worker was, and with whom most of the time.
    pub(super) fn of_worker(&self, shifts: &[Shift]) -> Vec<(f64, Option<usize>)> {
        let mut columns = vec![(0.0, None, 0.0); self.columns];
        for shift in shifts {
            let density = shift.ran as f64 / (shift.to - shift.from).max(1) as f64;
            self.spread(shift.from, shift.to, |number, part| {
                let (busy, who, most) = &mut columns[number];
                let part = part * density;
                *busy += part;
                if part > *most {
                    (*who, *most) = (shift.life, part);
                }
            });
        }
        columns.into_iter().map(|(busy, who, _)| (busy, who)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_spread_over_its_columns() {
        let window = Window {
            from: 100,
            to: 200,
            columns: 10,
        };
        let spread = |from, to| {
            let mut parts = Vec::new();
            window.spread(from, to, |column, part| {
                parts.push((column, (part * 10.0).round() as u32))
            });
            parts
        };
        assert_eq!(spread(105, 125), [(0, 5), (1, 10), (2, 5)]);
        assert_eq!(spread(191, 300), [(9, 9)]);
        assert_eq!(spread(150, 150), []);
    }
}
