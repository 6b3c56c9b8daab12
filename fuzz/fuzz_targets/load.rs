//! Looks for bytes that are no program and harm the host.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (wasm_pool_fuzz::load::TARGET.holds)(bytes));
