//! Bytes that are no program: refused in one line, with exit code 65, in no time.

use std::time::{Duration, Instant};

use crate::harness::*;

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// A module with these sections.
fn module(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for (id, content) in sections {
        bytes.push(*id);
        bytes.push(u8::try_from(content.len()).expect("short"));
        bytes.extend_from_slice(content);
    }
    bytes
}

/// One type, `func ()`, and one function of it.
const TYPE: (u8, &[u8]) = (1, &[1, 0x60, 0, 0]);
const FUNCTION: (u8, &[u8]) = (3, &[1, 0]);

fn refused(name: &str, bytes: &[u8], said: &str) {
    for guest in [file(bytes, ".wasm"), file(bytes, ".wat")] {
        let done = run(&guest, &["--no-cache"]);
        assert!(done.took < Duration::from_secs(1), "{name}: {done:#?}");
        let done = done.exits(65).one_line();
        assert!(done.stderr.contains(said), "{name}: no {said:?} in {done:#?}");
    }
    fed(&mut wasm_pool(["run", "-", "--no-cache"]), bytes)
        .exits(65)
        .one_line()
        .says(said);
}

#[test]
fn what_is_no_webassembly_is_refused_with_what_it_looks_like() {
    for (name, bytes, said) in [
        ("empty", &b""[..], "an empty file"),
        ("magic only", b"\0asm", "cut off in its header"),
        ("half a header", b"\0asm\x01\0", "cut off in its header"),
        (
            "bad magic",
            b"\0bsm\x01\0\0\0",
            "unknown data that starts with 00 62 73 6d",
        ),
        ("bad version", b"\0asm\x02\0\0\0", "unknown version"),
        ("elf", b"\x7fELF\x02\x01\x01\0\0\0\0\0", "native program"),
        ("gzip", b"\x1f\x8b\x08\0", "gzip"),
        ("png", b"\x89PNG\r\n\x1a\n", "PNG"),
        ("zip", b"PK\x03\x04", "zip archive"),
        ("script", b"#!/bin/sh\necho hi\n", "a script"),
        ("text", b"hello \x1b[31mworld", "text that starts with"),
        ("json", b"{\"a\": 1}", "text that starts with"),
        ("nul", &[0; 64], "unknown data"),
    ] {
        refused(name, bytes, said);
    }
    // Escapes in what is quoted do not reach the terminal.
    let guest = file(b"\x1b[31mred", ".wasm");
    assert!(!run(&guest, &[]).stderr.contains('\u{1b}'));
}

#[test]
fn malformed_webassembly_is_refused() {
    let good = std::fs::read(probe_p1()).expect("reads");
    let component = std::fs::read(probe_p2()).expect("reads");
    let trailing = [&good[..], b"junk"].concat();
    let invalid = "not valid WebAssembly";
    for (name, bytes) in [
        ("cut in a section", &good[..good.len() / 2]),
        ("cut in a component", &component[..component.len() / 2]),
        ("trailing junk", &trailing),
        (
            "over-long LEB",
            &[HEADER, &[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]].concat(),
        ),
        ("a section longer than the file", &[HEADER, &[1, 0x7f, 0]].concat()),
        (
            "four thousand million types",
            &[HEADER, &[1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat(),
        ),
        ("a function without code", &module(&[TYPE, FUNCTION])),
        ("code without a function", &module(&[TYPE, (10, &[1, 2, 0, 0x0b])])),
        ("a section twice", &module(&[TYPE, TYPE])),
        ("sections out of order", &module(&[FUNCTION, TYPE])),
        ("an unknown section", &module(&[(99, &[])])),
        (
            "a type error",
            &module(&[TYPE, FUNCTION, (10, &[1, 4, 0, 0x41, 0, 0x0b])]),
        ),
        (
            "an unknown opcode",
            &module(&[TYPE, FUNCTION, (10, &[1, 3, 0, 0xff, 0x0b])]),
        ),
        (
            "a call out of range",
            &module(&[TYPE, FUNCTION, (10, &[1, 4, 0, 0x10, 9, 0x0b])]),
        ),
        (
            "50,001 locals",
            &module(&[TYPE, FUNCTION, (10, &[1, 7, 1, 0xd1, 0x86, 0x03, 0x7f, 0x0b, 0x0b])]),
        ),
        ("not UTF-8 in a name", &module(&[(2, &[1, 1, 0xff, 1, b'a', 0, 0])])),
    ] {
        refused(name, bytes, invalid);
    }
    refused(
        "text with an error",
        b"(module (func (export \"_start\") (i32.const)))",
        "at line 1, column",
    );
    refused("text that never ends", b"(module (func", "WebAssembly text");
    let modules = format!("(component {})", "(core module (memory 1))".repeat(5_000));
    refused("5,000 modules in a component", modules.as_bytes(), "exceeds limit");
    let nested = format!("{}{}", "(component ".repeat(20_000), ")".repeat(20_000));
    refused("20,000 components in each other", nested.as_bytes(), "nesting too deep");
}

#[test]
fn features_that_are_off_are_refused() {
    for (name, source) in [
        (
            "shared memory",
            r#"(module (memory (export "memory") 1 1 shared) (func (export "_start")))"#,
        ),
        (
            "atomics",
            r#"(module (memory (export "memory") 1) (func (export "_start") (drop (i32.atomic.load (i32.const 0)))))"#,
        ),
        (
            "memory64",
            r#"(module (memory (export "memory") i64 1) (func (export "_start")))"#,
        ),
        ("exceptions", r#"(module (tag $t) (func (export "_start") (throw $t)))"#),
        (
            "gc",
            r#"(module (type $s (struct)) (func (export "_start") (drop (struct.new $s))))"#,
        ),
        ("table64", r#"(module (table i64 1 funcref) (func (export "_start")))"#),
    ] {
        refused(name, source.as_bytes(), "a feature that is off");
    }
}

#[test]
fn what_is_no_command_is_refused_with_what_was_found() {
    for (source, said) in [
        (r#"(module (func (export "add")))"#, "this one exports \"add\""),
        ("(module)", "this one exports nothing"),
        (
            "(component)",
            "needs the export `wasi:cli/run`, and this one exports nothing",
        ),
        (
            r#"(module (func (export "_start") (param i32)))"#,
            "its `_start` is func(i32), where a command's takes and gives nothing",
        ),
        (
            r#"(module (func (export "_start") (result i32) (i32.const 0)))"#,
            "its `_start` is func() -> i32",
        ),
        (
            r#"(module (memory (export "_start") 1))"#,
            "its `_start` is not a function",
        ),
    ] {
        run(wat(source), &[]).exits(65).one_line().says(said);
    }
}

#[test]
fn imports_that_are_not_offered_are_refused_by_name() {
    for (source, said) in [
        (
            r#"(module (import "env" "\1b[31mfoo" (func)) (func (export "_start")))"#,
            "from \"env\"",
        ),
        (
            r#"(module (import "wasi_snapshot_preview1" "fd_writ" (func)) (func (export "_start")))"#,
            "\"fd_writ\"",
        ),
        (
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)) (func (export "_start")))"#,
            "fd_write",
        ),
        (
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (memory 1)) (func (export "_start")))"#,
            "fd_write",
        ),
        (
            r#"(component (import "a:b/c" (instance (export "d" (func)))))"#,
            "a:b/c",
        ),
        (
            r#"(component (import "wasi:cli/exit@0.2.0" (instance (export "exit" (func (param "x" string))))))"#,
            "wasi:cli/exit",
        ),
    ] {
        let done = run(wat(source), &[]).exits(65).one_line().says(said);
        assert!(!done.stderr.contains('\u{1b}'), "{done:#?}");
    }
}

#[test]
fn compile_bombs_end_in_time() {
    let nested = format!(
        "(module (func (export \"_start\") {}{}))",
        "(block ".repeat(50_000),
        ")".repeat(50_000)
    );
    let locals = module(&[
        TYPE,
        FUNCTION,
        (7, &[1, 6, b'_', b's', b't', b'a', b'r', b't', 0, 0]),
        (10, &[1, 6, 1, 0xd0, 0x86, 0x03, 0x7f, 0x0b]),
    ]);
    let arms = format!(
        "(module (func (export \"_start\") (block (br_table {} (i32.const 0)))))",
        "0 ".repeat(200_000)
    );
    for (name, bytes) in [
        ("nested blocks", nested.as_bytes()),
        ("50,000 locals", &locals),
        ("200,000 arms", arms.as_bytes()),
    ] {
        let guest = file(bytes, ".wat");
        let done = run(&guest, &["--no-cache", "--compile-time", "20s"]);
        assert!(
            matches!(done.code, Some(0 | 65)) && done.took < Duration::from_secs(30),
            "{name}: {done:#?}"
        );
    }
}

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A command with one function of this code.
fn command(code: &[u8]) -> Vec<u8> {
    let start = (7, &[1, 6, b'_', b's', b't', b'a', b'r', b't', 0, 0][..]);
    let mut bytes = module(&[TYPE, FUNCTION, start]);
    // No locals, and the end.
    let body = [&[0], code, &[0x0b]].concat();
    let section = [&[1], &leb(body.len())[..], &body].concat();
    bytes.push(10);
    bytes.extend(leb(section.len()));
    bytes.extend(section);
    bytes
}

#[test]
fn long_functions_compile_in_time_and_longer_ones_are_refused() {
    let straight = |bytes: usize| command(&[0x41, 1, 0x1a].repeat(bytes / 3));
    run(file(&straight(1_200_000), ".wasm"), &["--no-cache"]).exits(0);
    // Some would take gigabytes; the last is longer than WebAssembly itself allows.
    for calls in [2 << 20, 7_600_000, 7_700_000] {
        run(file(&command(&[0x10, 0].repeat(calls / 2)), ".wasm"), &["--no-cache"])
            .exits(65)
            .one_line()
            .says("a function of it is")
            .says("2MiB are the most");
    }
}

#[test]
fn guests_go_on_while_a_bomb_is_compiled() {
    let engine = wasm_pool::Engine::builder().instances(8).build().expect("an engine");
    let load =
        |name: &str, bytes: &[u8]| wasm_pool::Program::from_bytes(&engine, name, bytes, &wasm_pool::Limits::default());
    let guest = load("guest", SPIN.replace("(loop (br 0))", "").as_bytes()).expect("a program");
    let pool = wasm_pool::Pool::builder(&engine).workers(2).build().expect("a pool");
    let run = || {
        let began = Instant::now();
        let ending = pool.run(&guest, wasm_pool::Setup::default()).expect("starts");
        assert_eq!(ending.outcome, wasm_pool::Outcome::Exited(0));
        began.elapsed()
    };
    let bomb = command(&[0x10, 0].repeat(150_000));
    let mut took = Vec::new();
    std::thread::scope(|scope| {
        let compiling = scope.spawn(|| load("bomb", &bomb).is_ok());
        while !compiling.is_finished() {
            took.push(run());
        }
        assert!(compiling.join().expect("ends"));
    });
    took.sort_unstable();
    // A life takes a tenth of a millisecond; what the kernel needs to give it a turn beside the compiler's threads is a few.
    assert!(took.len() > 20, "{took:?}");
    assert!(took[took.len() * 99 / 100] < Duration::from_millis(500), "{took:?}");
}

#[test]
fn a_function_with_many_values_at_once_compiles_in_time() {
    let values = 2_000;
    let source = format!(
        "(module (memory (export \"memory\") 1) (func (export \"_start\") {} {} drop))",
        // All different, so that none is computed once for all.
        (0..values)
            .map(|at| format!("(i64.load offset={at} (i32.const 0)) "))
            .collect::<String>(),
        "i64.add ".repeat(values - 1)
    );
    run(wat(&source), &["--no-cache", "--compile-time", "20s"]).exits(0);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Real guests with some of their bytes changed or cut off: loaded or refused, never a panic.
    #[test]
    fn damaged_guests_never_panic(
        component in proptest::bool::ANY,
        changes in proptest::collection::vec((proptest::num::usize::ANY, proptest::num::u8::ANY), 1..6),
        cut in proptest::option::of(proptest::num::usize::ANY),
    ) {
        use std::sync::LazyLock;
        use wasm_pool::{Engine, ErrorKind, Limits, Program};
        static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("an engine"));
        static GUESTS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
            // Small ones: most of a big one is code, and damage should meet headers too.
            [SPIN.as_bytes(), br#"(component (core module $m (func (export "f"))) (core instance (instantiate $m)))"#]
                .map(|source| wat::parse_bytes(source).expect("parses").into_owned())
        });
        let mut bytes = GUESTS[usize::from(component)].clone();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % (bytes.len() + 1));
        }
        if let Err(error) = Program::from_bytes(&ENGINE, "damaged", &bytes, &Limits::default()) {
            proptest::prop_assert_eq!(error.kind(), ErrorKind::Refused);
            proptest::prop_assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}
