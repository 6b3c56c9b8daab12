//! The cases in `tests/hostile/cases`: what hostile guests do, and what must come of it. The build script pairs each guest
//! with its sidecar; a missing half fails the build.

/// One case.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The name of its files.
    pub name: &'static str,
    /// What is run.
    pub guest: Guest,
    /// How, and what must come of it: TOML.
    pub sidecar: &'static str,
}

/// The guest of a case.
#[derive(Debug, Clone, Copy)]
pub enum Guest {
    /// WebAssembly's text.
    Text(&'static str),
    /// The name of a guest that is built in `tests/guests`, and its arguments, one a line.
    Built(&'static str),
}

/// Every case, by name.
#[allow(missing_docs)] // it is generated
mod listed {
    use super::{Case, Guest};

    include!(concat!(env!("OUT_DIR"), "/cases.rs"));
}

pub use listed::CASES;
