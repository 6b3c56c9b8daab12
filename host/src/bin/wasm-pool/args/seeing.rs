//! Seeing what runs: a timeline, a live view.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct SeeingArgs {
    #[command(flatten)]
    pub timeline: TimelineArgs,

    /// A live view on the terminal: interpreters, queues, workers. `q` leaves it, and the run goes on. What guests print to
    /// the terminal meanwhile stands below it, and its last MiB is printed when the view ends.
    #[arg(long)]
    pub watch: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct TimelineArgs {
    /// Record what every interpreter does when, and write it at the end: as a picture (FILE.svg), or as trace events for
    /// Perfetto and chrome://tracing (FILE.json).
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<TimelineTo>,
}

/// `--timeline`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimelineTo {
    pub path: PathBuf,
    pub form: Form,
}

/// How a timeline is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Svg,
    Trace,
}

impl TimelineArgs {
    /// The file that it goes to, and what to call it.
    pub(crate) fn file(&self) -> Option<(&str, &Path)> {
        self.timeline.as_ref().map(|to| ("the timeline", to.path.as_path()))
    }
}

impl FromStr for TimelineTo {
    type Err = String;

    fn from_str(text: &str) -> Result<TimelineTo, String> {
        let path = PathBuf::from(text);
        let form = match path.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => Form::Svg,
            Some("json") => Form::Trace,
            _ => return Err("expected a file that ends in .svg (a picture) or .json (trace events)".to_owned()),
        };
        Ok(TimelineTo { path, form })
    }
}
