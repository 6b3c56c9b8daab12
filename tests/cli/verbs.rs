//! The other verbs, and what is wrong with a command line: one line that helps.

use crate::harness::*;

#[test]
fn a_wrong_command_line_is_one_line_and_exit_code_2() {
    for (args, said) in [
        (&[][..], "a command is missing"),
        (&["frobnicate"], "frobnicate"),
        (&["lang"], "install, list or remove"),
        (&["cache"], "info or clean"),
        (&["bench", "-q"], "--svg"),
        (&["run", "x.wasm", "20000"], "behind `--`"),
        (&["run"], "<GUEST>"),
        (&["run", "x.wasm", "--wrokers", "3"], "--workers"),
        (&["run", "x.wasm", "--workers=-1"], "--workers"),
        (&["run", "x.wasm", "--deadline"], "wasm-pool run --help"),
        (&["run", "x.wasm", "--workers", "0"], "--workers"),
        (&["run", "x.wasm", "--workers", "1000000"], "--workers"),
        (&["run", "x.wasm", "--instances", "0"], "--instances"),
        (&["run", "x.wasm", "--memory=12x"], "--memory"),
        (&["run", "x.wasm", "--deadline", "NaN"], "--deadline"),
        (&["run", "x.wasm", "--deadline", "5"], "1.5s"),
        (&["run", "x.wasm", "--quiet", "--quiet"], "--quiet"),
        (&["run", "x.wasm", "--output", "somewhere"], "files:DIR"),
        (&["run", "x.wasm", "--stdin", "maybe"], "split"),
        (&["run", "x.wasm", "--report", "xml"], "json"),
    ] {
        done(&mut wasm_pool(args)).exits(2).one_line().says(said);
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = done(&mut wasm_pool(["run", "--help"])).exits(0);
    for flag in [
        "--memory",
        "--tables",
        "--stack",
        "--deadline",
        "--cpu-time",
        "--fuel",
        "--output-limit",
        "--open-files",
        "--handles",
        "--messages",
        "--max-queues",
        "--pool-queues",
        "--module-size",
        "--compile-time",
        "--pool-memory",
        "--grace",
        "--dir",
        "--env",
        "--stdin",
        "--queue",
        "--feed",
        "--drain",
        "--interpreters",
        "--output",
        "--report",
        "--keep-going",
        "--fail-fast",
        "--workers",
        "--instances",
        "--no-cache",
        "--no-lockdown",
    ] {
        assert!(help.stdout.contains(flag), "{flag}");
    }
    let full = || {
        std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("opens")
    };
    done(wasm_pool(["--help"]).stdout(std::process::Stdio::from(full()))).exits(74);
    let version = done(&mut wasm_pool(["--version"])).exits(0);
    assert_eq!(version.stdout, format!("wasm-pool {}\n", env!("CARGO_PKG_VERSION")));
    let completions = done(&mut wasm_pool(["completions", "bash"])).exits(0);
    assert!(completions.stdout.contains("--instances"));
}

#[test]
fn help_into_a_closed_pipe_is_no_error() {
    for args in [&["--help"][..], &["info"], &["completions", "zsh"]] {
        let mut child = wasm_pool(args).spawn().expect("starts");
        drop(child.stdout.take());
        finish(child, std::time::Instant::now()).exits(0);
    }
}

#[test]
fn inspect_says_what_a_guest_is() {
    let done_p1 = done(wasm_pool(["inspect"]).arg(probe_p1())).exits(0);
    for said in [
        "core module",
        "can wait in",
        "poll_oneoff",
        "may use folders (--dir)",
        "_start: func()",
    ] {
        assert!(done_p1.stdout.contains(said), "{said} {done_p1:#?}");
    }
    let done_p2 = done(wasm_pool(["inspect"]).arg(probe_p2())).exits(0);
    for said in [
        "component",
        "wasi:cli/run@0.2",
        "run: func() -> result",
        "wasi:filesystem/types@0.2",
        "always denied",
    ] {
        assert!(done_p2.stdout.contains(said), "{said} {done_p2:#?}");
    }
    let adder =
        wat(r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#);
    let done_core = done(wasm_pool(["inspect"]).arg(adder.path())).exits(0);
    for said in [
        "blocking  never",
        "add: func(i32, i32) -> i32",
        "needs none",
        "no command",
    ] {
        assert!(done_core.stdout.contains(said), "{said} {done_core:#?}");
    }
    let json = done(wasm_pool(["inspect", "--json"]).arg(probe_p2())).exits(0);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&value["kind"], &value["command"]), (&"component".into(), &true.into()));
}

#[test]
fn info_says_what_the_machine_holds() {
    let done_text = done(&mut wasm_pool(["info"])).exits(0);
    for said in [
        "Wasmtime 48.",
        "workers",
        "instances",
        "max_map_count",
        "features off",
        "allocator",
        "addresses",
        "lockdown",
    ] {
        assert!(done_text.stdout.contains(said), "{said} {done_text:#?}");
    }
    let json = done(&mut wasm_pool(["info", "--json"])).exits(0);
    assert!(serde_json::from_str::<serde_json::Value>(&json.stdout).is_ok_and(|value| value.get("workers").is_some()));
}

#[test]
fn workers_default_to_the_cores_of_the_affinity_mask() {
    let mut command = std::process::Command::new("taskset");
    command
        .args(["-c", "0", env!("CARGO_BIN_EXE_wasm-pool"), "run"])
        .arg(probe_p1())
        .args(["-n", "2", "--", "args"]);
    let command = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    done(command).exits(0).says("on 1 worker");
}
