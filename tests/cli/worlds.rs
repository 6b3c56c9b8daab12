//! Disks that are not there in the world of the tests: full ones, such as cannot be written, and one that answers nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::*;

/// Mounts what is the first argument at the second one, and becomes the others.
const MOUNTS: &str = r#"exec 3<>/dev/fuse
    eval "mount -i $1 nothing \"\$2\""
    shift 2
    exec "$@""#;

/// Few bytes for files.
pub(crate) const SMALL: &str = "-t tmpfs -o size=64k";
/// Nothing can be written there.
pub(crate) const READ_ONLY: &str = "-t tmpfs -o ro";
/// Whoever looks into it hangs, as long as somebody has the third descriptor open.
pub(crate) const HANGS: &str = "-t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0";

/// `wasm-pool` in a world of its own where `folder` is such a disk, if this machine lets us make one.
pub(crate) fn with(mount: &str, folder: &Path) -> Option<Command> {
    let world = || {
        let mut command = Command::new("unshare");
        command.args(["-Urm", "sh", "-ec", MOUNTS, "sh", mount]).arg(folder);
        command
    };
    let tried = world().arg("true").stderr(Stdio::null()).status();
    let mut command = world();
    command
        .arg(env!("CARGO_BIN_EXE_wasm-pool"))
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    tried.is_ok_and(|status| status.success()).then_some(command)
}

#[test]
fn a_disk_that_gets_full_in_the_middle_is_said() {
    let (place, probe) = (folder(), probe_p1().display().to_string());
    let out = place.path().display().to_string();
    let to = |what: &str| format!("{out}/{what}");
    let files = format!("files:{out}");
    let numbers: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    let input = file(numbers.as_bytes(), ".txt").into_temp_path();
    let (input, plugin) = (input.display().to_string(), plugin().display().to_string());
    for args in [
        &["run", &probe, "-q", "-o", &files, "--", "flood", "1000000"][..],
        &["map", &plugin, "u32", &input, "-q", "-o", &to("results")],
        &["compile", &probe, "-o", &to("code")],
    ] {
        let Some(mut command) = with(SMALL, place.path()) else {
            return;
        };
        done(command.args(args)).exits(74).says("No space left");
    }
}

#[test]
fn a_guest_fills_its_own_disk_and_hears_of_it() {
    let place = folder();
    let dir = format!("{}::/d:rw", place.path().display());
    let much = "x".repeat(100_000);
    for calls in ["apart", "inline"] {
        let Some(mut command) = with(SMALL, place.path()) else {
            return;
        };
        command.arg("run").arg(probe_p1());
        command.args([
            "-q",
            "--file-calls",
            calls,
            "--dir",
            &dir,
            "--",
            "write",
            "/d/{instance}",
            &much,
        ]);
        done(&mut command).exits(0).prints("error: StorageFull\n\n");
    }
}

#[test]
fn without_a_place_to_write_programs_run_and_it_is_said_once() {
    let (place, probe) = (folder(), probe_p1());
    let Some(mut command) = with(READ_ONLY, place.path()) else {
        return;
    };
    command
        .arg("run")
        .arg(&probe)
        .args(["-q", "-n", "3", "--", "args", "x"]);
    for variable in ["XDG_CACHE_HOME", "HOME", "TMPDIR"] {
        command.env(variable, place.path());
    }
    let done = done(&mut command).exits(0).prints("x\nx\nx\n");
    assert_eq!(done.stderr.matches("no code cache").count(), 1, "{done:#?}");
}
