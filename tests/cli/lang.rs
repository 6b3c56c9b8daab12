//! `wasm-pool lang`: what is installed, and how installing ends well, badly and in the middle. The tools are stand-ins here; with
//! the real ones, `tests/languages` installs.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::harness::*;

/// A user with data of his own, and with no tools but these.
struct User {
    data: tempfile::TempDir,
    tools: tempfile::TempDir,
}

impl User {
    fn new() -> User {
        User {
            data: folder(),
            tools: folder(),
        }
    }

    /// A tool that does this.
    fn tool(&self, name: &str, text: &str) {
        let path = self.tools.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("writes");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("allows");
    }

    /// A Node that does this when it builds into `$2`, and an npm that has all there is.
    fn node(&self, text: &str) {
        self.tool(
            "node",
            &format!("[ \"$1\" = --version ] && echo v22.1.0 && exit\nPATH=/usr/bin:/bin\n{text}"),
        );
        self.tool("npm", "exit 0");
    }

    fn lang(&self, args: &[&str]) -> Command {
        let mut command = wasm_pool(["lang"]);
        command
            .args(args)
            .env("XDG_DATA_HOME", self.data.path())
            .env("PATH", self.tools.path());
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        self.tools.path().join(name)
    }
}

/// What stands for an interpreter that was built.
fn talker() -> String {
    root().join("tests/guests/talker.wasm").display().to_string()
}

#[test]
fn a_language_that_is_not_installed_is_one_line_that_says_how() {
    let data = folder();
    for (args, name) in [
        (&["python", "-c", "pass"][..], "python"),
        (&["python"], "python"),
        (&["js", "x.js"], "js"),
        (&["exec", "--lang", "js", "-c", "1"], "js"),
    ] {
        done(wasm_pool(args).env("XDG_DATA_HOME", data.path()))
            .exits(66)
            .one_line()
            .says(&format!(
                "{name} is not installed: `wasm-pool lang install {name}` builds it"
            ));
    }
    let listed = done(wasm_pool(["lang", "list"]).env("XDG_DATA_HOME", data.path())).exits(0);
    assert_eq!(
        listed.stdout,
        "python  not installed: `wasm-pool lang install python`\njs      not installed: `wasm-pool lang install js`\n"
    );
    let json = done(wasm_pool(["lang", "list", "--json"]).env("XDG_DATA_HOME", data.path())).exits(0);
    assert_eq!(json.stdout.lines().count(), 2);
    done(wasm_pool(["lang", "remove", "js"]).env("XDG_DATA_HOME", data.path()))
        .exits(0)
        .prints("js is not installed\n");
}

#[test]
fn what_a_language_is_built_with_and_is_missing_is_one_line() {
    let user = User::new();
    let fails = |name: &str, said: &str| {
        done(&mut user.lang(&["install", name])).exits(2).one_line().says(said);
    };
    fails("python", "there is no python3 here");
    fails("js", "there is no node here");
    user.tool("python3", "echo 3 8");
    fails("python", "python3 is 3.8");
    user.tool("python3", "echo 3 12; exit 1");
    fails("python", "cannot make environments");
    user.tool("node", "echo v18.1.0");
    fails("js", "node is v18.1.0");
    user.tool("node", "echo v22.1.0");
    fails("js", "there is no npm here");
}

#[test]
fn a_language_is_installed_listed_run_and_removed() {
    let user = User::new();
    user.node(&format!("cp {} \"$2\"", talker()));
    let installed = done(&mut user.lang(&["install", "js"])).exits(0);
    assert!(
        installed
            .stdout
            .starts_with("js (JavaScript (SpiderMonkey)) is installed, "),
        "{installed:#?}"
    );
    for step in ["downloading", "building", "compiling"] {
        assert!(installed.stderr.contains(step), "{installed:#?}");
    }
    let listed = done(&mut user.lang(&["list"])).exits(0);
    let (_, place) = installed.stdout.trim().rsplit_once(" in ").expect("a place");
    assert!(listed.stdout.ends_with(&format!("  {place}\n")), "{listed:#?}");
    // What it was built with is gone, and the tools are needed no more.
    user.tool("npm", "exit 1");
    let again = done(&mut user.lang(&["install", "js"])).exits(0);
    assert!(
        again.stdout.contains("is installed already, and compiled before"),
        "{again:#?}"
    );
    let mut js = wasm_pool(["js", "-c", "print hello"]);
    done(js.env("XDG_DATA_HOME", user.data.path()))
        .exits(0)
        .prints("hello\n");
    let left = std::fs::read_dir(user.data.path().join("wasm-pool/lang/js")).expect("lists");
    let mut left: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
    left.sort();
    assert!(left.len() == 2 && left[0] == ".lock", "{left:?}");
    done(&mut user.lang(&["remove", "js"]))
        .exits(0)
        .prints("js is removed\n");
    assert!(done(&mut user.lang(&["list"])).stdout.contains("js      not installed"));
}

#[test]
fn what_fails_while_it_is_built_is_one_line_and_installs_nothing() {
    let user = User::new();
    let fails = |said: &str| {
        let failed = done(&mut user.lang(&["install", "js"])).exits(2);
        let last = failed.stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("wasm-pool: js: ") && last.contains(said),
            "{said} {failed:#?}"
        );
        assert!(done(&mut user.lang(&["list"])).stdout.contains("js      not installed"));
    };
    user.node("echo x; echo Error: no such module >&2; exit 1");
    fails("building failed: Error: no such module");
    user.node("echo write: No space left on device >&2; exit 1");
    fails("building failed: the disk is full at ");
    user.tool(
        "npm",
        "[ \"$1\" = --version ] || { echo npm error code ENOTFOUND; exit 1; }",
    );
    fails("downloading failed: no network");
    // What is built and is no interpreter is not put in its place.
    user.node("printf half > \"$2\"");
    let failed = done(&mut user.lang(&["install", "js"])).exits(65);
    assert!(failed.stderr.contains("what was built"), "{failed:#?}");
    user.node(&format!("cp {} \"$2\"", probe_p2().display()));
    let failed = done(&mut user.lang(&["install", "js"])).exits(65);
    assert!(failed.stderr.contains("cannot be called"), "{failed:#?}");
    assert!(done(&mut user.lang(&["list"])).stdout.contains("js      not installed"));
}

#[test]
fn an_install_that_is_killed_leaves_nothing_installed_and_the_next_one_goes_on() {
    let user = User::new();
    let began = user.file("began");
    user.node(&format!(
        "printf half > \"$2\"; echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600",
        began.display()
    ));
    let mut child = user.lang(&["install", "js"]).spawn().expect("starts");
    eventually("the build begins", || began.exists());
    signal(&child, rustix::process::Signal::KILL);
    let _ = wait(&mut child, Instant::now() + PATIENCE);
    let builder = std::fs::read_to_string(&began).expect("reads").trim().parse().ok();
    let builder = builder.and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(builder, rustix::process::Signal::KILL).expect("ends it");
    assert!(done(&mut user.lang(&["list"])).stdout.contains("js      not installed"));
    user.node(&format!("cp {} \"$2\"", talker()));
    done(&mut user.lang(&["install", "js"])).exits(0);
}

#[test]
fn two_installs_at_once_build_it_once() {
    let user = User::new();
    let (began, go) = (user.file("began"), user.file("go"));
    user.node(&format!(
        "echo x >> {}; until [ -e {} ]; do sleep 0.01; done; cp {} \"$2\"",
        began.display(),
        go.display(),
        talker()
    ));
    let start = || user.lang(&["install", "js"]).spawn().expect("starts");
    let first = start();
    eventually("the build begins", || began.exists());
    let mut second = start();
    let mut line = String::new();
    let mut told = std::io::BufReader::new(second.stderr.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut told, &mut line).expect("reads");
    assert!(
        line.contains("another install or removal runs, waiting for it"),
        "{line}"
    );
    std::fs::write(&go, "").expect("writes");
    finish(first, Instant::now()).exits(0);
    let second = finish(second, Instant::now()).exits(0);
    assert!(second.stdout.contains("is installed already"), "{second:#?}");
    assert_eq!(std::fs::read_to_string(&began).expect("reads"), "x\n");
}

#[test]
fn a_program_is_compiled_by_the_right_tool_or_it_is_said_what_is_missing() {
    let user = User::new();
    let app = folder();
    let place = app.path().display().to_string();
    let compile = |name: &str, from: &str| {
        let mut command = wasm_pool(["compile", "--lang", name, from, "-o"]);
        command
            .arg(user.file("app.wasm"))
            .env_remove("COMPONENTIZE_PY")
            .env("PATH", user.tools.path());
        command
    };
    done(&mut compile("python", &place))
        .exits(66)
        .one_line()
        .says("there is no __main__.py in it, which is what runs");
    std::fs::write(app.path().join("__main__.py"), "print(1)\n").expect("writes");
    done(&mut compile("python", &place))
        .exits(2)
        .one_line()
        .says("componentize-py 0.25.1, and there is none here (`pip install componentize-py==0.25.1`");
    user.tool("componentize-py", "echo componentize-py 0.1.2");
    done(&mut compile("python", &place))
        .exits(2)
        .one_line()
        .says("here is \"componentize-py 0.1.2\"");
    user.tool(
        "componentize-py",
        "[ \"$1\" = --version ] && echo componentize-py 0.25.1 && exit\necho \"ModuleNotFoundError: No module named 'numpy'\"; exit 1",
    );
    done(&mut compile("python", &place))
        .exits(2)
        .says("python: building failed: ModuleNotFoundError: No module named 'numpy'");
    done(&mut compile("js", &place))
        .exits(2)
        .one_line()
        .says("only python has");
    done(&mut compile("python", "/surely/not/there"))
        .exits(66)
        .one_line()
        .says("there is no such folder; expected the folder of a program");
    assert!(!user.file("app.wasm").exists());
}
