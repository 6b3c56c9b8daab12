//! A manifest as it is written: its keys, their types, and nothing of what they mean.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Raw {
    pub feed: Option<Spanned<String>>,
    pub drain: Option<Spanned<String>>,
    pub workers: Option<Spanned<usize>>,
    #[serde(default)]
    pub limits: PoolLimits,
    #[serde(default)]
    pub queues: IndexMap<String, Spanned<RawQueue>>,
    pub programs: IndexMap<String, Spanned<RawPart>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawQueue {
    pub max_size: Option<u32>,
    pub max_bytes: Option<Spanned<String>>,
    #[serde(default)]
    pub unbound: RawUnbound,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawUnbound {
    #[default]
    Keep,
    Replace,
    Error,
    Remove,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPart {
    pub guest: Option<Spanned<PathBuf>>,
    pub lang: Option<Spanned<String>>,
    pub script: Option<Spanned<PathBuf>>,
    pub exec: Option<Spanned<String>>,
    #[serde(default)]
    pub py_path: Vec<Spanned<PathBuf>>,
    #[serde(default)]
    pub args: Vec<Spanned<String>>,
    #[serde(default = "one_instance")]
    pub instances: usize,
    #[serde(default)]
    pub dirs: Vec<Spanned<String>>,
    #[serde(default)]
    pub env: IndexMap<String, Spanned<String>>,
    #[serde(default)]
    pub gets: Vec<Spanned<String>>,
    #[serde(default)]
    pub puts: Vec<Spanned<String>>,
    #[serde(default)]
    pub restart: RawRestart,
    pub restarts: Option<Spanned<u32>>,
    pub backoff: Option<Spanned<String>>,
    pub interpreters: Option<Children>,
    #[serde(default)]
    pub limits: PartLimits,
}

/// Which interpreters the guests of a part may create.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Children {
    /// How many at once.
    pub count: u32,
    /// How many levels deep.
    #[serde(default = "one")]
    pub depth: u32,
    /// Of which other programs of the manifest.
    #[serde(default)]
    pub programs: Vec<Spanned<String>>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawRestart {
    #[default]
    Never,
    OnFailure,
}

/// Limits of one program, by the names of `run`'s flags.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PartLimits {
    pub memory: Option<Spanned<String>>,
    pub tables: Option<u64>,
    pub deadline: Option<Spanned<String>>,
    pub cpu_time: Option<Spanned<String>>,
    pub output_limit: Option<Spanned<String>>,
    pub open_files: Option<u32>,
    pub handles: Option<u32>,
    pub messages: Option<Spanned<String>>,
    pub max_queues: Option<u32>,
}

/// Limits of the pool and of what all programs share, and what holds for a program that says nothing else.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PoolLimits {
    pub memory: Option<Spanned<String>>,
    pub tables: Option<u64>,
    pub deadline: Option<Spanned<String>>,
    pub cpu_time: Option<Spanned<String>>,
    pub output_limit: Option<Spanned<String>>,
    pub open_files: Option<u32>,
    pub handles: Option<u32>,
    pub messages: Option<Spanned<String>>,
    pub max_queues: Option<u32>,
    pub stack: Option<Spanned<String>>,
    pub fuel: Option<u64>,
    pub module_size: Option<Spanned<String>>,
    pub compile_time: Option<Spanned<String>>,
    pub pool_memory: Option<Spanned<String>>,
    pub pool_queues: Option<u32>,
    pub grace: Option<Spanned<String>>,
}

fn one() -> u32 {
    1
}

fn one_instance() -> usize {
    1
}
