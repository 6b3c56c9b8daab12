//! The semantics of PEP 734, seen from inside a guest. Each test names the CPython test that it mirrors, or says that CPython has
//! none.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod interpreters;
mod queues;
mod unbound;

use harness::{Done, root, run};
use wasm_pool::{Engine, Grants, Limits, Pool, Program, Setup};

/// A pool and the talker, through the library.
fn talkers() -> (Pool, Program) {
    let engine = Engine::builder().instances(8).build().expect("an engine");
    let talker = root().join("tests/guests/talker.wasm");
    let program = Program::from_file(&engine, talker, &Limits::default()).expect("a program");
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    (pool, program)
}

/// A talker with these words, and these queues granted.
fn doing(words: &[&str], queues: &[&str]) -> Setup {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let grants = Grants {
        args: owned(words),
        queues: owned(queues),
        ..Grants::default()
    };
    Setup {
        grants,
        ..Setup::default()
    }
}

/// Runs the talker with these words, and grants to create interpreters.
fn talk(words: &[&str]) -> Done {
    talk_with(&["--interpreters", "8:3"], words)
}

fn talk_with(flags: &[&str], words: &[&str]) -> Done {
    let flags = flags.iter().chain(&["-q", "--"]).chain(words).copied();
    run(root().join("tests/guests/talker.wasm"), &flags.collect::<Vec<_>>())
}

/// Runs the talker, which must succeed and print these lines.
#[track_caller]
fn says(words: &[&str], lines: &[&str]) {
    talk(words)
        .exits(0)
        .prints(&lines.iter().map(|line| format!("{line}\n")).collect::<String>());
}
