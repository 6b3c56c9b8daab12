//! The command line, as a process: what it runs, what it prints, how it ends.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod bench;
mod cache;
mod call;
mod commands;
mod examples;
mod exec;
mod grants;
mod hanging;
mod lang;
mod limits;
mod lockdown;
mod map;
mod output;
mod queues;
mod resume;
mod reuse;
mod signals;
mod stdin;
mod stopping;
mod streams;
mod tables;
mod timeline;
mod up;
mod verbs;
mod worlds;
