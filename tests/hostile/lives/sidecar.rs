//! What stands in a sidecar: how a case is run, and what must come of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use wasm_pool::{Limits, units};

/// One `NAME.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Sidecar {
    /// What the guest does, in a few words.
    #[allow(dead_code)] // for people; that it is there is checked
    pub(crate) what: String,
    /// The rows of the catalogue that it covers.
    pub(crate) rows: Vec<u32>,
    /// How it must end: the label of an outcome, or `refused`.
    pub(crate) outcome: String,
    /// The same for the component, where a component cannot say the same: it has no exit codes but 0 and 1.
    pub(crate) component_outcome: Option<String>,
    /// The exit code of the command line.
    #[allow(dead_code)] // the library has none
    pub(crate) exit: i32,
    /// What must be said about it.
    #[serde(default)]
    pub(crate) says: String,
    /// All that it must print.
    pub(crate) prints: Option<String>,
    /// Limits, by the names of their flags.
    #[serde(default)]
    pub(crate) limits: BTreeMap<String, String>,
    /// `pipe`, or `none`: its output goes nowhere.
    #[serde(default)]
    pub(crate) output: Output,
    /// Named queues that it may use.
    #[serde(default)]
    pub(crate) queues: Vec<String>,
    /// How many interpreters it may create, and how deep.
    pub(crate) interpreters: Option<[u32; 2]>,
    /// Lives in a row that must leave nothing; for cases that are over soon.
    #[allow(dead_code)] // a process has one
    pub(crate) lives: Option<u32>,
    /// Whether its file calls run on its worker.
    #[serde(default)]
    pub(crate) inline: bool,
    /// The folders that it is granted.
    #[serde(default)]
    pub(crate) place: Place,
}

/// Where the output of a guest goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Output {
    #[default]
    Pipe,
    None,
}

/// Folders, and what the host has put there. Paths begin at the place, where `outside` lies beside the granted ones.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Place {
    /// Granted folders, each as `NAME:ro` or `NAME:rw`; the guest sees them as `/NAME`.
    #[serde(default)]
    pub(crate) dirs: Vec<String>,
    /// Links: where, and to what; `OUTSIDE` in it is the absolute path of the folder outside.
    #[serde(default)]
    pub(crate) links: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) fifos: Vec<String>,
    #[serde(default)]
    pub(crate) sockets: Vec<String>,
    /// While the guest runs, a folder here and a link to the folder outside change places again and again.
    pub(crate) swap: Option<String>,
}

impl Sidecar {
    pub(crate) fn parse(text: &str) -> Result<Sidecar, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// What must come of it.
    pub(crate) fn outcome(&self, component: bool) -> &str {
        match &self.component_outcome {
            Some(outcome) if component => outcome,
            _ => &self.outcome,
        }
    }

    /// The limits, with a deadline in any case.
    #[allow(dead_code)] // a process is given flags
    pub(crate) fn limits(&self) -> Result<Limits, String> {
        let mut limits = Limits {
            deadline: Some(Duration::from_secs(5)),
            ..Limits::default()
        };
        for (name, value) in &self.limits {
            let size = || units::parse_size(value);
            let count = || value.parse().map_err(|_| format!("{name}: {value:?} is no number"));
            match name.as_str() {
                "memory" => limits.memory = size()?,
                "tables" => limits.tables = count()?,
                "deadline" => limits.deadline = units::parse_bound(value)?,
                "cpu-time" => limits.cpu_time = units::parse_bound(value)?,
                "output-limit" => limits.output = size()?,
                "open-files" => limits.open_files = u32::try_from(count()?).map_err(|error| error.to_string())?,
                "handles" => limits.handles = u32::try_from(count()?).map_err(|error| error.to_string())?,
                "messages" => limits.messages = size()?,
                "max-queues" => limits.queues = u32::try_from(count()?).map_err(|error| error.to_string())?,
                other => return Err(format!("there is no limit {other:?}")),
            }
        }
        Ok(limits)
    }
}
