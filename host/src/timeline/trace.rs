//! The record as trace events, the format that Perfetto and `chrome://tracing` load ("Trace Event Format", JSON object form):
//! processes are the workers, the interpreters and the queues, threads their members, and times are microseconds.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::story::{Depth, Does, Life, Shift, Timeline};

/// The three processes, in the order in which they are shown.
const WORKERS: u32 = 1;
const INTERPRETERS: u32 = 2;
const QUEUES: u32 = 3;

impl Timeline {
    /// Writes it as trace events: a track for each worker and each interpreter, a counter for each named queue.
    ///
    /// # Errors
    /// What writing to `out` gives.
    pub fn write_trace(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"{\"displayTimeUnit\":\"ms\",\"otherData\":")?;
        serde_json::to_writer(&mut *out, &self.other())?;
        out.write_all(b",\"traceEvents\":[\n")?;
        let mut events = Events { out, first: true };
        for (process, name) in [(WORKERS, "workers"), (INTERPRETERS, "interpreters"), (QUEUES, "queues")] {
            events.process(process, name)?;
        }
        for (number, worker) in self.workers.iter().enumerate() {
            events.thread(WORKERS, number, &worker.name)?;
            self.worker(&mut events, number, &worker.shifts)?;
        }
        for (number, life) in self.lives.iter().enumerate() {
            events.thread(INTERPRETERS, number, &life.name)?;
            self.life(&mut events, number, life)?;
        }
        for depth in &self.depths {
            queue(&mut events, depth)?;
        }
        out.write_all(b"\n]}\n")
    }

    /// What stands beside the events.
    fn other(&self) -> Value {
        json!({
            "made by": concat!("wasm-pool ", env!("CARGO_PKG_VERSION")),
            "turns left out": self.lost,
            "interpreters left out": self.more,
            "turns merged within (us)": micros(self.grain()),
        })
    }

    fn worker(&self, events: &mut Events<'_>, number: usize, shifts: &[Shift]) -> io::Result<()> {
        for shift in shifts {
            let name = match shift.life.and_then(|life| self.lives.get(life)) {
                Some(life) => life.name.as_str(),
                None => "several",
            };
            let (from, to) = (Duration::from_nanos(shift.from), Duration::from_nanos(shift.to));
            let mut event = complete(WORKERS, number, name, from, to);
            if shift.turns > 1 {
                event["args"] = json!({"turns": shift.turns, "ran_us": micros(Duration::from_nanos(shift.ran))});
            }
            events.write(&event)?;
        }
        Ok(())
    }

    fn life(&self, events: &mut Events<'_>, number: usize, life: &Life) -> io::Result<()> {
        for stretch in &life.stretches {
            let (name, args) = match &stretch.does {
                Does::Runs(worker) => ("running".to_owned(), json!({"worker": worker})),
                Does::Ready => ("waiting for a worker".to_owned(), Value::Null),
                Does::Waits(waits) => (self.wait(*waits), Value::Null),
                Does::Mixed { turns, ran, ready, .. } => {
                    let args = json!({"turns": turns, "ran_us": micros(*ran), "ready_us": micros(*ready)});
                    ("several turns".to_owned(), args)
                }
            };
            let mut event = complete(INTERPRETERS, number, &name, stretch.from, stretch.to);
            if !args.is_null() {
                event["args"] = args;
            }
            events.write(&event)?;
        }
        if let Some((at, label)) = &life.ended {
            events.write(&json!({
                "ph": "i", "s": "t", "pid": INTERPRETERS, "tid": number, "ts": micros(*at), "name": label,
                "args": {"interpreter": life.id.0, "turns": life.turns, "cpu_us": micros(life.cpu)},
            }))?;
        }
        Ok(())
    }
}

fn queue(events: &mut Events<'_>, depth: &Depth) -> io::Result<()> {
    for (at, items) in &depth.samples {
        let at = micros(Duration::from_nanos(*at));
        events.write(&json!({
            "ph": "C", "pid": QUEUES, "tid": 0, "ts": at, "name": depth.name, "args": {"items": items},
        }))?;
    }
    Ok(())
}

/// Something that lasted.
fn complete(process: u32, thread: usize, name: &str, from: Duration, to: Duration) -> Value {
    json!({"ph": "X", "pid": process, "tid": thread, "ts": micros(from), "dur": micros(to - from), "name": name})
}

/// Microseconds, to the nanosecond.
fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

/// An array of events, one a line.
struct Events<'a> {
    out: &'a mut dyn Write,
    first: bool,
}

impl Events<'_> {
    fn write(&mut self, event: &Value) -> io::Result<()> {
        if !std::mem::replace(&mut self.first, false) {
            self.out.write_all(b",\n")?;
        }
        Ok(serde_json::to_writer(&mut *self.out, event)?)
    }

    fn process(&mut self, process: u32, name: &str) -> io::Result<()> {
        self.write(&json!({"ph": "M", "pid": process, "tid": 0, "name": "process_name", "args": {"name": name}}))?;
        self.write(&json!({
            "ph": "M", "pid": process, "tid": 0, "name": "process_sort_index", "args": {"sort_index": process},
        }))
    }

    fn thread(&mut self, process: u32, thread: usize, name: &str) -> io::Result<()> {
        self.write(&json!({"ph": "M", "pid": process, "tid": thread, "name": "thread_name", "args": {"name": name}}))?;
        self.write(&json!({
            "ph": "M", "pid": process, "tid": thread, "name": "thread_sort_index", "args": {"sort_index": thread},
        }))
    }
}
