//! Guests in several languages, through the library and the command.

#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod command;
mod js;
mod languages;
mod polyglot;
mod program;
mod python;
mod roundtrip;
mod values;
