//! What will be done to us, and what must happen: malformed files and files that are something else.

#[path = "../harness/mod.rs"]
mod harness;

mod malformed;
mod paths;
