//! The commands of languages, with the languages as a user installs them: `wasm-pool python`, `js`, `exec`, `lang`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::harness::{PATIENCE, done, fed, file, finish, folder, signal, wasm_pool};
use crate::languages::{data, interpreter};

/// A command that finds the tests' languages; nothing where this one is not here.
pub(crate) fn with(language: &str, args: &[&str]) -> Option<Command> {
    interpreter(language)?;
    let mut command = wasm_pool(args);
    command.env("XDG_DATA_HOME", data());
    Some(command)
}

/// Whether the tests' languages are those that the command installed.
fn ours() -> bool {
    ["WASM_POOL_PYTHON", "WASM_POOL_JS"]
        .iter()
        .all(|name| std::env::var_os(name).is_none())
}

/// Checks what a command prints, and how it ends.
#[track_caller]
pub(crate) fn gives(language: &str, args: &[&str], input: &str, code: i32, printed: &str) {
    if let Some(mut command) = with(language, args).filter(|_| ours()) {
        fed(&mut command, input.as_bytes()).exits(code).prints(printed);
    }
}

#[test]
fn a_python_script_has_its_arguments_its_input_and_its_exit_code() {
    let text = "import sys\nword = input()\nprint(__name__, sys.argv[1:], word, __file__ == sys.argv[0])\nsys.exit(int(sys.argv[2]))\n";
    let script = file(text.as_bytes(), ".py");
    let name = script.path().display().to_string();
    gives(
        "python",
        &["python", &name, "-x", "7"],
        "read\n",
        7,
        "__main__ ['-x', '7'] read True\n",
    );
    gives(
        "python",
        &["python", "-c", "import sys; print(sys.argv)", "-n", "3"],
        "",
        0,
        "['-c', '-n', '3']\n",
    );
    gives(
        "python",
        &["python", "-", "a"],
        "import sys; print(sys.argv)",
        0,
        "['-', 'a']\n",
    );
    gives("python", &["python"], "print(6 * 7)", 0, "42\n");
    let texts = ["exec", "-q", "--lang", "python", "-c", "a = 6", "-c", "print(a * 7)"];
    gives("python", &texts, "", 0, "42\n");
}

#[test]
fn a_python_script_that_fails_says_what_cpython_says_and_nothing_more() {
    let text = "def half(x):\n    return x / 0\n\nprint('before')\nhalf(1)\n";
    let script = file(text.as_bytes(), ".py");
    let name = script.path().display().to_string();
    let Some(mut command) = with("python", &["python", &name]).filter(|_| ours()) else {
        return;
    };
    let done_python = done(&mut command).exits(1).prints("before\n");
    let expected = format!(
        "Traceback (most recent call last):\n  File \"{name}\", line 5, in <module>\n    half(1)\n    ~~~~^^^\n  \
         File \"{name}\", line 2, in half\n    return x / 0\n           ~~^~~\nZeroDivisionError: division by zero\n"
    );
    assert_eq!(done_python.stderr, expected);
    for (text, code, said) in [
        ("import sys; sys.exit('no such thing')", 1, "no such thing\n"),
        ("import sys; sys.exit(300)", 44, ""),
        ("import sys; sys.exit()", 0, ""),
    ] {
        if let Some(mut command) = with("python", &["python", "-c", text]) {
            let ended = done(&mut command).exits(code);
            assert_eq!((&*ended.stdout, &*ended.stderr), ("", said), "{text}");
        }
    }
}

#[test]
fn a_python_script_without_end_is_ended_and_that_is_said_in_one_line() {
    let Some(mut command) = with("python", &["python", "--deadline", "500ms", "-c", "while True: pass"]) else {
        return;
    };
    done(&mut command)
        .exits(124)
        .one_line()
        .says("python: deadline: not done after 500ms (--deadline raises it)");
    let Some(mut command) = with("python", &["python", "--memory", "64MiB", "-c", "x = 'x' * (1 << 30)"]) else {
        return;
    };
    done(&mut command).exits(1).says("MemoryError");
    let Some(mut command) = with(
        "python",
        &[
            "python",
            "--grace",
            "100ms",
            "-c",
            "print('go', flush=True)\nwhile True: pass",
        ],
    ) else {
        return;
    };
    let began = Instant::now();
    let mut child = command.spawn().expect("starts");
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut first).expect("reads");
    assert_eq!(first, "go\n");
    signal(&child, rustix::process::Signal::INT);
    finish(child, began).exits(130);
}

#[test]
fn python_reads_its_input_line_by_line_as_it_comes() {
    let text = "while True:\n    print('got', input(), flush=True)";
    let Some(mut command) = with("python", &["python", "-c", text]) else {
        return;
    };
    let began = Instant::now();
    let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    for word in ["one", "two"] {
        writeln!(stdin, "{word}").expect("writes");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("reads");
        assert_eq!(line, format!("got {word}\n"));
        assert!(began.elapsed() < PATIENCE);
    }
    drop(stdin);
    finish(child, began).exits(1).says("EOFError");
}

#[test]
fn python_imports_from_folders_that_it_is_granted_and_from_no_others() {
    let modules = folder();
    std::fs::write(modules.path().join("helper.py"), "answer = 42\n").expect("writes");
    let place = modules.path().display().to_string();
    let text = "import helper; print(helper.answer, helper.__file__)";
    let args = ["python", "--py-path", &place, "-c", text];
    gives("python", &args, "", 0, "42 /py-path/0/helper.py\n");
    if let Some(mut command) = with("python", &["python", "-c", text]) {
        done(&mut command)
            .exits(1)
            .says("ModuleNotFoundError: No module named 'helper'");
    }
}

#[test]
fn python_has_children_unless_they_are_not_granted() {
    let text = "from concurrent.futures import InterpreterPoolExecutor as Pool\n\
                with Pool(3) as pool: print(list(pool.map(pow, [1, 2, 3], [2, 2, 2])))";
    gives("python", &["python", "-c", text], "", 0, "[1, 4, 9]\n");
    if let Some(mut command) = with("python", &["python", "--interpreters", "none", "-c", text]) {
        done(&mut command).exits(1).says("--interpreters");
    }
}

#[test]
fn several_interpreters_run_a_script_side_by_side() {
    let text = "import os; print(os.environ['WASM_POOL_INSTANCE'])";
    let Some(mut command) = with("python", &["python", "-n", "4", "-o", "prefix", "-c", text]) else {
        return;
    };
    let done = done(&mut command).exits(0).says("4 instances: 4 ok, 0 failed");
    assert_eq!(done.lines(), ["[0] 0", "[1] 1", "[2] 2", "[3] 3"]);
}

#[test]
fn a_js_script_has_its_arguments_and_its_exit_code() {
    gives(
        "js",
        &["js", "-c", "console.log(scriptArgs.slice(1)); exit(5)", "-x"],
        "",
        5,
        "[\"-x\"]\n",
    );
    gives("js", &["js"], "console.log(6 * 7)", 0, "42\n");
    if let Some(mut command) = with("js", &["js", "-c", "null.x"]) {
        done(&mut command).exits(1).says("TypeError");
    }
}

#[test]
fn what_is_installed_is_listed_and_installed_once_only() {
    let Some(mut command) = with("js", &["lang", "list"]).filter(|_| ours()) else {
        return;
    };
    let listed = done(&mut command).exits(0);
    let line = listed
        .stdout
        .lines()
        .find(|line| line.starts_with("js "))
        .expect("a line");
    assert!(
        line.contains(env!("CARGO_PKG_VERSION")) && line.contains("MiB"),
        "{line}"
    );
    let again = done(&mut with("js", &["lang", "install", "js"]).expect("is here")).exits(0);
    assert!(
        again.stdout.contains("is installed already, and compiled before"),
        "{again:?}"
    );
    assert_eq!(again.stderr, "");
}
