//! `wasm-pool map --resume`: a run that was killed goes on, and no item is twice in the results.

use std::path::Path;
use std::time::Instant;

use rustix::process::Signal;

use crate::harness::*;
use crate::map::{map, map_command};

/// Items of every sort, some of which fail.
fn items() -> String {
    (0..8000)
        .map(|number| match number % 7 {
            3 => "17\n".to_owned(),
            5 => "\"x\"\n\n".to_owned(),
            _ => format!("{number}\n"),
        })
        .collect()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn a_run_that_is_killed_again_and_again_gives_what_one_that_is_not_gives() {
    let (folder, items) = (folder(), file(items().as_bytes(), ".jsonl"));
    let (items, out) = (items.path().display().to_string(), folder.path().join("out.jsonl"));
    let path = out.display().to_string();
    let whole = map(plugin(), &["-q", "trap", &items], "").exits(1).stdout;
    for more in [&[][..], &["-w", "1", "--chunk", "16"], &["--executor", "fiber"]] {
        let _ = std::fs::remove_file(&out);
        let args = [&["-q", "trap", &items, "--resume", &path][..], more].concat();
        for part in 1..4 {
            let began = Instant::now();
            let mut child = map_command(plugin(), &args).spawn().expect("starts");
            let enough = whole.len() * part / 4;
            eventually("some results", || text(&out).len() >= enough);
            signal(&child, Signal::KILL);
            let _ = wait(&mut child, began + PATIENCE);
            let so_far = text(&out);
            assert!(whole.starts_with(&so_far), "{} bytes", so_far.len());
            // As if it had been torn in the middle of a record.
            let torn = &whole[so_far.len()..];
            let torn = &torn[..torn.len().min(1)];
            std::fs::write(&out, so_far + torn.trim_end()).expect("writes");
        }
        // What is left has failures too.
        let _ = map(plugin(), &args, "");
        assert!(text(&out) == whole, "{} bytes, not {}", text(&out).len(), whole.len());
        // Now it is complete.
        map(plugin(), &args, "").exits(0).prints("");
        assert!(text(&out) == whole);
    }
}

#[test]
fn what_is_there_is_kept_and_a_torn_record_taken_out() {
    for (there, then) in [
        ("", "1\n2\n3\n"),
        ("4\n", "4\n2\n3\n"),
        (
            "4\n{\"error\":\"x\",\"line\":2}\n",
            "4\n{\"error\":\"x\",\"line\":2}\n3\n",
        ),
        ("4\n{\"err", "4\n2\n3\n"),
        ("4\n2\n3", "4\n2\n3\n"),
        ("\"to", "1\n2\n3\n"),
        ("4\n5\n6\n", "4\n5\n6\n"),
    ] {
        let out = file(there.as_bytes(), ".jsonl");
        let path = out.path().display().to_string();
        map(plugin(), &["-q", "s32", "--resume", &path], "1\n\n2\n3\n")
            .exits(0)
            .prints("");
        assert_eq!(text(out.path()), then);
    }
}

#[test]
fn a_run_that_was_begun_with_an_output_file_can_be_resumed() {
    let folder = folder();
    let out = folder.path().join("out.jsonl").display().to_string();
    map(plugin(), &["-q", "s32", "-o", &out], "1\n2\n").exits(0);
    map(plugin(), &["-q", "s32", "--resume", &out], "1\n2\n3\n").exits(0);
    assert_eq!(text(out.as_ref()), "1\n2\n3\n");
    // Items may be of any format, as long as results are lines.
    map(
        plugin(),
        &["-q", "-i", "csv", "-f", "json", "s32", "--resume", &out],
        "value\n1\n2\n3\n4\n",
    )
    .exits(0);
    assert_eq!(text(out.as_ref()), "1\n2\n3\n4\n");
}

#[test]
fn more_results_than_items_are_refused() {
    let out = file(b"1\n2\n3\n", ".jsonl");
    let path = out.path().display().to_string();
    map(plugin(), &["s32", "--resume", &path], "1\n2\n")
        .exits(2)
        .one_line()
        .says("has 3 results, more than the input has items");
    assert_eq!(text(out.path()), "1\n2\n3\n");
}

#[test]
fn a_file_that_has_no_results_is_refused_and_left_as_it_is() {
    for there in ["Dear diary,\n1\n", "Dear diary", "result,error\n1,\n"] {
        let out = file(there.as_bytes(), ".txt");
        let path = out.path().display().to_string();
        map(plugin(), &["s32", "--resume", &path], "1\n2\n")
            .exits(2)
            .one_line()
            .says("its first line is no JSON");
        assert_eq!(text(out.path()), there);
    }
}

#[test]
fn what_cannot_be_resumed_is_refused() {
    let folder = folder();
    let fifo = folder.path().join("fifo").display().to_string();
    tool("mkfifo", &[&fifo]);
    for path in [&fifo, "/dev/null"] {
        map(plugin(), &["s32", "--resume", path], "1\n")
            .exits(74)
            .one_line()
            .says("not a file whose results could be counted");
    }
    for path in ["/", "/nowhere/x"] {
        map(plugin(), &["s32", "--resume", path], "1\n")
            .exits(74)
            .one_line()
            .says(path);
    }
    let out = folder.path().join("out").display().to_string();
    for (more, says) in [
        (&["-o", "x"][..], "cannot be used with"),
        (&["--unordered"], "cannot be used with"),
        (&["-f", "csv"], "the results must be json"),
        (&["-f", "lines"], "the results must be json"),
        (&["-i", "csv"], "the results must be json"),
    ] {
        map(plugin(), &[&["s32", "--resume", &out][..], more].concat(), "1\n")
            .exits(2)
            .one_line()
            .says(says);
    }
    assert!(!Path::new(&out).exists());
}
