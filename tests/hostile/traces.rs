//! What a trap leaves behind: a line, and no file.

use crate::harness::*;

#[test]
fn a_trap_leaves_no_file_and_one_line_whatever_the_environment_asks_for() {
    let place = folder();
    let guest = wat(r#"(module (func $f (unreachable)) (func (export "_start") (call $f)))"#);
    let mut command = wasm_pool(["run".as_ref(), guest.path().as_os_str()]);
    command
        .current_dir(place.path())
        .env("WASMTIME_BACKTRACE_DETAILS", "1")
        .env("RUST_BACKTRACE", "full")
        .env("WASMTIME_LOG", "trace");
    let done = done(&mut command).exits(134).says("unreachable");
    // The guest's line and the summary.
    assert_eq!(done.stderr.lines().count(), 2, "{done:#?}");
    assert_eq!(std::fs::read_dir(place.path()).expect("lists").count(), 0);
}
