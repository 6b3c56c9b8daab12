//! What will be done to us, and what must happen: malformed files and files that are something else, many at once, a machine that gives little.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod arguments;
mod coverage;
mod crowd;
mod handles;
mod inline;
mod malformed;
mod messages;
mod names;
mod network;
mod paths;
mod processes;
mod randomness;
mod shortage;
mod traces;
