//! `--stdin`: nothing, ours, shared out by lines, or copied to all.

use std::process::Stdio;

use crate::harness::*;

fn run_fed(probe: &std::path::Path, args: &[&str], input: &[u8]) -> Done {
    fed(wasm_pool(["run".as_ref(), probe.as_os_str()]).args(args), input)
}

#[test]
fn nothing_is_read_unless_asked() {
    for probe in probes() {
        run_fed(&probe, &["-q", "--", "echo"], b"canary\n").exits(0).prints("");
    }
}

#[test]
fn inherit_passes_bytes_to_one_guest() {
    let bytes = (0..200_000u32)
        .map(|n| (n % 251) as u8)
        .filter(|byte| byte.is_ascii())
        .collect::<Vec<_>>();
    for probe in probes() {
        let done = run_fed(&probe, &["-q", "--stdin", "inherit", "--", "echo"], &bytes).exits(0);
        assert_eq!(done.stdout.as_bytes(), bytes);
        run_fed(&probe, &["-n", "2", "--stdin", "inherit", "--", "echo"], b"")
            .exits(2)
            .one_line()
            .says("split or copy");
    }
    run_fed("-".as_ref(), &["--stdin", "inherit"], b"")
        .exits(2)
        .one_line()
        .says("already the guest's program");
}

#[test]
fn split_gives_each_line_to_one_guest() {
    let input: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    for probe in probes() {
        let done = run_fed(
            &probe,
            &["-q", "-n", "4", "--stdin", "split", "--", "echo"],
            input.as_bytes(),
        )
        .exits(0);
        let mut numbers: Vec<u32> = done
            .stdout
            .lines()
            .map(|line| line.parse().expect("a number"))
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..20_000));
    }
}

#[test]
fn copy_gives_all_of_it_to_each() {
    let input: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    for probe in probes() {
        let done = run_fed(
            &probe,
            &["-q", "-n", "3", "-o", "group", "--stdin", "copy", "--", "echo"],
            input.as_bytes(),
        )
        .exits(0);
        assert!(done.stdout == input.repeat(3));
        // One that reads little holds up nobody.
        run_fed(
            &probe,
            &["-q", "-n", "3", "--stdin", "copy", "--", "first-line"],
            input.as_bytes(),
        )
        .exits(0)
        .prints("0\n0\n0\n");
    }
}

#[test]
fn a_guest_that_does_not_read_is_not_held_up() {
    // A pipe that nobody ever writes to, and a folder.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    for mode in ["split", "copy", "inherit"] {
        let mut command = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
        done(
            command
                .args(["-q", "--stdin", mode, "--", "args", "x"])
                .stdin(Stdio::from(reader.try_clone().expect("clones"))),
        )
        .exits(0)
        .prints("x\n");
        let folder = std::fs::File::open("/").expect("opens");
        let mut command = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
        done(
            command
                .args(["-q", "--stdin", mode, "--", "args", "x"])
                .stdin(Stdio::from(folder)),
        )
        .exits(0)
        .prints("x\n");
        let mut command = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
        let command = command.args(["-q", "--deadline", "200ms", "--stdin", mode, "--", "echo"]);
        done(command.stdin(Stdio::from(reader.try_clone().expect("clones")))).exits(124);
    }
    drop(writer);
    // A terminal at which nobody types.
    for mode in ["split", "copy", "inherit"] {
        let (binary, probe) = (env!("CARGO_BIN_EXE_wasm-pool"), probe_p1());
        let command = format!("{binary} run {} -q --stdin {mode} -- args x", probe.display());
        assert_eq!(tool("script", &["-qec", &command, "/dev/null"]), "x\r\n", "{mode}");
    }
}
