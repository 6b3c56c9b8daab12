//! A manifest: several programs and the queues between them, from its text to what it means. Every mistake names the line
//! and the key.
//!
//! `wasm-pool up` runs one; a service of one's own can read the same files.

mod graph;
mod guest;
mod parse;
mod raw;
mod spec;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::raw::Children;
pub use self::spec::QueueSpec;
use crate::grants::DirGrant;
use crate::limits::Limits;
use crate::{Error, ErrorKind, Result};

/// What a manifest says, checked.
#[derive(Debug)]
pub struct Plan {
    /// The queue that our stdin goes into.
    pub feed: Option<String>,
    /// The queue that goes to our stdout.
    pub drain: Option<String>,
    /// Threads that run guests; as many as cores unless it says so.
    pub workers: Option<usize>,
    /// Limits of the pool, and of a program that says nothing else.
    pub limits: Limits,
    /// The queues, in the order of the manifest.
    pub queues: Vec<QueueSpec>,
    /// The programs, in the order of the manifest.
    pub programs: Vec<Part>,
}

/// One program of a plan.
#[derive(Debug)]
pub struct Part {
    /// Its name in the manifest.
    pub name: String,
    /// What it is.
    pub guest: GuestSource,
    /// What each copy runs, if it is a program that runs source text.
    pub script: Option<ScriptSource>,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// How many copies run; 0 for a program of which only interpreters are made.
    pub instances: usize,
    /// Folders, seen from where the manifest is.
    pub dirs: Vec<DirGrant>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// The queues that it gets from.
    pub gets: Vec<String>,
    /// The queues that it puts into.
    pub puts: Vec<String>,
    /// What happens when an instance fails.
    pub restart: Restart,
    /// Whether its guests may create interpreters.
    pub interpreters: Option<Children>,
    /// What an instance may use.
    pub limits: Limits,
    /// Where the manifest says so.
    pub named_at: NamedAt,
}

/// What a program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestSource {
    /// A file, seen from where the manifest is.
    File(PathBuf),
    /// A language of this name, which whoever runs the plan has a program for.
    Language(String),
}

/// Source text that a program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptSource {
    /// What a file holds.
    File {
        /// What the manifest calls it, and the script is told.
        name: String,
        /// Where it is, seen from where the manifest is.
        path: PathBuf,
    },
    /// The text itself.
    Text(String),
}

/// Where the manifest names what may turn out to be wrong when it is used: `pool.toml:3: programs.a.guest`.
#[derive(Debug)]
pub struct NamedAt {
    /// The guest's file, or its language.
    pub guest: String,
    /// The script.
    pub script: String,
    /// The folders.
    pub dirs: String,
    /// The programs that its interpreters may be of.
    pub children: String,
}

/// What happens when an instance fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    Never,
    /// It is started again, the first time after a wait and each time after twice the last one, at most [`LONGEST_BACKOFF`].
    OnFailure {
        /// So many times.
        budget: u32,
        /// The first wait.
        backoff: Duration,
    },
}

/// The shortest first wait before a restart: since each is twice the last one, nobody is started again and again without end.
pub const SHORTEST_BACKOFF: Duration = Duration::from_millis(1);

/// The longest wait before a restart.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// The variables in which each instance is told its number and how many there are; nobody else can say them.
pub const TOLD: [&str; 2] = ["WASM_POOL_INSTANCE", "WASM_POOL_INSTANCES"];

/// More than anybody writes.
const LARGEST: u64 = 1 << 20;

impl Plan {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] for a file that cannot be read or is larger than 1 MiB, [`ErrorKind::Usage`] for a mistake in it,
    /// with its line and its key.
    pub fn read(path: &Path) -> Result<Plan> {
        let shown = path.display().to_string();
        let unreadable = |why: String| Error::new(ErrorKind::Unreadable, format!("{shown}: {why}"));
        let meta = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
        if meta.is_dir() {
            return Err(unreadable(
                "expected a manifest, a file, and this is a folder".to_owned(),
            ));
        }
        if !meta.is_file() || meta.len() > LARGEST {
            return Err(unreadable("a manifest is a file of at most 1MiB".to_owned()));
        }
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            unreadable(match error.as_bytes().starts_with(b"\0asm") {
                true => "expected a manifest, and this is WebAssembly: `wasm-pool run` runs it".to_owned(),
                false => "a manifest is text in UTF-8, and this is not".to_owned(),
            })
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Plan::parse(&text, &shown, folder)
    }

    /// Reads a manifest's text. Mistakes are said to be in `name`; files are looked for from `folder` on.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`], with the line and the key of the mistake.
    pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Plan> {
        parse::parse(text, name, folder)
    }

    /// Who puts what where, as text: a line for each queue, from those who put to those who get, and one for each program that
    /// uses none.
    pub fn picture(&self) -> String {
        graph::picture(self)
    }

    /// What is allowed and can hardly be meant.
    pub fn warnings(&self) -> Vec<String> {
        graph::warnings(self)
    }
}
