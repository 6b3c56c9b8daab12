//! Looks for manifests that harm who reads them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (wasm_pool_fuzz::manifest::TARGET.holds)(bytes));
