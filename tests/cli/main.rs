//! The command line, as a process: what it runs, what it prints, how it ends.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod cache;
mod commands;
mod examples;
mod grants;
mod limits;
mod output;
mod queues;
mod signals;
mod stdin;
mod up;
mod verbs;
