//! The command line, as a process: what it runs, what it prints, how it ends.

#[path = "../harness/mod.rs"]
mod harness;

mod cache;
mod commands;
mod examples;
mod grants;
mod limits;
mod output;
mod signals;
mod stdin;
mod verbs;
