//! The topology of a manifest: who puts what where, as a picture of text, and what cannot work.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::manifest::{Part, Plan};
use crate::report;

/// Where our own streams stand in the picture.
const STDIN: &str = "stdin";
const STDOUT: &str = "stdout";

/// The picture: a line for each queue, from those who put to those who get, and one for each program that uses none.
pub(super) fn picture(plan: &Plan) -> String {
    let mut queues: Vec<_> = plan.queues.iter().collect();
    queues.sort_by_key(|queue| steps(plan, &queue.name, plan.queues.len()));
    let rows: Vec<_> = queues
        .iter()
        .map(|queue| {
            let size = match queue.options.max_size {
                0 => report::size(queue.options.max_bytes.as_u64()),
                size => size.to_string(),
            };
            let (from, to) = (putters(plan, &queue.name), getters(plan, &queue.name));
            (from.join(", "), format!("[{} {size}]", queue.name), to.join(", "))
        })
        .collect();
    let width = |text: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0)
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

/// How many queues an item passes at least before it comes to this one; `most` when it comes from nowhere.
fn steps(plan: &Plan, queue: &str, most: usize) -> usize {
    let putters = || {
        plan.programs
            .iter()
            .filter(|part| part.puts.iter().any(|puts| puts == queue))
    };
    let fed = plan.feed.as_deref() == Some(queue) || putters().any(|part| part.gets.is_empty());
    if fed || most == 0 {
        return 0;
    }
    let before = putters()
        .flat_map(|part| &part.gets)
        .map(|from| steps(plan, from, most - 1));
    before.min().unwrap_or(most).saturating_add(1)
}

fn named(part: &Part) -> String {
    format!("{} x{}", part.name, part.instances)
}

fn putters(plan: &Plan, queue: &str) -> Vec<String> {
    let fed = (plan.feed.as_deref() == Some(queue)).then(|| STDIN.to_owned());
    let programs = plan
        .programs
        .iter()
        .filter(|part| part.puts.iter().any(|puts| puts == queue));
    fed.into_iter().chain(programs.map(named)).collect()
}

fn getters(plan: &Plan, queue: &str) -> Vec<String> {
    let drained = (plan.drain.as_deref() == Some(queue)).then(|| STDOUT.to_owned());
    let programs = plan
        .programs
        .iter()
        .filter(|part| part.gets.iter().any(|gets| gets == queue));
    programs.map(named).chain(drained).collect()
}

/// What is allowed and can hardly be meant.
pub(super) fn warnings(plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    for queue in &plan.queues {
        if putters(plan, &queue.name).is_empty() {
            warnings.push(format!("nobody puts into queue {:?}", queue.name));
        }
        if getters(plan, &queue.name).is_empty() {
            warnings.push(format!("nobody gets from queue {:?}", queue.name));
        }
    }
    let stuck = waiting_for_each_other(plan);
    if !stuck.is_empty() {
        warnings.push(format!(
            "{} wait for each other: unless one of them puts before it gets, that is a deadlock",
            stuck.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    warnings
}

/// Programs that get from queues into which only programs put that are themselves among these.
fn waiting_for_each_other(plan: &Plan) -> BTreeSet<&str> {
    let mut going: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = going.len();
        for part in &plan.programs {
            let served = |queue: &String| {
                let putters: Vec<_> = plan
                    .programs
                    .iter()
                    .filter(|other| other.puts.contains(queue))
                    .collect();
                plan.feed.as_ref() == Some(queue)
                    || putters.is_empty()
                    || putters.iter().any(|other| going.contains(other.name.as_str()))
            };
            if part.gets.is_empty() || part.gets.iter().any(served) {
                going.insert(&part.name);
            }
        }
        if going.len() == before {
            break;
        }
    }
    plan.programs
        .iter()
        .map(|part| part.name.as_str())
        .filter(|name| !going.contains(name))
        .collect()
}
