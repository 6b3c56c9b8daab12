//! Queues and interpreters.

use std::str::FromStr;

use clap::Args;
use wasm_pool::{QueueOptions, Unbound, units};

#[derive(Debug, Args)]
#[command(next_help_heading = "Queues and interpreters")]
pub(crate) struct QueueArgs {
    /// A queue that the guests may open by this name; it holds MAXSIZE items (1,024; 0: bounded by bytes only) and MAXBYTES
    /// (16MiB).
    #[arg(long = "queue", value_name = "NAME[:MAXSIZE[:MAXBYTES]]")]
    pub queues: Vec<QueueSpec>,

    /// Put each line of our stdin into this queue, and close it at the end of the input.
    #[arg(long, value_name = "NAME")]
    pub feed: Option<String>,

    /// Print what comes out of this queue, a line for each item.
    #[arg(long, value_name = "NAME")]
    pub drain: Option<String>,

    /// Let each guest create so many interpreters at once, and these others, DEPTH levels deep (1).
    #[arg(long, value_name = "COUNT[:DEPTH]")]
    pub interpreters: Option<InterpreterSpec>,
}

/// `--queue`
#[derive(Debug, Clone)]
pub(crate) struct QueueSpec {
    pub name: String,
    pub options: QueueOptions,
}

impl QueueSpec {
    /// A queue with every default.
    pub(crate) fn named(name: &str) -> QueueSpec {
        QueueSpec {
            name: name.to_owned(),
            // Guests of a pipeline end when they have put their last item; nobody must lose it.
            options: QueueOptions {
                unbound: Unbound::Keep,
                ..QueueOptions::default()
            },
        }
    }
}

impl FromStr for QueueSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<QueueSpec, String> {
        let mut parts = text.split(':');
        let mut spec = QueueSpec::named(parts.next().unwrap_or_default());
        if let Some(size) = parts.next() {
            spec.options.max_size = size.parse().map_err(|_| format!("{size:?} is no number of items"))?;
        }
        if let Some(bytes) = parts.next() {
            spec.options.max_bytes = units::parse_size(bytes)?;
        }
        match parts.next() {
            None if !spec.name.is_empty() => Ok(spec),
            _ => Err("expected NAME, NAME:MAXSIZE or NAME:MAXSIZE:MAXBYTES, such as work:64:1MiB".to_owned()),
        }
    }
}

/// `--interpreters`
#[derive(Debug, Clone, Copy)]
pub(crate) struct InterpreterSpec {
    pub count: u32,
    pub depth: u32,
}

impl FromStr for InterpreterSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<InterpreterSpec, String> {
        let (count, depth) = text.split_once(':').unwrap_or((text, "1"));
        match (count.parse(), depth.parse()) {
            (Ok(count), Ok(depth)) if count > 0 && depth > 0 => Ok(InterpreterSpec { count, depth }),
            _ => Err("expected COUNT or COUNT:DEPTH, such as 8 or 8:2".to_owned()),
        }
    }
}
