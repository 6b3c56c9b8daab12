//! `wasm-pool compile --lang python`: a folder becomes a component, with the user's own componentize-py.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::command::with;
use crate::harness::{done, folder, root, wasm_pool, within};
use crate::languages::data;

/// The componentize-py that `COMPONENTIZE_PY` names, or one in an environment among the build's files; nothing where it cannot be had.
fn componentize_py() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("COMPONENTIZE_PY") {
        return Some(named.into());
    }
    let environment = data().join("componentize-py");
    let tool = environment.join("bin/componentize-py");
    let requirements = root().join("guest/python/requirements.txt");
    let ran = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    let made = tool.is_file()
        || ran(Command::new("python3").args(["-m", "venv"]).arg(&environment))
            && ran(Command::new(environment.join("bin/python"))
                .args([
                    "-m",
                    "pip",
                    "-q",
                    "install",
                    "--require-hashes",
                    "--only-binary",
                    ":all:",
                    "-r",
                ])
                .arg(requirements));
    assert!(
        made || std::env::var("WASM_POOL_LANGUAGES").as_deref() != Ok("required"),
        "componentize-py is required"
    );
    made.then_some(tool)
}

#[test]
fn a_folder_becomes_a_component_that_starts_behind_its_imports() {
    // Where Python itself cannot be had, this cannot either.
    let (Some(_), Some(tool)) = (with("python", &[]), componentize_py()) else {
        return;
    };
    let app = folder();
    let main = "import sys, time\nimport helper\nfrom tools import words\n\
                print(helper.WHEN < time.time() - 0.01, words.count('a b'), sys.argv[1:], __name__)\n\
                if 'fail' in sys.argv: helper.fail()\n\
                if 'exit' in sys.argv: sys.exit('no such thing')\n\
                if 'child' in sys.argv:\n    from concurrent import interpreters\n    \
                interpreters.create().exec('import helper; print(helper.WHEN > 0)')\n";
    std::fs::create_dir(app.path().join("tools")).expect("a folder");
    for (name, text) in [
        ("__main__.py", main),
        (
            "helper.py",
            "import time\nWHEN = time.time()\ndef fail(): raise ValueError('é')\n",
        ),
        ("tools/__init__.py", ""),
        ("tools/words.py", "def count(text): return len(text.split())\n"),
    ] {
        std::fs::write(app.path().join(name), text).expect("writes");
    }
    let built = folder();
    let program = built.path().join("app.wasm").display().to_string();
    let mut compile = wasm_pool([
        "compile",
        "--lang",
        "python",
        &app.path().display().to_string(),
        "-o",
        &program,
    ]);
    within(compile.env("COMPONENTIZE_PY", tool), Duration::from_secs(1_200))
        .exits(0)
        .says("python: building the program");
    let run = |words: &[&str]| {
        let flags = [
            "run",
            "-q",
            "--compile-time",
            "20m",
            "--interpreters",
            "2",
            &program,
            "--",
        ];
        within(&mut wasm_pool(flags.iter().chain(words)), Duration::from_secs(1_200))
    };
    // The second time of the day is later: the modules were imported when it was built.
    run(&["a"]).exits(0).prints("True 2 ['a'] __main__\n");
    let failed = run(&["fail"]).exits(1).says("ValueError: é");
    assert!(
        failed
            .stderr
            .contains("File \"__main__.py\", line 5, in <module>\n    if 'fail' in sys.argv: helper.fail()\n"),
        "{}",
        failed.stderr
    );
    run(&["exit"]).exits(1).says("no such thing");
    run(&["child"]).exits(0).prints("True 2 ['child'] __main__\nTrue\n");
    // It is an interpreter, too.
    let text = "import helper; print(helper.WHEN > 0)";
    done(&mut wasm_pool(["exec", "-q", "--program", &program, "-c", text]))
        .exits(0)
        .prints("True\n");
}
