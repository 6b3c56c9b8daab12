//! What does a program cost that is compiled already? Loading it from the code cache, beside compiling it and beside Wasmtime's own
//! `deserialize_file` of the same code.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{figure, guest, median, took};
use wasm_pool::{Cache, Engine, Limits, Program};
use wasmtime::component::Component;

/// Loads a round: one takes less than a clock of processor time tells.
const LOADS: u32 = 50;

/// Processor time of one load from a cache that has it.
fn cached(engine: &Engine, bytes: &[u8]) -> Duration {
    let load = || {
        for _ in 0..LOADS {
            drop(Program::from_bytes(engine, "guest", bytes, &Limits::default()).expect("loads"));
        }
    };
    took(load).1 / LOADS
}

/// The same with Wasmtime alone, which looks at nothing but its header.
fn deserialized(engine: &Engine, file: &std::path::Path) -> Duration {
    let load = || {
        for _ in 0..LOADS {
            // SAFETY: `bare` wrote it just now, with this engine.
            #[allow(unsafe_code)]
            let component = unsafe { Component::deserialize_file(engine.wasmtime(), file) };
            drop(component.expect("loads"));
        }
    };
    took(load).1 / LOADS
}

fn main() {
    let folder = std::env::temp_dir().join(format!("wasm-pool-bench-cache-{}", std::process::id()));
    for name in ["tests/guests/plugin.wasm", "tests/guests/talker.wasm"] {
        let bytes = guest(name);
        let without = Engine::builder().instances(2).build().expect("an engine");
        let cache = Cache::open(&folder).expect("a cache");
        let with = Engine::builder().instances(2).cache(cache).build().expect("an engine");
        let file = folder.join("bare");
        let component = Component::new(with.wasmtime(), &bytes).expect("compiles");
        std::fs::write(&file, component.serialize().expect("serializes")).expect("is written");
        // The first one compiles, into the cache.
        cached(&with, &bytes);

        let compile =
            || took(|| drop(Program::from_bytes(&without, "guest", &bytes, &Limits::default()).expect("compiles"))).1;
        let compiling = median((0..5).map(|_| compile()).collect());
        let loading = median((0..11).map(|_| cached(&with, &bytes)).collect());
        let short = name.rsplit('/').next().unwrap_or(name);
        figure(
            &format!("{short} ({} KiB), compiled, processor time", bytes.len() >> 10),
            common::millis(compiling),
            "",
        );
        figure(
            &format!("{short}, from the code cache, processor time"),
            common::millis(loading),
            "",
        );
        let gain = compiling.as_secs_f64() / loading.as_secs_f64();
        figure(
            &format!("{short}, from the code cache, faster than compiled"),
            format!("{gain:.0}"),
            "",
        );
        let ratio = common::ratio(11, || cached(&with, &bytes), || deserialized(&with, &file));
        figure(
            &format!("{short}, from the code cache / Wasmtime's `deserialize_file`"),
            format!("{ratio:.2}"),
            "",
        );
    }
    std::fs::remove_dir_all(folder).expect("is removed");
}
