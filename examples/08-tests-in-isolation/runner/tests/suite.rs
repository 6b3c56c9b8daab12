//! The runner as a process, on the example's suite.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

use std::path::Path;
use std::process::{Command, Output};

fn isolate(guest: &str, flags: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_isolate"));
    command.arg(folder.join(guest)).args(flags).output().expect("starts")
}

#[test]
fn each_test_has_an_interpreter_of_its_own() {
    let output = isolate("suite.wasm", &["--deadline", "1s"]);
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    let line = |test: &str| {
        let of = |line: &&str| line.contains(&format!("#{test} ("));
        stdout
            .lines()
            .find(of)
            .unwrap_or_else(|| panic!("no {test} in {stdout}"))
    };
    for passes in [
        "writes-each-digit",
        "writes-the-longest",
        "reads-what-it-writes",
        "refuses-nonsense",
        "writes-nothing-too-large",
        // In an interpreter that another test had used it would fail.
        "leaks-no-state",
    ] {
        assert!(line(passes).starts_with("ok "), "{stdout}");
    }
    for (fails, why) in [
        ("reads-small-letters", "found None, expected Some(14)"),
        ("writes-zero", "trapped: "),
        ("finds-a-number-without-numeral", "not done after 1s"),
    ] {
        let line = line(fails);
        assert!(line.starts_with("FAILED ") && line.contains(why), "{stdout}");
    }
    // What the panic said.
    assert!(stdout.contains("assertion `left == right` failed"), "{stdout}");
    assert!(stdout.ends_with("6 passed, 3 failed\n"), "{stdout}");
}

#[test]
fn refuses_a_guest_without_tests() {
    let output = isolate("../06-map/sweep.wasm", &[]);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.starts_with("isolate: ") && stderr.contains("no function without parameters"),
        "{stderr}"
    );
}
