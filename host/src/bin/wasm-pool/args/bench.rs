//! `bench`: what is measured, how long, and where the figures go.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use wasm_pool::units;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// About fifteen seconds in place of two minutes, less certain.
    #[arg(long)]
    pub quick: bool,

    /// About how long all parts take together, in place of that; longer is surer.
    #[arg(long, value_name = "TIME", value_parser = units::parse_duration)]
    pub time: Option<Duration>,

    /// Measure these only, with commas between them; each in its part of the time.
    #[arg(long, value_name = "NAMES", value_enum, value_delimiter = ',')]
    pub only: Vec<Part>,

    /// Threads that run guests, and how far the scaling curve goes; as many as this process may use cores, unless said otherwise.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,

    /// Draw the scaling curve and the latencies into this file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,

    /// Write every round of every figure to this file, and what the machine is.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,

    /// No progress bar and no table; for `--svg` and `--json`.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Keep this process's rights; as for `run`.
    #[arg(long)]
    pub no_lockdown: bool,
}

/// `--only`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Part {
    /// To start, run and end an instance
    Start,
    /// To call a function
    Calls,
    /// To pass messages from guest to guest
    Queue,
    /// What more workers gain
    Scaling,
    /// How many instances fit
    Density,
}

impl Part {
    /// As it is written behind `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Start => "start",
            Part::Calls => "calls",
            Part::Queue => "queue",
            Part::Scaling => "scaling",
            Part::Density => "density",
        }
    }
}

impl BenchArgs {
    /// What is measured, in this order, each once.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut parts = match self.only.as_slice() {
            [] => Part::value_variants().to_vec(),
            only => only.to_vec(),
        };
        parts.sort_unstable();
        parts.dedup();
        parts
    }
}
