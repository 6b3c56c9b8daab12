//! The topology of a manifest: who puts what where, as a picture of text, and what cannot work.
//!
//! All of it takes time in proportion to the manifest, whatever loops the queues make.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use super::{Part, Plan};
use crate::units::show_size;

/// Where our own streams stand in the picture.
const STDIN: &str = "stdin";
const STDOUT: &str = "stdout";

/// What is wider than this stands out of its column: the others would be padded to it, all of them.
const WIDEST: usize = 100;

/// The programs of a plan by the queues that they put into and get from.
struct Wiring<'a> {
    plan: &'a Plan,
    putters: HashMap<&'a str, Vec<&'a Part>>,
    getters: HashMap<&'a str, Vec<&'a Part>>,
}

impl<'a> Wiring<'a> {
    fn of(plan: &'a Plan) -> Wiring<'a> {
        let by_queue = |queues: fn(&Part) -> &Vec<String>| {
            let mut parts: HashMap<&str, Vec<&Part>> = HashMap::new();
            for part in &plan.programs {
                for queue in queues(part) {
                    let of_queue = parts.entry(queue).or_default();
                    // A program may name a queue twice.
                    if !of_queue.last().is_some_and(|last| std::ptr::eq(*last, part)) {
                        of_queue.push(part);
                    }
                }
            }
            parts
        };
        Wiring {
            plan,
            putters: by_queue(|part| &part.puts),
            getters: by_queue(|part| &part.gets),
        }
    }

    fn putters(&self, queue: &str) -> &[&'a Part] {
        self.putters.get(queue).map_or(&[], Vec::as_slice)
    }

    fn getters(&self, queue: &str) -> &[&'a Part] {
        self.getters.get(queue).map_or(&[], Vec::as_slice)
    }

    fn is_fed(&self, queue: &str) -> bool {
        self.plan.feed.as_deref() == Some(queue)
    }

    /// Who puts into a queue, by name.
    fn sources(&self, queue: &str) -> Vec<String> {
        let fed = self.is_fed(queue).then(|| STDIN.to_owned());
        fed.into_iter()
            .chain(self.putters(queue).iter().map(|part| named(part)))
            .collect()
    }

    /// Who gets from a queue, by name.
    fn sinks(&self, queue: &str) -> Vec<String> {
        let drained = (self.plan.drain.as_deref() == Some(queue)).then(|| STDOUT.to_owned());
        let programs = self.getters(queue).iter().map(|part| named(part));
        programs.chain(drained).collect()
    }

    /// How many queues an item passes at least before it comes to each queue. One that nothing can come to is not in it.
    fn steps(&self) -> HashMap<&'a str, usize> {
        let mut steps: HashMap<&str, usize> = HashMap::new();
        let starts = self.plan.programs.iter().filter(|part| part.gets.is_empty());
        let mut next: Vec<&str> = starts.flat_map(|part| &part.puts).map(String::as_str).collect();
        next.extend(self.plan.feed.as_deref());
        // A program passes an item on when the first one comes to it.
        let mut passes: BTreeSet<&str> = BTreeSet::new();
        for step in 0.. {
            let mut reached = Vec::new();
            for queue in next {
                if steps.contains_key(queue) {
                    continue;
                }
                steps.insert(queue, step);
                for part in self.getters(queue) {
                    if passes.insert(&part.name) {
                        reached.extend(part.puts.iter().map(String::as_str));
                    }
                }
            }
            if reached.is_empty() {
                break;
            }
            next = reached;
        }
        steps
    }
}

/// The picture: a line for each queue, from those who put to those who get, and one for each program that uses none.
pub(super) fn picture(plan: &Plan) -> String {
    let wiring = Wiring::of(plan);
    let steps = wiring.steps();
    let mut queues: Vec<_> = plan.queues.iter().collect();
    queues.sort_by_key(|queue| steps.get(&*queue.name).copied().unwrap_or(usize::MAX));
    let rows: Vec<_> = queues
        .iter()
        .map(|queue| {
            let size = match queue.options.max_size {
                0 => show_size(queue.options.max_bytes),
                size => size.to_string(),
            };
            let (from, to) = (wiring.sources(&queue.name), wiring.sinks(&queue.name));
            (from.join(", "), format!("[{} {size}]", queue.name), to.join(", "))
        })
        .collect();
    let width = |text: fn(&(String, String, String)) -> &String| {
        let widths = rows.iter().map(|row| text(row).chars().count());
        widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
    };
    let (from, queue) = (width(|row| &row.0), width(|row| &row.1));
    let mut text = String::new();
    for row in &rows {
        let arrow = |there: bool| if there { "-->" } else { "   " };
        let (into, out) = (arrow(!row.0.is_empty()), arrow(!row.2.is_empty()));
        let line = format!("{:>from$} {into} {:<queue$} {out} {}", row.0, row.1, row.2);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for part in plan
        .programs
        .iter()
        .filter(|part| part.gets.is_empty() && part.puts.is_empty())
    {
        let _ = writeln!(text, "{} (no queues)", named(part));
    }
    text
}

fn named(part: &Part) -> String {
    format!("{} x{}", part.name, part.instances)
}

/// What is allowed and can hardly be meant.
pub(super) fn warnings(plan: &Plan) -> Vec<String> {
    let wiring = Wiring::of(plan);
    let mut warnings = Vec::new();
    for queue in &plan.queues {
        if wiring.sources(&queue.name).is_empty() {
            warnings.push(format!("nobody puts into queue {:?}", queue.name));
        }
        if wiring.sinks(&queue.name).is_empty() {
            warnings.push(format!("nobody gets from queue {:?}", queue.name));
        }
    }
    let stuck = waiting_for_each_other(&wiring);
    if !stuck.is_empty() {
        warnings.push(format!(
            "{} wait for each other: unless one of them puts before it gets, that is a deadlock",
            stuck.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    warnings
}

/// Programs that get from queues into which only programs put that are themselves among these.
fn waiting_for_each_other<'a>(wiring: &Wiring<'a>) -> BTreeSet<&'a str> {
    let parts = &wiring.plan.programs;
    let served = |queue: &String| wiring.is_fed(queue) || wiring.putters(queue).is_empty();
    // Those that start by themselves, and then whoever gets from what those put that are going.
    let start = parts
        .iter()
        .filter(|part| part.gets.is_empty() || part.gets.iter().any(served));
    let mut next: Vec<&Part> = start.collect();
    let (mut going, mut filled): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
    while let Some(part) = next.pop() {
        if going.insert(&part.name) {
            let new = part.puts.iter().filter(|queue| filled.insert(queue));
            next.extend(new.flat_map(|queue| wiring.getters(queue)));
        }
    }
    parts
        .iter()
        .map(|part| part.name.as_str())
        .filter(|name| !going.contains(name))
        .collect()
}
