//! The words of the picture: names and figures.

use std::time::Duration;

use super::nanos;
use crate::svg::short;
use crate::timeline::story::Life;
use crate::units::show_rounded;

/// How long some interpreters ran, waited for a worker, and waited for something else, in nanoseconds.
pub(super) fn sums(lives: &[Life]) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for life in lives {
        for (sum, part) in sums.iter_mut().zip(life.sums()) {
            *sum += part.as_nanos() as f64;
        }
    }
    sums
}

pub(super) fn shares(sums: [f64; 3]) -> [String; 3] {
    let all: f64 = sums.iter().sum();
    sums.map(|sum| percent(sum, all))
}

pub(super) fn percent(part: f64, all: f64) -> String {
    match part / all.max(1.0) * 100.0 {
        few if few > 0.0 && few < 9.95 => format!("{few:.1}%"),
        many => format!("{many:.0}%"),
    }
}

/// What several are called, of which this is the first.
pub(super) fn together(first: &str, count: usize) -> String {
    match count {
        1 => first.to_owned(),
        count => format!("{} +{}", short(first, 16), count - 1),
    }
}

/// What stands on the right of an interpreter's lane.
pub(super) fn figures(life: &Life) -> String {
    let [ran, ..] = life.sums();
    let [share, ..] = shares(sums(std::slice::from_ref(life)));
    let end = life.ended.as_ref().map_or("", |(_, label)| label);
    format!("runs {} ({share})  {end}", show_rounded(ran))
}

/// What is told of a lane beside what is seen.
pub(super) fn story(group: &[Life], from: u64) -> String {
    let [ran, ready, waited] = sums(group).map(|nanos| show_rounded(Duration::from_nanos(nanos as u64)));
    let turns: u64 = group.iter().map(|life| life.turns).sum();
    let cpu: Duration = group.iter().map(|life| life.cpu).sum();
    let who = match group {
        [life] => {
            let made = show_rounded(Duration::from_nanos(nanos(life.made).saturating_sub(from)));
            let end = life.ended.as_ref().map_or("goes on", |(_, label)| label);
            format!("{}, made at {made}, {end}", life.name)
        }
        _ => of_group(group).0,
    };
    let cpu = show_rounded(cpu);
    format!("{who}: {turns} turns, {ran} on workers (processor time {cpu}), {ready} ready, {waited} waiting")
}

/// The name and the figures of several interpreters, and whether any failed.
pub(super) fn of_group(group: &[Life]) -> (String, String, bool) {
    let [share, ..] = shares(sums(group));
    let bad = group.iter().filter(|life| !life.well).count();
    let failed = if bad > 0 {
        format!("  {bad} failed")
    } else {
        String::new()
    };
    let name = group.first().map_or("", |life| life.name.as_str());
    (together(name, group.len()), format!("run {share}{failed}"), bad > 0)
}
