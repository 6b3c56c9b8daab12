//! Looks for host calls that leave something behind.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (wasm_pool_fuzz::actors::TARGET.holds)(bytes));
