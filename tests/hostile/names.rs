//! Names and types that are small in a file and endless when they are written out.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::*;

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).expect("seven bits"));
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

/// A command that traps at a depth of 30 in a function with a name of so many bytes.
fn traps_under_a_name(length: usize) -> Vec<u8> {
    let module = r#"(module
        (func (param i32)
          (if (i32.eqz (local.get 0)) (then (unreachable)))
          (call 0 (i32.sub (local.get 0) (i32.const 1))))
        (func (export "_start") (call 0 (i32.const 30))))"#;
    let mut bytes = ::wat::parse_str(module).expect("text");
    // Characters that grow when they are made visible.
    let name = vec![1; length];
    let functions = [&[1, 0][..], &leb(name.len()), &name].concat();
    let names = [b"\x04name\x01", &leb(functions.len())[..], &functions].concat();
    bytes.extend_from_slice(&section(0, &names));
    bytes
}

#[test]
fn a_trap_costs_the_same_whatever_its_functions_are_called() {
    let guest = file(&traps_under_a_name(80 << 20), ".wasm");
    // Room for some copies of the file, which is read, searched and compiled, and not for one in each of twenty frames.
    let mut command = Command::new("prlimit");
    command.arg("--data=1200000000").arg(env!("CARGO_BIN_EXE_wasm-pool"));
    command.arg("run").arg(guest.path()).arg("--no-cache");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let done = done(&mut command).exits(134).says("unreachable");
    assert!(done.stderr.len() < 4_096, "{} bytes", done.stderr.len());
}

/// A component with a function that gives a type of 8,192 records, which share one of a long name; and `small`.
fn types() -> String {
    let name = "n".repeat(100_000);
    let mut types = format!(r#"(type $record (record (field "{name}" u8))) (export $t0 "record" (type $record))"#);
    for level in 1..=13 {
        let inner = level - 1;
        types.push_str(&format!("(type $t{level} (tuple $t{inner} $t{inner}))"));
    }
    format!(
        r#"(component {types}
        (core module $m (memory (export "m") 1)
          (func (export "f") (result i32) (i32.const 0))
          (func (export "small")))
        (core instance $i (instantiate $m))
        (func (export "small") (canon lift (core func $i "small")))
        (func (export "large") (result $t13) (canon lift (core func $i "f") (memory $i "m"))))"#
    )
}

#[test]
fn types_are_written_out_up_to_a_bound() {
    let guest = wat(&types());
    let guest = guest.path().display().to_string();
    for (args, code) in [
        (&["inspect", &guest][..], 0),
        (&["inspect", "--json", &guest], 0),
        (&["call", &guest, "small()"], 0),
        (&["call", &guest, "smal()"], 2),
        (&["call", &guest, "large(1)"], 2),
    ] {
        let done = done(wasm_pool(args).arg("--no-cache"));
        assert!(done.took < Duration::from_secs(5), "{args:?}: {:?}", done.took);
        assert!(done.stdout.len() + done.stderr.len() < 100_000, "{args:?}");
        done.exits(code);
    }
}
