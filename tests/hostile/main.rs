//! What will be done to us, and what must happen: malformed files and files that are something else.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod malformed;
mod paths;
mod shortage;
