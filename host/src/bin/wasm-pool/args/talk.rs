//! Queues and interpreters.

use std::str::FromStr;

use clap::Args;
use wasm_pool::grants::InterpreterGrant;
use wasm_pool::manifest::QueueSpec;

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

    /// Let each guest create so many interpreters at once, and these others, DEPTH levels deep (1); `none` for none, the
    /// default. Of languages the default is 64:2, and 1,024 for all guests together.
    #[arg(long, value_name = "COUNT[:DEPTH]")]
    pub interpreters: Option<InterpreterSpec>,
}

/// `--interpreters`
#[derive(Debug, Clone, Copy)]
pub(crate) struct InterpreterSpec {
    /// 0: none may be created.
    pub count: u32,
    pub depth: u32,
}

impl InterpreterSpec {
    /// What it grants: interpreters of a guest's own program.
    pub(crate) fn grant(self) -> Option<InterpreterGrant> {
        (self.count > 0).then(|| InterpreterGrant {
            count: self.count,
            depth: self.depth,
            programs: Default::default(),
        })
    }
}

impl FromStr for InterpreterSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<InterpreterSpec, String> {
        if text == "none" {
            return Ok(InterpreterSpec { count: 0, depth: 0 });
        }
        let (count, depth) = text.split_once(':').unwrap_or((text, "1"));
        match (count.parse(), depth.parse()) {
            (Ok(count), Ok(depth)) if count > 0 && depth > 0 => Ok(InterpreterSpec { count, depth }),
            _ => Err("expected COUNT or COUNT:DEPTH, such as 8 or 8:2, or none".to_owned()),
        }
    }
}
