//! `wasm-pool map`: a record for each item, whatever becomes of it; their order; failures.

use std::ffi::OsStr;
use std::path::Path;

use crate::harness::*;

/// Runs `wasm-pool map GUEST ARGS…` with this on its stdin.
pub(crate) fn map(guest: impl AsRef<Path>, args: &[&str], input: &str) -> Done {
    fed(&mut map_command(guest, args), input.as_bytes())
}

pub(crate) fn map_command(guest: impl AsRef<Path>, args: &[&str]) -> std::process::Command {
    let mut command = wasm_pool([OsStr::new("map"), guest.as_ref().as_os_str()]);
    command.args(args);
    command
}

/// Numbers from 1 on, each in a line.
pub(crate) fn numbers(upto: u32) -> String {
    (1..=upto).map(|number| format!("{number}\n")).collect()
}

/// Items of one call: they run one after the other, in one chunk.
pub(crate) const TOGETHER: [&str; 4] = ["-w", "1", "--chunk", "100"];

#[test]
fn a_line_is_the_argument_or_all_of_them() {
    map(plugin(), &["-q", "greet"], "\"a\"\n\"b\"")
        .exits(0)
        .prints("\"Hello, a!\"\n\"Hello, b!\"\n");
    map(
        plugin(),
        &["-q", "add"],
        "[1, 2]\n{\"b\": 4, \"a\": 3}\r\n\n   \n[5, 6]",
    )
    .exits(0)
    .prints("3\n7\n11\n");
    map(plugin(), &["-q", "nothing"], "[]\n{}\nnull\n")
        .exits(0)
        .prints("null\nnull\nnull\n");
    map(root().join("tests/guests/numbers.wat"), &["-q", "swap"], "[1, 2]\n")
        .exits(0)
        .prints("[2,1]\n");
}

#[test]
fn an_item_that_is_no_argument_has_a_record_that_says_why() {
    let cases = [
        ("[1]", "expected 2 arguments, found an array of 1"),
        ("[1, 2, 3]", "expected 2 arguments, found an array of 3"),
        ("{\"a\": 1}", "b: expected s32, found nothing"),
        (
            "{\"a\": 1, \"b\": 2, \"c\": 3}",
            "expected one of the fields a, b, found \\\"c\\\"",
        ),
        (
            "5",
            "expected 2 arguments, as an array or an object, found the number 5",
        ),
        ("[1, \"x\"]", "b: expected s32, found the string \\\"x\\\""),
        ("[1, 3000000000]", "b: expected s32, found the number 3000000000"),
        ("[1, 2", "no JSON: EOF while parsing a list, at column 5"),
        ("[1, 2] 3", "no JSON: trailing characters, at column 8"),
        ("oops", "no JSON: expected value, at column 1"),
    ];
    let items: String = cases.iter().map(|(item, _)| format!("{item}\n")).collect();
    let records: String = (2..)
        .zip(cases)
        .map(|(line, (_, error))| format!("{{\"error\":\"{error}\",\"line\":{line}}}\n"))
        .collect();
    map(plugin(), &["add"], &format!("[1, 2]\n{items}[3, 4]\n"))
        .exits(1)
        .prints(&format!("3\n{records}7\n"))
        .one_line()
        .says("12 items")
        .says("10 failed (the first in line 2: expected 2 arguments, found an array of 1)");
}

#[test]
fn the_path_inside_an_item_is_named() {
    map(
        plugin(),
        &["-q", "centroid"],
        "[{\"x\": 1, \"y\": 2}, {\"x\": 1, \"y\": \"z\"}]\n",
    )
    .exits(1)
    .prints("{\"error\":\"points[1].y: expected f64, found the string \\\"z\\\"\",\"line\":1}\n");
}

#[test]
fn an_item_that_is_not_utf_8_has_a_record() {
    let done = fed(
        &mut map_command(plugin(), &["-q", "greet"]),
        b"\"a\"\n\"\xff\"\n\"b\"\n",
    )
    .exits(1);
    done.prints("\"Hello, a!\"\n{\"error\":\"no JSON: not UTF-8, at column 2\",\"line\":2}\n\"Hello, b!\"\n");
}

#[test]
fn a_byte_order_mark_is_no_item() {
    map(plugin(), &["-q", "greet"], "\u{feff}\"a\"\n")
        .exits(0)
        .prints("\"Hello, a!\"\n");
}

#[test]
fn an_error_that_is_returned_is_a_record() {
    map(plugin(), &["-q", "fails"], "\"ok\"\n\"bad\"\n")
        .exits(1)
        .prints("2\n{\"error\":\"\\\"bad\\\" is bad\",\"line\":2}\n");
    map(plugin(), &["-q", "bare-result"], "{\"ok\": null}\n{\"err\": null}\n")
        .exits(1)
        .prints("null\n{\"error\":null,\"line\":2}\n");
}

#[test]
fn a_trap_and_a_deadline_end_their_items_only() {
    for path in ["direct", "fiber"] {
        for more in [&[][..], &TOGETHER, &["--reuse", "always"]] {
            let args = [&["-q", "--executor", path][..], more].concat();
            let done = map(plugin(), &[&args[..], &["trap"]].concat(), &numbers(40)).exits(1);
            let lines: Vec<_> = done.stdout.lines().collect();
            assert!(lines[16].contains("\"line\":17,\"outcome\":\"trapped\""), "{done:#?}");
            assert_eq!((lines.len(), lines[15], lines[17]), (40, "16", "18"));

            let args = [&args[..], &["--deadline", "100ms", "spin"]].concat();
            let done = map(plugin(), &args, &numbers(40)).exits(1);
            let lines: Vec<_> = done.stdout.lines().collect();
            assert!(lines[22].contains("\"line\":23,\"outcome\":\"deadline\""), "{done:#?}");
            assert!(lines[22].contains("--deadline raises it"), "{done:#?}");
            assert_eq!((lines.len(), lines[21], lines[23]), (40, "22", "24"));
        }
    }
}

#[test]
fn a_guest_that_ends_itself_gives_no_result() {
    let done = map(plugin_wasi(), &["-q", "leave"], "0\n").exits(1);
    assert!(
        done.stdout.contains("it ended itself before it gave a result"),
        "{done:#?}"
    );
}

#[test]
fn a_result_that_is_too_large_is_a_record() {
    map(plugin(), &["-q", "--item-size", "1KiB", "big"], "3\n5000\n2\n")
        .exits(1)
        .prints(
            "[0,1,2]\n{\"error\":\"the result takes 17.38KiB, more than 1KiB (--item-size raises it)\",\"line\":2}\n[0,1]\n",
        );
    let long = format!("\"bad{}\"\n", "x".repeat(1000));
    let done = map(plugin(), &["-q", "--item-size", "1010", "fails"], &long).exits(1);
    assert!(done.stdout.contains("the error takes"), "{done:#?}");
}

#[test]
fn fail_fast_ends_at_the_first_item_that_fails() {
    for more in [&[][..], &TOGETHER, &["--chunk", "1", "-w", "4"]] {
        let args = [&["-q", "--fail-fast"][..], more, &["trap"]].concat();
        let done = map(plugin(), &args, &numbers(5000)).exits(1);
        assert_eq!(done.stdout.lines().count(), 17, "{done:#?}");
        assert!(done.stdout.starts_with(&numbers(16)), "{done:#?}");
    }
    let args = ["-q", "--fail-fast", "--unordered", "-w", "4", "trap"];
    let done = map(plugin(), &args, &numbers(5000)).exits(1);
    assert!(
        done.stdout
            .lines()
            .last()
            .is_some_and(|last| last.contains("\"line\":17")),
        "{done:#?}"
    );
}

#[test]
fn unordered_gives_all_records_as_they_come() {
    let done = map(plugin(), &["-q", "--unordered", "-w", "4", "s32"], &numbers(3000)).exits(0);
    let mut numbers: Vec<u32> = done
        .stdout
        .lines()
        .map(|line| line.parse().expect("a number"))
        .collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=3000));
    // A call that takes long holds up nobody: it is the first item, and its record the last.
    let args = [
        "-q",
        "--unordered",
        "-w",
        "2",
        "--chunk",
        "1",
        "--deadline",
        "1s",
        "spin",
    ];
    let done = map(plugin(), &args, "23\n1\n2\n").exits(1);
    assert!(done.stdout.starts_with("1\n2\n"), "{done:#?}");
}

#[test]
fn order_holds_whatever_workers_and_chunks_there_are() {
    for args in [
        &["-w", "1"][..],
        &["-w", "64"],
        &["-w", "64", "--executor", "fiber"],
        &["--chunk", "1"],
        &["--chunk", "7", "-w", "3"],
        &["--chunk", "4294967295"],
        &["--reuse", "always:3", "-w", "2"],
    ] {
        let args = [&["-q"][..], args, &["s32"]].concat();
        map(plugin(), &args, &numbers(1000)).exits(0).prints(&numbers(1000));
    }
    for (flag, value) in [("-w", "0"), ("-w", "1025"), ("--chunk", "0"), ("--chunk", "x")] {
        map(plugin(), &[flag, value, "s32"], "").exits(2).one_line().says(value);
    }
}

#[test]
fn a_function_that_cannot_be_called_is_refused_before_anything_is_read() {
    for (function, says) in [
        ("nofunc", "plugin: no function \"nofunc\""),
        ("name", "\"name\" can be any of"),
    ] {
        map(plugin(), &[function], "1\n")
            .exits(2)
            .prints("")
            .one_line()
            .says(says);
    }
    map(plugin(), &[], "").exits(2).one_line().says("<FUNCTION>");
}

#[test]
fn bytes_can_be_base64() {
    map(plugin(), &["-q", "--bytes", "base64", "bytes"], "\"AQID\"\n\"!\"\n")
        .exits(1)
        .prints("\"AQID\"\n{\"error\":\"value: expected base64 text, found text that is none: Invalid symbol 33, offset 0.\",\"line\":2}\n");
    map(plugin(), &["-q", "bytes"], "[1, 2]\n").exits(0).prints("[1,2]\n");
}

#[test]
fn what_guests_print_goes_to_stderr() {
    let done = map(plugin_wasi(), &["-q", "-w", "1", "print"], "\"a\"\n\"b\\u001b\"\n").exits(0);
    assert_eq!((&*done.stdout, &*done.stderr), ("null\nnull\n", "a\nb\\u{1b}\n"));
}

#[test]
fn the_summary_says_how_it_went_unless_quiet() {
    map(plugin(), &["add"], "")
        .exits(0)
        .prints("")
        .one_line()
        .says("0 items");
    map(plugin(), &["add"], "[1, 2]\n")
        .exits(0)
        .one_line()
        .says("1 item in");
    let done = map(plugin(), &["-q", "add"], "[1, 2]\n1\n").exits(1);
    assert_eq!(done.stderr, "");
}

/// `f` gives a text of so many letters; at 0 it spins for ever.
const TEXTS: &str = r#"(component
    (core module $m
      (memory (export "memory") 20)
      (func (export "f") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (loop (br 0))))
        (memory.fill (i32.const 64) (i32.const 97) (local.get 0))
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (local.get 0))
        (i32.const 0)))
    (core instance $i (instantiate $m))
    (func (export "f") (param "n" u32) (result string)
      (canon lift (core func $i "f") (memory $i "memory"))))"#;

#[test]
fn large_results_take_no_more_memory_when_one_holds_up_the_others() {
    let guest = wat(TEXTS);
    const ITEMS: usize = 400;
    let items = format!("0\n{}", "1000000\n".repeat(ITEMS));
    let input = file(items.as_bytes(), ".jsonl");
    for order in [&["--chunk", "100"][..], &["--chunk", "100", "--unordered"]] {
        let mut command = map_command(guest.path(), &["-q", "-w", "2", "--deadline", "3s", "-f", "lines"]);
        let mut child = command
            .args(order)
            .args(["f".as_ref(), input.path().as_os_str()])
            .spawn()
            .expect("starts");
        let mut results = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        let mut length = |most: u64| {
            let mut limited = std::io::Read::take(&mut results, most);
            std::io::copy(&mut limited, &mut std::io::sink()).expect("reads")
        };
        // All but what no pipe holds, so that it still runs.
        let most = ITEMS as u64 * 1_000_001 - 1_000_000;
        assert_eq!(length(most), most);
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("reads");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak: u64 = peak
            .and_then(|peak| peak.trim().strip_suffix(" kB")?.trim().parse().ok())
            .expect("a peak");
        assert!(length(u64::MAX) >= 1_000_000);
        assert_eq!(wait(&mut child, std::time::Instant::now() + PATIENCE), Some(1));
        assert!(peak < 120 << 10, "{peak} KiB");
    }
}
