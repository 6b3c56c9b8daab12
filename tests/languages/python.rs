//! Python: its examples, what of the library is there, and what goes wrong.

use std::process::Command;

use crate::command::{gives, with};
use crate::harness::{done, folder, root};

fn python(args: &[&str]) -> Option<Command> {
    let args: Vec<_> = std::iter::once("python").chain(args.iter().copied()).collect();
    with("python", &args)
}

/// A script that fails: its exit code, and what it says about it.
#[track_caller]
fn fails(flags: &[&str], text: &str, code: i32, said: &str) {
    let args: Vec<_> = flags.iter().copied().chain(["-c", text]).collect();
    if let Some(mut command) = python(&args) {
        done(&mut command).exits(code).says(said);
    }
}

#[test]
fn the_examples_print_what_stands_beside_them() {
    let examples = root().join("examples/09-python");
    let mut scripts = 0;
    for entry in std::fs::read_dir(&examples).expect("a folder") {
        let script = entry.expect("a file").path();
        if script.extension().is_none_or(|extension| extension != "py") {
            continue;
        }
        scripts += 1;
        let printed = std::fs::read_to_string(script.with_extension("txt")).expect("what it prints");
        gives("python", &["python", &script.display().to_string()], "", 0, &printed);
    }
    assert_eq!(scripts, 5);
}

#[test]
fn what_scripts_want_of_the_library_is_there() {
    let text = "import asyncio, base64, bisect, calendar, collections, contextlib, copy, csv, dataclasses, datetime, decimal, enum, \
                fractions, functools, hashlib, heapq, hmac, io, itertools, json, logging, math, operator, pathlib, pickle, pprint, \
                random, re, secrets, statistics, string, struct, tempfile, textwrap, time, traceback, typing, unittest, urllib.parse, uuid\n\
                async def later(): await asyncio.sleep(0.01); return 'later'\n\
                print(json.dumps({'a': [1, None]}), hashlib.sha256(b'x').hexdigest()[:8], decimal.Decimal('0.1') * 3)\n\
                print(statistics.median([3, 1, 2]), datetime.date(2026, 2, 28) + datetime.timedelta(days=1), struct.pack('>H', 258))\n\
                print(asyncio.run(later()), len({random.random() for _ in range(3)}), uuid.uuid4() != uuid.uuid4())";
    let printed = "{\"a\": [1, null]} 2d711642 0.3\n2 2026-03-01 b'\\x01\\x02'\nlater 3 True\n";
    gives("python", &["python", "-c", text], "", 0, printed);
}

#[test]
fn what_cannot_work_says_so() {
    for text in [
        "import socket; socket.socket()",
        "import subprocess; subprocess.run(['ls'])",
        "import ctypes",
        "import ssl",
        "import multiprocessing; multiprocessing.Process(target=print).start()",
    ] {
        fails(&[], text, 1, "not available in a wasm-pool interpreter");
    }
    let text = "import threading; threading.Thread(target=print).start()";
    fails(&[], text, 1, "not available in a wasm-pool interpreter");
}

#[test]
fn what_goes_wrong_ends_as_in_python_and_within_its_limits() {
    for (flags, text, code, said) in [
        (&[][..], "print('a'", 1, "SyntaxError: '(' was never closed"),
        (&[], "def f(): g()\ndef g(): return {}['k']\nf()", 1, "KeyError: 'k'"),
        (
            &[],
            "def f(): f()\nf()",
            1,
            "RecursionError: maximum recursion depth exceeded",
        ),
        (
            &["--deadline", "10s"],
            "a = []\nwhile True: a.append([0] * 100000)",
            1,
            "MemoryError",
        ),
        (
            &[],
            "import nothing_like_it",
            1,
            "ModuleNotFoundError: No module named 'nothing_like_it'",
        ),
        (
            &[],
            "open('/etc/passwd')",
            1,
            "No such file or directory: '/etc/passwd'",
        ),
        // A component can say only that it ends well or not.
        (&[], "import os; os._exit(7)", 1, ""),
        (&[], "import os; os.abort()", 134, "trapped: "),
        // CPython counts calls of C, and has been told not to.
        (
            &[],
            "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n  def __repr__(self): return repr(self)\nrepr(A())",
            134,
            "limit(stack): stack limit of 512KiB reached",
        ),
        (
            &[],
            "from concurrent import interpreters as i\ndef f(x): return lambda: x\ni.create_queue().put(f(1))",
            1,
            "NotShareableError",
        ),
        (
            &[],
            "from concurrent import interpreters as i\ni.create().exec('while True: 1/0')",
            1,
            "ZeroDivisionError: division by zero",
        ),
    ] {
        fails(flags, text, code, said);
    }
}

#[test]
fn what_is_no_text_is_printed_as_it_is() {
    let text = "import sys; sys.stdout.buffer.write(bytes(range(128, 256)))";
    if let Some(mut command) = python(&["-c", text]) {
        let output = command.output().expect("runs");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(output.stdout, (128..=255).collect::<Vec<u8>>());
    }
}

#[test]
fn a_scripts_name_may_be_any_text() {
    let place = folder();
    let script = place.path().join("größe 日本.py");
    std::fs::write(
        &script,
        "import sys\nprint(sys.argv[0].rsplit('/')[-1], 'ß')\nraise ValueError('é')",
    )
    .expect("writes");
    if let Some(mut command) = python(&[&script.display().to_string()]) {
        let done = done(&mut command)
            .exits(1)
            .prints("größe 日本.py ß\n")
            .says("ValueError: é");
        assert!(
            done.stderr.contains("größe 日本.py\", line 3, in <module>"),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn what_all_interpreters_have_in_common_is_not_written_to() {
    // Objects of the build count no references, and new ones lie beside each other and not in holes between those.
    let text = "import sys, json, os\n\
                print(*map(sys._is_immortal, (json, json.loads, json.loads.__code__, os.environ, [], object())))\n\
                places = sorted(id(thing) for thing in [object() for _ in range(2000)])\n\
                print(sum(after - before == 16 for before, after in zip(places, places[1:])) > 1500)";
    let printed = "True True True True False False\nTrue\n";
    gives("python", &["python", "-c", text], "", 0, printed);
}

#[test]
fn whoever_fails_fails_alone() {
    let text = "import os, sys\nwhich = int(os.environ['WASM_POOL_INSTANCE'])\n\
                if which == 1: sys.exit(3)\nif which == 2: [0] * 10**9\nif which == 3: os._exit(9)\n\
                print(which, sum(range(1000)))";
    let flags = ["-n", "6", "-o", "prefix", "-c", text];
    if let Some(mut command) = python(&flags) {
        let done = done(&mut command).exits(3).says("6 instances: 3 ok, 3 failed");
        assert_eq!(done.lines(), ["[0] 0 499500", "[4] 4 499500", "[5] 5 499500"]);
    }
}
