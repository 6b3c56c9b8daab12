//! Each limit of the table: a guest that breaks it, the outcome, the message that names it.

use std::time::Duration;

use crate::harness::*;

#[test]
fn memory_is_the_sum_of_an_instances_memories() {
    for probe in probes() {
        run(&probe, &["--memory", "16MiB", "--", "allocate", "1000000"])
            .exits(0)
            .prints("1000000\n");
        run(&probe, &["--memory", "16MiB", "--", "allocate", "20000000"])
            .exits(134)
            .says("limit(memory)")
            .says("memory limit of 16MiB reached")
            .says("asked for (--memory raises it)");
    }
    // Four memories, each below the limit.
    let four = r#"(module (memory (export "memory") 64) (memory 64) (memory 64) (memory 64) (func (export "_start")))"#;
    run(wat(four), &["--memory", "10MiB"]).exits(134).says("limit(memory)");
    run(wat(four), &["--memory", "17MiB"]).exits(0);
}

#[test]
fn growth_beyond_the_limit_answers_minus_one() {
    let grow = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
          (if (i32.ne (memory.grow (i32.const 1000)) (i32.const -1)) (then (call $exit (i32.const 1))))
          (if (i32.ne (memory.grow (i32.const 10)) (i32.const 1)) (then (call $exit (i32.const 2))))))"#;
    run(wat(grow), &["--memory", "1MiB"]).exits(0);
}

#[test]
fn tables_are_bounded_together() {
    let tables =
        r#"(module (memory (export "memory") 1) (table 600 funcref) (table 600 funcref) (func (export "_start")))"#;
    run(wat(tables), &["--tables", "1200"]).exits(0);
    run(wat(tables), &["--tables", "1000"])
        .exits(134)
        .says("tables limit of 1000 elements reached, 1200 elements asked for (--tables raises it)");
}

#[test]
fn stack_is_bounded() {
    for probe in probes() {
        run(&probe, &["--", "recurse"])
            .exits(134)
            .says("limit(stack)")
            .says("stack limit of 512KiB reached (--stack raises it)");
    }
    run(probe_p1(), &["--stack", "1KiB", "--", "args"])
        .exits(2)
        .one_line()
        .says("outside 16KiB to 256MiB");
}

#[test]
fn the_deadline_ends_a_guest_whatever_it_does() {
    for probe in probes() {
        for act in [&["spin"][..], &["sleep", "60000"]] {
            let done = run(&probe, &[&["--deadline", "200ms", "--"], act].concat()).exits(124);
            assert!(done.took < Duration::from_secs(5), "{done:#?}");
            done.says("deadline")
                .says("not done after 200ms (--deadline raises it)");
        }
    }
    for nothing in ["0", "1ns"] {
        run(probe_p1(), &["--deadline", nothing, "--", "args", "x"])
            .exits(124)
            .prints("");
    }
    run(probe_p1(), &["--deadline", "none", "--", "args"]).exits(0);
}

#[test]
fn the_deadline_holds_inside_instantiation() {
    let start = r#"(module (memory (export "memory") 1) (func $s (loop (br 0))) (start $s) (func (export "_start")))"#;
    run(wat(start), &["--deadline", "100ms"]).exits(124);
}

#[test]
fn cpu_time_counts_work_and_not_waiting() {
    for probe in probes() {
        let done = run(&probe, &["--cpu-time", "100ms", "--", "spin"]).exits(134);
        assert!(done.took < Duration::from_secs(10), "{done:#?}");
        done.says("limit(cpu-time)")
            .says("cpu-time limit of 100ms reached (--cpu-time raises it)");
        run(&probe, &["--cpu-time", "100ms", "--", "sleep", "300"]).exits(0);
        run(&probe, &["--cpu-time", "0", "--", "args", "x"])
            .exits(134)
            .says("limit(cpu-time)")
            .prints("");
    }
}

#[test]
fn fuel_counts_instructions() {
    run(wat(SPIN), &["--fuel", "100000"])
        .exits(134)
        .says("fuel limit of 100000 units reached (--fuel raises it)");
    run(probe_p2(), &["--fuel", "100000000", "-q", "--", "args", "x"])
        .exits(0)
        .prints("x\n");
}

#[test]
fn output_is_bounded_on_both_streams() {
    for probe in probes() {
        for stream in ["flood", "flood-stderr"] {
            run(
                &probe,
                &["--output", "none", "--output-limit", "1MiB", "--", stream, "100000000"],
            )
            .exits(134)
            .says("output limit of 1MiB reached (--output-limit raises it)");
        }
        run(&probe, &["-q", "--output-limit", "1MiB", "--", "flood", "1048576"]).exits(0);
    }
}

#[test]
fn open_files_are_bounded_and_the_guest_is_told() {
    let data = folder();
    std::fs::write(data.path().join("f"), "x").expect("writes");
    let grant = format!("{}::/d", data.path().display());
    for probe in probes() {
        // The granted folder is one of them.
        run(
            &probe,
            &[
                "-q",
                "--dir",
                &grant,
                "--open-files",
                "10",
                "--",
                "open-many",
                "/d/f",
                "100",
            ],
        )
        .exits(0)
        .prints("9\nagain\n");
    }
}

#[test]
fn handles_are_bounded() {
    let data = folder();
    std::fs::write(data.path().join("f"), "x").expect("writes");
    let grant = format!("{}::/d", data.path().display());
    for probe in probes() {
        run(
            &probe,
            &[
                "--dir",
                &grant,
                "--open-files",
                "1000",
                "--handles",
                "20",
                "--",
                "open-many",
                "/d/f",
                "100",
            ],
        )
        .exits(134)
        .says("handles limit of 20 handles reached (--handles raises it)");
    }
}

#[test]
fn the_size_of_a_guest_is_looked_at_before_it_is_read() {
    let sparse = file(b"", ".wasm");
    sparse.as_file().set_len(10 << 30).expect("a sparse file");
    let done = run(&sparse, &[])
        .exits(65)
        .one_line()
        .says("10GiB is more than the module-size limit of 100MiB (--module-size raises it)");
    assert!(done.took < Duration::from_secs(1));
    let big = vec![b' '; 2 << 20];
    fed(&mut wasm_pool(["run", "-", "--module-size", "1MiB"]), &big)
        .exits(65)
        .one_line()
        .says("--module-size");
}

#[test]
fn compiling_is_bounded() {
    let functions = "(func (result i32) (i32.mul (i32.add (i32.const 1) (i32.const 2)) (i32.const 3)))".repeat(50_000);
    let bomb = wat(&format!(
        "(module (memory (export \"memory\") 1) (func (export \"_start\")) {functions})"
    ));
    let done = run(bomb, &["--no-cache", "--compile-time", "20ms"])
        .exits(65)
        .one_line();
    assert!(done.took < Duration::from_secs(5), "{done:#?}");
    done.says("compile-time limit of 20ms reached (--compile-time raises it)");
}

#[test]
fn the_pools_memory_bounds_all_guests_together() {
    // Each fits its own limit; together they do not fit.
    let done = run(
        probe_p1(),
        &["-n", "4", "--pool-memory", "40MiB", "--", "allocate", "16000000"],
    )
    .exits(134);
    let limited = done.stderr.matches("limit(pool-memory)").count();
    assert!((1..=3).contains(&limited), "{done:#?}");
    done.says("--pool-memory raises it");
}

/// The table in SECURITY.md is what the help says.
#[test]
fn the_documented_limits_are_the_defaults() {
    let help = done(wasm_pool(["run", "--help"]).env("COLUMNS", "400")).exits(0).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = std::fs::read_to_string(root().join("SECURITY.md")).expect("reads");
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| `--")).collect();
    assert_eq!(rows.len(), 16, "{rows:#?}");
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let (flag, default) = (cells[1].trim_matches('`'), cells[2]);
        let about = help.split_once(&format!(" {flag} <")).expect(flag).1;
        let found = about.split_once("[default: ").expect(flag).1;
        assert!(
            found.starts_with(&format!("{default}]")),
            "{flag}: {default} is not {}",
            &found[..40]
        );
    }
}
