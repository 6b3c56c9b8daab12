//! Looks for values that come back as others.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (wasm_pool_fuzz::values::TARGET.holds)(bytes));
