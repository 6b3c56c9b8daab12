//! What must hold of wasm-pool whatever the bytes, one property a door that strangers' bytes come in by.
//!
//! Each property takes bytes, and panics when it does not hold. `tests/replay.rs` runs them over every seed in `corpus/`, and over
//! damaged ones, with an ordinary toolchain; `fuzz_targets/` hands them to libFuzzer. The README beside has the commands.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a property that does not hold panics

pub mod actors;
pub mod items;
pub mod load;
pub mod manifest;
mod script;
mod types;
pub mod values;

/// A property, by the name of its target and of its folder in `corpus/`.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Panics when the property does not hold for these bytes.
    pub holds: fn(&[u8]),
    /// Words that mean something in such bytes.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: [Target; 5] = [
    load::TARGET,
    manifest::TARGET,
    items::TARGET,
    values::TARGET,
    actors::TARGET,
];

/// Checks that a message is one line that can be shown on a terminal.
#[track_caller]
fn presentable(message: &str) {
    let shown = |c: char| !c.is_control() || c == '\t';
    assert!(!message.is_empty() && message.chars().all(shown), "{message:?}");
}
