//! Looks for items that arrive as something else.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (wasm_pool_fuzz::items::TARGET.holds)(bytes));
