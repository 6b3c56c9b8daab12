//! The view as lines: what is shown, in which order, and how it fits.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use console::{measure_text_width, style, truncate_str};
use wasm_pool::status::{InterpreterStatus, QueueStatus, Status};
use wasm_pool::timeline::{State, WaitsFor};
use wasm_pool::{InterpreterId, text, units};

/// The most lines of output that are shown.
pub(super) const OUTPUT: usize = 6;

/// The most lines for queues, and for workers.
const QUEUES: usize = 8;
const WORKERS: usize = 8;

/// What stands above the names.
const TITLE: &str = "interpreter";

/// How wide a bar is.
const BAR: usize = 24;

/// How many guests run, failed, and have ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub running: usize,
    pub failed: usize,
    pub ended: usize,
    /// The run was told to stop.
    pub stopping: bool,
}

/// What interpreters are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Load,
    Cpu,
    Memory,
    Wall,
    Made,
    State,
}

/// What is remembered from one picture to the next.
pub(super) struct Screen {
    began: Instant,
    order: Order,
    last: Last,
    rows: Vec<Row>,
    /// The part of the last moments that each worker was busy.
    loads: Vec<f64>,
}

/// What there was at the last picture, to tell how much there was since.
struct Last {
    at: Instant,
    cpu: HashMap<InterpreterId, Duration>,
    busy: Vec<Duration>,
}

/// An interpreter as it is shown.
struct Row {
    name: String,
    load: f64,
    status: InterpreterStatus,
}

impl Screen {
    pub(super) fn new() -> Screen {
        Screen {
            began: Instant::now(),
            order: Order::Load,
            last: Last {
                at: Instant::now(),
                cpu: HashMap::new(),
                busy: Vec::new(),
            },
            rows: Vec::new(),
            loads: Vec::new(),
        }
    }

    /// A key that sorts; others do nothing.
    pub(super) fn press(&mut self, key: u8) {
        self.order = match key {
            b'l' => Order::Load,
            b'c' => Order::Cpu,
            b'm' => Order::Memory,
            b'w' => Order::Wall,
            b'n' => Order::Made,
            b's' => Order::State,
            _ => self.order,
        };
    }

    /// Looks at what happened since the last time; `name` is what an interpreter is called, unless by its program.
    pub(super) fn take_in(&mut self, status: &Status, name: impl Fn(InterpreterId) -> Option<String>) {
        let now = Instant::now();
        let passed = (now - self.last.at).as_secs_f64().max(1e-3);
        let share = |now: Duration, before: Option<&Duration>| {
            let more = now.saturating_sub(before.copied().unwrap_or_default());
            (more.as_secs_f64() / passed).min(1.0)
        };
        let row = |status: &InterpreterStatus| Row {
            name: text::one_line(&name(status.id).unwrap_or_else(|| format!("{} {}", status.program, status.id))),
            load: share(status.cpu, self.last.cpu.get(&status.id)),
            status: status.clone(),
        };
        self.rows = status.interpreters.iter().map(row).collect();
        let workers = status.workers.iter().enumerate();
        self.loads = workers
            .map(|(number, worker)| share(worker.busy, self.last.busy.get(number)))
            .collect();
        self.last = Last {
            at: now,
            cpu: status.interpreters.iter().map(|one| (one.id, one.cpu)).collect(),
            busy: status.workers.iter().map(|worker| worker.busy).collect(),
        };
        self.sort();
    }

    fn sort(&mut self) {
        let rows = &mut self.rows;
        // Those that are alike stay in the order in which they were made: nothing jumps about.
        match self.order {
            Order::Load => rows.sort_by(|a, b| (b.load * 20.0).round().total_cmp(&(a.load * 20.0).round())),
            Order::Cpu => rows.sort_by_key(|row| std::cmp::Reverse(row.status.cpu)),
            Order::Memory => rows.sort_by_key(|row| std::cmp::Reverse(row.status.peak_memory)),
            Order::Wall => rows.sort_by_key(|row| std::cmp::Reverse(row.status.wall)),
            Order::Made => rows.sort_by_key(|row| row.status.id),
            Order::State => rows.sort_by_key(|row| rank(row.status.state)),
        }
    }

    /// The picture for a terminal of so many rows and columns.
    pub(super) fn lines(
        &self,
        status: &Status,
        counts: Counts,
        output: &[String],
        (rows, columns): (usize, usize),
    ) -> Vec<String> {
        let mut lines = vec![self.head(status, counts)];
        lines.extend(self.workers(status));
        if !status.queues.is_empty() {
            lines.push(String::new());
            lines.extend(queues(&status.queues));
        }
        lines.push(String::new());
        let foot = if output.is_empty() { 1 } else { output.len() + 2 };
        let room = rows.saturating_sub(lines.len() + foot + 1);
        lines.extend(self.interpreters(status, room, (columns / 5).max(12)));
        if !output.is_empty() {
            lines.push(bold("output"));
            lines.extend(output.iter().cloned());
        }
        // On a low screen something is left out, and that is not the last line.
        lines.truncate(rows.saturating_sub(1));
        lines.push(dim(KEYS));
        let fit = |line: String| truncate_str(&line, columns, "…").into_owned();
        lines.into_iter().map(fit).collect()
    }

    fn head(&self, status: &Status, counts: Counts) -> String {
        let Counts {
            running,
            failed,
            ended,
            stopping,
        } = counts;
        let stopping = if stopping { "   stopping" } else { "" };
        let failed = if failed > 0 {
            format!(", {failed} failed")
        } else {
            String::new()
        };
        let of = |is: fn(State) -> bool| status.interpreters.iter().filter(|one| is(one.state)).count();
        let time = units::show_duration(Duration::from_millis(
            self.began.elapsed().as_millis() as u64 / 100 * 100,
        ));
        bold(&format!(
            "wasm-pool {time}{stopping}   {running} guests, {ended} ended{failed}   {} run, {} ready, {} wait   memory {}",
            of(|state| matches!(state, State::Running(_))),
            of(|state| matches!(state, State::Ready | State::Made)),
            of(|state| matches!(state, State::Waiting(_))),
            units::show_size(status.memory),
        ))
    }

    fn workers(&self, status: &Status) -> Vec<String> {
        let line = |(number, load): (usize, &f64)| {
            let runs = status.workers.get(number).and_then(|worker| worker.runs);
            let runs = runs.and_then(|id| self.rows.iter().find(|row| row.status.id == id));
            let runs = runs.map_or("", |row| row.name.as_str());
            format!("worker {number:<3} {} {:>4.0}%  {runs}", bar(*load), load * 100.0)
        };
        let mut lines: Vec<_> = self.loads.iter().enumerate().take(WORKERS).map(line).collect();
        if self.loads.len() > WORKERS {
            let rest = &self.loads[WORKERS..];
            let load = rest.iter().sum::<f64>() / rest.len() as f64;
            lines.push(format!("{:>3} more   {} {:>4.0}%", rest.len(), bar(load), load * 100.0));
        }
        lines
    }

    /// At most `room` of them, below a title; names have so many columns at most.
    fn interpreters(&self, status: &Status, room: usize, names: usize) -> Vec<String> {
        let widest = self
            .rows
            .iter()
            .map(|row| measure_text_width(&row.name))
            .max()
            .unwrap_or(0);
        let names = widest.clamp(TITLE.len(), names.max(TITLE.len()));
        let all = self.rows.len();
        let shown = if all > room { room.saturating_sub(1) } else { all };
        let row = |row: &Row| {
            let (worker, does) = does(row.status.state, status);
            let since = units::show_rounded(row.status.since);
            format!(
                "{} {:>4.0}% {:>8} {:>8} {:>9} {worker:>3}  {does} {since}",
                padded(&row.name, names),
                row.load * 100.0,
                units::show_rounded(row.status.cpu),
                units::show_rounded(row.status.wall),
                units::show_size(row.status.peak_memory),
            )
        };
        let title = format!("{TITLE:<names$}  load      cpu     wall    memory  on  does, for how long");
        let mut lines = vec![bold(&title)];
        lines.extend(self.rows.iter().take(shown).map(row));
        if all > shown {
            lines.push(dim(&format!("and {} more", all - shown)));
        }
        lines
    }
}

const KEYS: &str = "q: leave, the run goes on   sort by: l load, c cpu, m memory, w wall, n made, s state";

fn queues(queues: &[QueueStatus]) -> Vec<String> {
    let mut lines = vec![bold("queue                       items     bytes getters putters")];
    lines.extend(queues.iter().take(QUEUES).map(|queue| {
        let closed = if queue.closed { "  closed" } else { "" };
        format!(
            "{} {:>6} {:>9} {:>7} {:>7}{closed}",
            padded(&text::one_line(&queue.name), 26),
            queue.items,
            units::show_size(queue.bytes),
            queue.getters,
            queue.putters
        )
    }));
    if queues.len() > QUEUES {
        lines.push(dim(&format!("and {} more", queues.len() - QUEUES)));
    }
    lines
}

/// Its worker, and what it does.
fn does(state: State, status: &Status) -> (String, String) {
    let queue = |id| {
        let named = status.queues.iter().find(|queue| queue.id == id);
        named.map_or_else(|| format!("queue {id}"), |queue| format!("{:?}", queue.name))
    };
    let waits = match state {
        State::Running(worker) => return (worker.to_string(), "runs".to_owned()),
        State::Made => "made".to_owned(),
        State::Ready => "waits for a worker".to_owned(),
        State::Waiting(WaitsFor::Item(id)) => format!("gets from {}", queue(id)),
        State::Waiting(WaitsFor::Room(id)) => format!("puts into {}", queue(id)),
        State::Waiting(WaitsFor::Poll) => "sleeps or polls".to_owned(),
        State::Waiting(WaitsFor::Call(id)) => format!("calls interpreter {id}"),
        State::Waiting(WaitsFor::ToBeCalled) => "waits to be called".to_owned(),
        State::Waiting(WaitsFor::HostCall) => "in a file or stream".to_owned(),
    };
    ("-".to_owned(), waits)
}

fn rank(state: State) -> u8 {
    match state {
        State::Running(_) => 0,
        State::Ready => 1,
        State::Made => 2,
        State::Waiting(_) => 3,
    }
}

fn bar(share: f64) -> String {
    let full = ((share * BAR as f64).round() as usize).min(BAR);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}

/// A name in so many columns: what does not fit loses its middle.
fn padded(name: &str, width: usize) -> String {
    let length = name.chars().count();
    let name = if measure_text_width(name) <= width {
        name.to_owned()
    } else {
        let (head, tail) = (width / 2, width - width / 2 - 1);
        let head: String = name.chars().take(head).collect();
        let tail: String = name.chars().skip(length - tail.min(length)).collect();
        format!("{head}…{tail}")
    };
    let blanks = width.saturating_sub(measure_text_width(&name));
    format!("{name}{}", " ".repeat(blanks))
}

fn bold(text: &str) -> String {
    style(text).for_stderr().bold().to_string()
}

fn dim(text: &str) -> String {
    style(text).for_stderr().dim().to_string()
}
