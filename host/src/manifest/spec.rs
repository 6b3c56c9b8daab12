//! Queues as people write them.

use std::str::FromStr;

use crate::queue::{QueueOptions, Unbound};
use crate::units;

/// A named queue.
#[derive(Debug, Clone)]
pub struct QueueSpec {
    /// Its name.
    pub name: String,
    /// What it is like.
    pub options: QueueOptions,
}

impl QueueSpec {
    /// A queue with every default.
    pub fn named(name: &str) -> QueueSpec {
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

/// A queue as one writes it: `NAME[:MAXSIZE[:MAXBYTES]]`.
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
