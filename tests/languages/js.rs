//! JavaScript: what a script prints, how it ends, and what is said when it goes wrong.

use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Done, done, file, folder, wasm_pool};
use crate::languages::interpreter;

/// `wasm-pool exec` with the interpreter; nothing where it is not installed.
fn exec(flags: &[&str]) -> Option<Command> {
    let js: PathBuf = interpreter("js")?;
    let mut command = wasm_pool(["exec", "-q", "--compile-time", "20m"]);
    command.arg("--program").arg(js).args(flags);
    Some(command)
}

/// Runs texts, one after the other in one interpreter.
fn run(flags: &[&str], texts: &[&str]) -> Option<Done> {
    let mut command = exec(flags)?;
    texts.iter().for_each(|text| {
        command.args(["-c", text]);
    });
    Some(done(&mut command))
}

/// Checks what a text prints.
#[track_caller]
fn prints(text: &str, printed: &str) {
    if let Some(done) = run(&[], &[text]) {
        done.exits(0).prints(printed);
    }
}

/// Checks how a text ends, and that stderr holds this.
#[track_caller]
fn ends(flags: &[&str], text: &str, code: i32, said: &str) {
    if let Some(done) = run(flags, &[text]) {
        done.exits(code).says(said);
    }
}

#[test]
fn what_one_text_declares_the_next_one_finds() {
    let texts = [
        "let a = 1; const {b, c: [d = 3]} = {b: 2, c: []}; class E { static f = 4 } var g = 5; function h() { return a }",
        "a += 10; console.log(a, b, d, E.f, g, h())",
        "const v = await new Promise(r => setTimeout(() => r(6), 1)); async function w() { return v }",
        "'use strict'; let s = 7; function t() { return this === undefined }",
        "w().then(v => console.log(v, s, t()))",
        "let a; console.log(a, h())",
    ];
    if let Some(done) = run(&[], &texts) {
        done.exits(0).prints("11 2 3 4 5 11\n6 7 true\nundefined undefined\n");
    }
}

#[test]
fn it_is_over_when_no_timer_waits() {
    prints(
        "let n = 0; const i = setInterval(() => { console.log(++n); if (n == 3) clearInterval(i) }, 1); console.log('first')",
        "first\n1\n2\n3\n",
    );
    prints(
        "setTimeout(() => console.log('late'), 5); clearTimeout(setTimeout(() => exit(1), 1))",
        "late\n",
    );
    prints(
        "#!/usr/bin/env wasm-pool-js\nconsole.log(typeof fetch, 'no network')",
        "undefined no network\n",
    );
}

#[test]
fn a_script_has_its_arguments_and_its_environment() {
    let Some(mut command) = exec(&["--env", "WORD=x"]) else {
        return;
    };
    let script = file(
        b"console.log(scriptArgs.length, process.argv.slice(2), process.env.WORD, __file__ == scriptArgs[0])",
        ".js",
    );
    done(command.arg(script.path()).args(["--", "one", "two"]))
        .exits(0)
        .prints("3 [\"one\", \"two\"] x true\n");
}

#[test]
fn a_long_text_goes_through_a_queue_at_the_speed_of_memory() {
    // Counted character by character, the shortest of these takes 10 ms.
    let text = "const q = Queue.create();
        const texts = ['x'.repeat(65536), 'é'.repeat(32768), '日'.repeat(21845), '𝄞'.repeat(16384), '\\ud800!'];
        for (const text of texts) {
          let least = Infinity;
          for (let i = 0; i < 20; i++) {
            const begun = performance.now();
            q.put(text);
            const got = q.get();
            least = Math.min(least, performance.now() - begun);
            if (got !== text.replace('\\ud800', '\\ufffd')) console.log('another text');
          }
          console.log(text.length, least < 5 || least);
        }";
    prints(text, "65536 true\n32768 true\n21845 true\n32768 true\n2 true\n");
}

#[test]
fn a_script_can_end_itself() {
    for (text, code) in [
        ("exit()", 0),
        ("process.exit(3)", 3),
        ("try { exit(4) } catch {} finally { console.log('on') }", 4),
        ("process.exitCode = 5", 5),
        ("setTimeout(() => exit(6), 1); setInterval(() => 0, 1)", 6),
        ("exit(300)", 44),
        ("await 0; exit(7)", 7),
    ] {
        ends(&[], text, code, "");
    }
    ends(&[], "exit('no such thing')", 1, "no such thing\n");
}

#[test]
fn what_goes_wrong_is_shown_with_its_place() {
    let cases = [
        (
            "let a = 1;\nlet b = ;",
            "SyntaxError: expected expression, got ';'\n    at <exec>:2:9\n",
        ),
        ("let b = ;", "<exec>:1\nlet b = ;\n        ^\n"),
        (
            "function f() { null.x }\nf()",
            "TypeError: can't access property \"x\" of null\n    at f (<exec>:1:16)\n    at <exec>:2:1\n",
        ),
        (
            "throw new Error('a', {cause: new RangeError('b')})",
            "Error: a\n    at <exec>:1:7\nCaused by: RangeError: b\n",
        ),
        ("throw 'text'", "Uncaught \"text\"\n"),
        ("throw {a: 1}", "Uncaught {\"a\":1}\n"),
        ("throw null", "Uncaught null\n"),
        (
            "async function f() { await null; throw new Error('late') }\nf()",
            "Error: late\n    at f (<exec>:1:40)\n",
        ),
        (
            "setTimeout(() => { throw new Error('timer') }, 1)",
            "Error: timer\n    at <exec>:1:26\n",
        ),
        (
            "\nawait Promise.reject(new Error('awaited'))",
            "Error: awaited\n    at <exec>:2:22\n",
        ),
        (
            "await new Promise(() => {})",
            "Error: this awaits something that never comes\n",
        ),
        (
            "const o = {toString() { throw 1 }, get name() { throw 2 }}; throw o",
            "Uncaught [object Object]\n",
        ),
        (
            "Queue.create().put(() => 1)",
            "NotShareable: a function cannot be sent\n",
        ),
        ("Queue.create().put({a: [Symbol('s')]})", "NotShareable: "),
        (
            "function f() { return import('nothing-like-it') }\nawait f()",
            "TypeError: no module nothing-like-it: a script is all that there is\n",
        ),
        (
            "import x from 'nothing-like-it'",
            "SyntaxError: import declarations may only appear at top level",
        ),
        ("require('fs')", "ReferenceError: require is not defined"),
        (
            "const a = []; a.push(a); Queue.create().put(a)",
            "NotShareable: a value that cannot be sent: it is nested too deep, or contains itself",
        ),
        ("\u{1}\u{fffd}\u{7f}", "SyntaxError: illegal character"),
    ];
    for (text, said) in cases {
        ends(&[], text, 1, said);
    }
}

#[test]
fn a_scripts_name_may_be_any_text() {
    let place = folder();
    let script = place.path().join("größe 日本.js");
    std::fs::write(
        &script,
        "console.log(scriptArgs[0].split('/').at(-1), 'ß');\nthrow new RangeError('é')",
    )
    .expect("writes");
    if let Some(mut command) = exec(&[]) {
        done(command.arg(&script))
            .exits(1)
            .prints("größe 日本.js ß\n")
            .says("größe 日本.js:2:7");
    }
}

#[test]
fn the_host_stops_what_does_not_stop_itself() {
    ends(&["--deadline", "300ms"], "for (;;);", 124, "");
    ends(
        &["--deadline", "300ms"],
        "await new Promise(r => setTimeout(r, 1e9))",
        124,
        "",
    );
    ends(
        &["--memory", "64MiB"],
        "const a = []; for (;;) a.push(new Array(1000).fill(1.5))",
        134,
        "",
    );
    // The engine bounds its own stack long before the host does.
    let deep = [
        "function f() { f() } f()",
        "const o = {get x() { return o.x }}; o.x",
        "const o = {toString: () => `${o}`}; `${o}`",
        "function f() { [2, 1].sort(f) } f()",
        "globalThis.f = () => (0, eval)('f()'); f()",
        "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x",
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; JSON.stringify(a)",
        "(0, eval)('('.repeat(1e5))",
    ];
    for text in deep {
        ends(&["--stack", "512KiB"], text, 1, "InternalError: too much recursion");
    }
}

#[test]
fn it_creates_interpreters_and_talks_to_them() {
    let parent = "
        const child = Interpreter.create({ inherit: ['output'], args: ['x'] });
        child.prepareMain({ n: 5, list: [1, { a: null }] });
        child.exec('console.log(n, list, scriptArgs.slice(1)); let z = n; function add(x) { z += x; return z }' +
          'async function answer(q) { await null; return q.get() } function boom() { throw new RangeError(`out`) }');
        console.log(child.call('add', 2), child.call('add', 2), child.call('Math.max', 1, 7), child.isRunning());
        const q = Queue.create({ maxSize: 2 });
        const thread = child.callInThread('answer', q);
        const caught = (f) => { try { return f() } catch (e) { return `${e.name}: ${e.message}` } };
        console.log(caught(() => thread.join({ timeout: 1 })));
        console.log(caught(() => child.exec('1')));
        q.put({ deep: [new Uint8Array([7])] });
        console.log(thread.join().deep[0] instanceof Uint8Array, thread.isDone);
        try { child.call('boom') } catch (e) { console.log(e instanceof ExecutionFailed, e.kind, e.reason, e.trace.length > 0) }
        console.log(caught(() => child.call('nothing')), caught(() => child.exec('exit(4)')));
        console.log(Interpreter.list().length, Interpreter.getCurrent().id === Interpreter.getMain().id);
        child.close();
        console.log(caught(() => child.exec('1')));
        const spins = Interpreter.create({ deadline: 50 });
        console.log(caught(() => spins.exec('for (;;);')).startsWith('ExecutionFailed: deadline'));
    ";
    let printed = "5 [1, { a: null }] [\"x\"]\n7 9 7 false\nJoinTimeout: the call has not come to its end in time\n\
        AlreadyRunning: the interpreter is running already\ntrue true\ntrue RangeError out true\n\
        ExecutionFailed: ReferenceError: nothing is not defined ExecutionFailed: SystemExit: 4\n2 true\n\
        InterpreterNotFound: no such interpreter\ntrue\n";
    if let Some(done) = run(&["--interpreters", "4"], &[parent]) {
        done.exits(0).prints(printed);
    }
}

#[test]
fn queues_are_as_elsewhere() {
    let text = "
        const q = Queue.create({ maxSize: 1 });
        const caught = (f) => { try { return f() } catch (e) { return e.name + (e.accepted ?? '') } };
        console.log(caught(() => q.tryGet()), caught(() => q.get({ timeout: 1 })));
        q.put(1);
        console.log(caught(() => q.tryPut(2)), caught(() => q.put(2, { timeout: 1 })), q.size, q.isFull);
        q.get();
        console.log(caught(() => q.putMany([1, 2], { timeout: 0 })), Queue.select([q]).value);
        console.log(caught(() => Queue.open('none')), caught(() => Queue.fromId(99)), caught(() => q.get({ timeout: -1 })));
        q.put(null);
        q.close();
        console.log([...q], caught(() => q.get()), caught(() => q.put(1)), q.isClosed);
        for (let i = 0; i < 3000; i++) { using one = Queue.create() }
        q[Symbol.dispose]();
        console.log(caught(() => q.size), Object.keys(interpreters).length > 20, Queue.name, `${UNBOUND.description}`);
    ";
    let printed = "QueueEmpty QueueEmpty\nQueueFull QueueFull 1 true\nQueueFull1 1\nQueueNotFound QueueNotFound RangeError\n\
        [null] QueueClosed QueueClosed true\nQueueNotFound true Queue UNBOUND\n";
    prints(text, printed);
}

#[test]
fn what_cannot_be_decoded_is_an_error_and_not_the_end() {
    let text = "
        const q = Queue.create();
        for (const bytes of [[], [0xff], [0x5b, 255, 255, 255, 255, 255, 255, 255, 255], [0x81], [0xc2, 1], [0xa1, 1]])
          q.put(new Encoded('application/cbor', new Uint8Array(bytes)));
        q.put(new Encoded('x/y', new Uint8Array([1])));
        q.close();
        let failed = 0;
        for (;;) try { console.log(q.get().mediaType) } catch (e) {
          if (e instanceof QueueClosed) break;
          failed += e instanceof TypeError;
        }
        console.log(failed);
    ";
    prints(text, "x/y\n6\n");
}
