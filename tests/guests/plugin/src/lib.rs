//! A component whose functions are called one by one: `wit/plugin.wit` says what each of them does.
//!
//! It is built twice. On wasm32-unknown-unknown it is pure; on wasm32-wasip2 it has a few functions more, of what only WASI
//! can do.
// Elsewhere it exports nothing: the names of its exports are none that a native linker takes.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

mod geometry;
mod kinds;

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

mod bindings {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]

    #[cfg(not(target_os = "wasi"))]
    wit_bindgen::generate!({ world: "plugin" });
    #[cfg(target_os = "wasi")]
    wit_bindgen::generate!({ world: "plugin-wasi" });

    #[cfg(target_family = "wasm")]
    use super::Plugin;
    #[cfg(target_family = "wasm")]
    export!(Plugin);
}

struct Plugin;

/// How often `next` was called.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// What `setup` was given.
static VALUE: AtomicU32 = AtomicU32::new(0);

/// What `hold` keeps.
static HELD: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

impl bindings::Guest for Plugin {
    fn add(a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }

    fn nothing() {}

    fn next() -> u32 {
        CALLS.fetch_add(1, Relaxed) + 1
    }

    fn fails(what: String) -> Result<u32, String> {
        if what.starts_with("bad") {
            return Err(format!("{what:?} is bad"));
        }
        u32::try_from(what.len()).map_err(|error| error.to_string())
    }

    fn trap(at: u32) -> u32 {
        if at == 17 {
            std::process::abort();
        }
        at
    }

    fn spin(at: u32) -> u32 {
        if at == 23 {
            loop {
                std::hint::black_box(());
            }
        }
        at
    }

    fn hold(bytes: u32) -> u32 {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        // Not zeros, which could be memory that was never touched.
        held.push(vec![1; bytes as usize]);
        held.iter().map(|block| block.len() as u32).sum()
    }

    fn big(bytes: u32) -> Vec<u8> {
        (0..bytes).map(|at| at as u8).collect()
    }

    fn checksum(data: Vec<u8>) -> u32 {
        data.iter().fold(0, |sum, byte| sum.wrapping_add(u32::from(*byte)))
    }

    fn setup(value: u32) {
        VALUE.store(value, Relaxed);
    }

    fn setup_fails() {
        std::process::abort();
    }

    fn value() -> u32 {
        VALUE.load(Relaxed)
    }

    /// Without WASI there is nothing that could tell two instances apart.
    #[cfg(not(target_os = "wasi"))]
    fn random() -> u64 {
        4
    }

    /// The keys of a hash map are the randomness that the standard library shows.
    #[cfg(target_os = "wasi")]
    fn random() -> u64 {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(0)
    }

    #[cfg(target_os = "wasi")]
    fn pause(milliseconds: u32) {
        std::thread::sleep(std::time::Duration::from_millis(milliseconds.into()));
    }

    #[cfg(target_os = "wasi")]
    fn env(name: String) -> Option<String> {
        std::env::var(name).ok()
    }

    #[cfg(target_os = "wasi")]
    fn print(text: String) {
        println!("{text}");
    }

    #[cfg(target_os = "wasi")]
    fn leave(code: u8) {
        std::process::exit(code.into());
    }
}
