//! The library, as a larger service uses it: many lives on few workers, ends, budgets, shutdown.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../hostile/lives/afters.rs"]
mod afters;
#[path = "../harness/mod.rs"]
mod harness;

mod apart;
mod fairness;
mod lives;
mod loading;
mod many;
mod memory;
mod shutdown;
mod timeline;

use std::time::Duration;

use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::{Allocation, Engine, Grants, Limits, Pool, Program, Setup};

/// An engine, a pool of `workers` and a program.
fn pool_for(source: &[u8], instances: u32, workers: usize) -> (Pool, Program) {
    pool_on(Engine::builder().instances(instances), source, workers)
}

fn pool_on(builder: wasm_pool::engine::EngineBuilder, source: &[u8], workers: usize) -> (Pool, Program) {
    let engine = builder.build().expect("an engine");
    let program = Program::from_bytes(&engine, "guest", source, &Limits::default()).expect("a program");
    let pool = Pool::builder(&engine).workers(workers).build().expect("a pool");
    (pool, program)
}

/// Both allocators.
fn allocations() -> [Allocation; 2] {
    [Allocation::OnDemand, Allocation::Pooling]
}

fn probe() -> Vec<u8> {
    std::fs::read(harness::probe_p1()).expect("reads")
}

/// What makes a probe do something.
fn doing(args: &[&str]) -> Setup {
    Setup {
        grants: Grants {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            ..Grants::default()
        },
        ..Setup::default()
    }
}

fn within(deadline: Duration, setup: Setup) -> Setup {
    Setup {
        limits: Limits {
            deadline: Some(deadline),
            ..setup.limits
        },
        ..setup
    }
}

fn printing(setup: Setup) -> (Setup, OutputPipe) {
    let output = OutputPipe::unbounded();
    let stdio = Stdio {
        stdout: Output::Pipe(output.clone()),
        ..Stdio::default()
    };
    (Setup { stdio, ..setup }, output)
}
