//! A machine that gives little: one line, no panic, nothing left.

use std::process::{Command, Stdio};

use crate::harness::*;

/// Runs the binary under `prlimit` with these limits.
fn limited(limits: &[&str], args: &[&str]) -> Done {
    let mut command = Command::new("prlimit");
    command.args(limits).arg(env!("CARGO_BIN_EXE_wasm-pool")).args(args);
    done(
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    )
}

#[test]
fn few_files_are_said_before_the_start() {
    let probe = probe_p1().display().to_string();
    let args = ["run", &probe, "-n", "3", "--no-cache", "--", "args", "x"];
    limited(&["--nofile=20:20"], &args)
        .exits(2)
        .one_line()
        .says("ulimit -n");
    limited(&["--nofile=100:100"], &args).exits(0).prints("x\nx\nx\n");
}

#[test]
fn few_addresses_are_said_before_the_start() {
    let probe = probe_p1().display().to_string();
    // 20 GB hold no 100 reservations of 4 GiB.
    let done = limited(
        &["--as=20000000000"],
        &["run", &probe, "-n", "100", "--no-cache", "--", "args", "x"],
    )
    .exits(2);
    assert!(done.stdout.is_empty());
    done.one_line().says("4 GiB of addresses");
}

#[test]
fn few_threads_are_an_error_and_no_panic() {
    // Only another user than root has a limit here, and only root can become one.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = folder();
    let binary = place.path().join("wasm-pool");
    std::fs::copy(env!("CARGO_BIN_EXE_wasm-pool"), &binary).expect("copies");
    let guest = place.path().join("guest.wasm");
    std::fs::copy(probe_p1(), &guest).expect("copies");
    open_to_all(place.path());
    for threads in 1..12 {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=64321", "--regid=64321", "--clear-groups", "prlimit"]);
        command
            .arg(format!("--nproc={threads}"))
            .arg(&binary)
            .arg("run")
            .arg(&guest);
        command.args(["-n", "3", "--no-cache", "-q", "--", "args", "x"]);
        let done = done(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        );
        assert!(!done.stderr.contains("panicked"), "{threads} {done:#?}");
        assert!(matches!(done.code, Some(0 | 70 | 74)), "{threads} {done:#?}");
    }
}

#[test]
fn memory_that_the_system_refuses_in_the_middle_ends_the_guest_and_not_the_process() {
    // Compiled before: a compiler that gets no memory ends the process, as any program in Rust does.
    let place = folder();
    let compiled = place.path().join("probe.cwasm").display().to_string();
    done(wasm_pool(["compile".as_ref(), probe_p1().as_os_str()]).args(["-o", &compiled])).exits(0);
    let args = [
        "run",
        &compiled,
        "--allow-precompiled",
        "-w",
        "1",
        "--",
        "allocate",
        "200000000",
    ];
    for data in [100, 120, 140, 160, 180] {
        let done = limited(&[&format!("--data={data}000000")], &args);
        done.exits(134).says("unreachable");
    }
    limited(&["--data=400000000"], &args).exits(0).prints("200000000\n");
}

fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    for path in [folder.to_owned(), folder.join("wasm-pool"), folder.join("guest.wasm")] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("opens up");
    }
}
