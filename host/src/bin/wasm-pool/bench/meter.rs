//! How things are measured: rounds of about the same length, ours and bare by turns.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::figures::{Curve, Density, Each, Figure};
use crate::args::Part;

/// What the measuring thread tells.
pub(super) enum Message {
    /// What one kind of operation takes, as far as it is known; again after each round.
    Figure(Figure),
    Curve(Curve),
    Density(Density),
    /// So many milliseconds of those that were planned are over; what comes next.
    Passed(u64, String),
    /// It is over.
    Done(anyhow::Result<()>),
}

/// How much is spent on being sure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Rounds of each figure.
    pub rounds: u32,
    /// Instances that wait, at most.
    pub crowd: u32,
    /// For all parts.
    time: Duration,
}

impl Effort {
    /// A quick one or a thorough one, and how long it may take if that was said.
    pub(super) fn new(quick: bool, time: Option<Duration>) -> Effort {
        // Odd numbers of rounds: one is the middle.
        let (rounds, crowd, usual) = match quick {
            true => (5, 500, Duration::from_secs(15)),
            false => (15, 4_000, Duration::from_secs(120)),
        };
        Effort {
            rounds,
            crowd,
            time: time.unwrap_or(usual),
        }
    }

    /// About how long a part takes. A tenth is left for what is made before anything is measured.
    pub(super) fn time(self, part: Part) -> Duration {
        let per_cent = match part {
            Part::Start | Part::Queue => 16,
            Part::Calls => 32,
            Part::Scaling => 24,
            Part::Density => 2,
        };
        self.time / 100 * per_cent
    }
}

/// Measures, and tells what came of it.
pub(super) struct Meter {
    pub effort: Effort,
    to: Sender<Message>,
}

/// What is measured: does it so many times.
pub(super) type Work<'a> = &'a mut dyn FnMut(u32) -> anyhow::Result<()>;

impl Meter {
    pub(super) fn new(effort: Effort, to: Sender<Message>) -> Meter {
        Meter { effort, to }
    }

    pub(super) fn tell(&self, message: Message) {
        // Nobody listens any more when it is over.
        let _ = self.to.send(message);
    }

    /// So much of what was planned is over.
    pub(super) fn passed(&self, time: Duration, next: &str) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.tell(Message::Passed(millis, next.to_owned()));
    }

    /// Measures one kind of operation, and the same of bare Wasmtime where there is that, within about so much time.
    pub(super) fn figure(
        &self,
        mut figure: Figure,
        time: Duration,
        ours: Work<'_>,
        mut bare: Option<Work<'_>>,
    ) -> anyhow::Result<()> {
        let what = format!("{}: {}", figure.part.name(), figure.what);
        self.passed(Duration::ZERO, &what);
        let sides = 1 + u32::from(bare.is_some());
        // One round's time goes into finding out how much is a round.
        let round = time / (self.effort.rounds + 1);
        let count = enough(round / sides, ours)?;
        let bare_count = match &mut bare {
            Some(bare) => enough(round / sides, *bare)?,
            None => 0,
        };
        self.passed(round, &what);
        for number in 0..self.effort.rounds {
            // Whoever comes second may find warmer caches, or a warmer processor.
            let bare_first = number % 2 == 0;
            if bare_first && let Some(bare) = &mut bare {
                figure.bare.push(each(bare_count, *bare)?);
            }
            figure.ours.push(each(count, ours)?);
            if !bare_first && let Some(bare) = &mut bare {
                figure.bare.push(each(bare_count, *bare)?);
            }
            self.passed(round, &what);
            self.tell(Message::Figure(figure.clone()));
        }
        Ok(())
    }
}

/// How many take about so long; also warms up.
pub(super) fn enough(time: Duration, work: Work<'_>) -> anyhow::Result<u32> {
    /// More than any round has, and as many as every guest can count.
    const MOST: f64 = (1 << 30) as f64;
    let mut count = 1;
    loop {
        // Somebody else may have had the processor: the shorter of two says what it takes.
        let (first, second) = (took(|| work(count))?.0, took(|| work(count))?.0);
        let times = time.as_secs_f64() / first.min(second).as_secs_f64().max(1e-9);
        let next = (f64::from(count) * times).clamp(1.0, MOST);
        // An eighth of it says enough about the whole.
        if times <= 8.0 || next >= MOST {
            return Ok(next as u32);
        }
        // The first ones take longer than those that follow.
        count = (next / 8.0).min(f64::from(count) * 16.0).ceil() as u32;
    }
}

fn each(count: u32, work: Work<'_>) -> anyhow::Result<Each> {
    let (wall, cpu) = took(|| work(count))?;
    let nanos = |time: Duration| time.as_nanos() as f64 / f64::from(count);
    Ok(Each {
        wall: nanos(wall),
        cpu: nanos(cpu),
    })
}

/// Does it, and says what it took: wall time, and processor time of this process.
pub(super) fn took(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<(Duration, Duration)> {
    let (wall, before) = (Instant::now(), cpu());
    work()?;
    Ok((wall.elapsed(), cpu().saturating_sub(before)))
}

/// Processor time of this process, all threads together.
pub(super) fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_alternate_and_each_is_told() -> anyhow::Result<()> {
        let (to, told) = crossbeam_channel::unbounded();
        let meter = Meter::new(Effort::new(true, None), to);
        let order = std::cell::RefCell::new(Vec::new());
        let work = |who| {
            let order = &order;
            move |count| {
                order.borrow_mut().push(who);
                std::hint::black_box((0..count).map(std::hint::black_box).fold(0, u32::wrapping_add));
                Ok(())
            }
        };
        let figure = Figure::new(Part::Start, "x", "x");
        let time = Duration::from_millis(10);
        meter.figure(figure, time, &mut work("ours"), Some(&mut work("bare")))?;
        let order = order.borrow();
        let rounds = &order[order.len() - 10..];
        assert_eq!(rounds[..6], ["bare", "ours", "ours", "bare", "bare", "ours"]);
        let figures = told.try_iter().filter_map(|message| match message {
            Message::Figure(figure) => Some((figure.ours.len(), figure.bare.len())),
            _ => None,
        });
        assert_eq!(figures.collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
        Ok(())
    }
}
