//! What `run`, `up` and the verbs of languages have in common: the guests from the first start to the last end, our own ends of their queues, and the end.

pub(crate) mod copies;
pub(crate) mod crew;
pub(crate) mod plumbing;

use std::time::Duration;

use wasm_pool::{Ending, Kind, Limits, Outcome};

use self::crew::Crew;
use self::plumbing::{Piped, Plumbing};
use crate::names::Names;
use crate::output::{Console, Written};
use crate::{report, signals};

/// What is known of a run when its guests have ended.
pub(crate) struct Run<'a> {
    pub names: &'a Names,
    pub programs: &'a [(String, Kind)],
    pub workers: usize,
    pub limits: &'a Limits,
    pub wall: Duration,
    pub fail_fast: bool,
    pub summary: Summary,
}

/// What people are told at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Summary {
    /// A line for each guest, and the total.
    Full,
    /// A line for a guest that the host ended, and nothing for one that ended by itself, whose own words say all.
    OfStopped,
    /// Nothing.
    None,
}

/// Waits until everything is written, and reports; our exit code.
pub(crate) fn conclude(
    run: &Run<'_>,
    crew: Crew<'_>,
    console: Console,
    plumbing: Plumbing,
    sink: Option<report::Sink>,
) -> anyhow::Result<u8> {
    let Crew {
        endings,
        stopped,
        first_failure,
        bar,
        stop,
        ..
    } = crew;
    bar.clear();
    // What guests wrote before they ended by themselves is waited for; a reader that stalls does not hold up the end
    // of those that were ended.
    let ended = endings
        .iter()
        .flatten()
        .any(|ending| matches!(ending.outcome, Outcome::Killed | Outcome::Deadline(_)));
    let patience = (ended || stopped.is_some()).then_some(run.limits.grace);
    let piped = plumbing.finish(patience, stop);
    let written = console.finish(patience, stop);
    let endings = heard(endings, &written);
    let code = exit_code(stopped, first_failure, &endings, &written, run.fail_fast);
    let exit_code = with_piped(code, stopped, &piped);

    let to_stderr = matches!(sink, Some(report::Sink::Stderr));
    for why in [written.why(), piped.why()].into_iter().flatten() {
        if !to_stderr {
            report::note(why);
        }
    }
    let told = report::Run {
        names: run.names,
        programs: run.programs,
        workers: run.workers,
        limits: run.limits,
        wall: run.wall,
        endings: &endings,
        exit_code,
    };
    match run.summary {
        Summary::Full if !to_stderr => report::summary(&told),
        Summary::OfStopped if !to_stderr && stopped.is_none() => report::stopped(&told),
        _ => {}
    }
    if let Some(sink) = sink {
        report::json(&told, sink)?;
    }
    Ok(exit_code)
}

/// The exit code when our own ends of the queues are counted in.
fn with_piped(code: u8, stopped: Option<i32>, piped: &Piped) -> u8 {
    match piped {
        _ if stopped.is_some() => code,
        Piped::Whole => code,
        // As `head` does: whoever was ended for it has not failed.
        Piped::ReaderGone => 0,
        // Guests that were killed for it are not what failed.
        Piped::Failed { code: own, .. } if code == 0 || code == 137 => *own,
        Piped::Failed { .. } => code,
    }
}

/// The endings, where whoever ended well and was not heard did not end well.
fn heard(mut endings: Vec<Option<Ending>>, written: &Written) -> Vec<Option<Ending>> {
    let Written::Failed { why, lost } = written else {
        return endings;
    };
    for (instance, ending) in endings.iter_mut().enumerate() {
        if let Some(ending) = ending
            && ending.outcome == Outcome::Exited(0)
            && lost.contains(&instance)
        {
            ending.outcome = Outcome::OutputFailed(why.clone());
        }
    }
    endings
}

/// A signal's code; else the first failure's, in order of the instances; else that of output that was lost.
fn exit_code(
    stopped: Option<i32>,
    first_failure: Option<u8>,
    endings: &[Option<Ending>],
    written: &Written,
    fail_fast: bool,
) -> u8 {
    if let Some(signal) = stopped {
        return signals::exit_code(signal);
    }
    let in_order = endings
        .iter()
        .flatten()
        .map(|ending| ending.outcome.exit_code())
        .find(|code| *code != 0);
    let failure = if fail_fast { first_failure } else { in_order };
    match (failure, written) {
        (Some(code), _) => code,
        (None, Written::Failed { .. }) => 74,
        (None, Written::Whole) => 0,
    }
}
