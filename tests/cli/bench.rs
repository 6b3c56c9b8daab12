//! `bench`: what it measures is there and makes sense, where it writes, and how it ends. Whether a figure is good is not asked here:
//! others test beside it.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;
use wasm_pool::lockdown::support;

use crate::harness::*;
use crate::timeline::is_well_formed;

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("was written")).expect("is JSON")
}

/// A number above nothing.
#[track_caller]
fn positive(value: &Value, what: &str) -> f64 {
    let number = value.as_f64().unwrap_or_default();
    assert!(number > 0.0, "{what}: {value}");
    number
}

/// A median that lies between the least and the greatest.
#[track_caller]
fn spread(value: &Value, what: &str) -> f64 {
    let [min, median, max] = ["min", "median", "max"].map(|field| positive(&value[field], what));
    assert!(min <= median && median <= max, "{what}: {value}");
    median
}

/// Measures these quickly, and gives the JSON, the table and the picture.
fn quick(only: &str) -> (Value, String, String) {
    let folder = folder();
    let [file, picture] = ["b.json", "b.svg"].map(|name| folder.path().join(name));
    let mut command = wasm_pool(["bench", "--quick", "--time", "4s", "--workers", "2", "--only", only]);
    let done = done(command.arg("--json").arg(&file).arg("--svg").arg(&picture)).exits(0);
    assert!(done.stderr.is_empty() && !done.stdout.contains('\x1b'), "{done:#?}");
    assert!(done.stdout.lines().all(|line| line.chars().count() <= 80), "{done:#?}");
    let picture = fs::read_to_string(picture).expect("was written");
    assert!(picture.starts_with("<svg") && is_well_formed(&picture), "{picture}");
    assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
    (json(&file), done.stdout, picture)
}

/// Checks what every figure has; those with something bare beside them have a ratio.
fn check_figures(all: &Value, expected: &[(&str, &str, bool)]) {
    let figures = all["figures"].as_array().expect("figures");
    let names: Vec<_> = figures
        .iter()
        .map(|figure| (&figure["part"], &figure["name"]))
        .collect();
    let known: Vec<_> = expected
        .iter()
        .map(|(part, name, _)| (Value::from(*part), Value::from(*name)))
        .collect();
    assert_eq!(names, known.iter().map(|(part, name)| (part, name)).collect::<Vec<_>>());
    for (figure, (_, name, bare)) in figures.iter().zip(expected) {
        spread(&figure["wall_ns"], name);
        spread(&figure["cpu_ns"], name);
        assert_eq!(figure["rounds"].as_array().map(Vec::len), Some(5), "{name}");
        let rounds = figure["bare_rounds"].as_array().map(Vec::len);
        assert_eq!(rounds, Some(if *bare { 5 } else { 0 }), "{name}");
        match bare {
            true => {
                spread(&figure["bare_wall_ns"], name);
                spread(&figure["bare_cpu_ns"], name);
                spread(&figure["cpu_ratio"], name);
            }
            false => assert!(figure["cpu_ratio"].is_null(), "{figure}"),
        }
    }
}

#[test]
fn lives_and_calls_stand_beside_bare_wasmtime() {
    let (all, table, picture) = quick("calls,start");
    check_figures(
        &all,
        &[
            ("start", "one-worker", true),
            ("start", "all-workers", true),
            ("calls", "direct-reused", true),
            ("calls", "direct-fresh", true),
            ("calls", "fiber-reused", true),
            ("calls", "fiber-fresh", true),
            ("calls", "submitted", false),
        ],
    );
    // What was not asked for was not measured.
    assert!(
        all["scaling"].is_null() && all["density"] == Value::Array(Vec::new()),
        "{all}"
    );
    assert!(!table.contains("one way") && !table.contains("more workers"), "{table}");
    for there in ["on 2 workers, each", "direct, used again", "cpu/bare", "note: "] {
        assert!(table.contains(there), "{there}\n{table}");
    }
    assert!(picture.contains("direct, used again") && !picture.contains("times as fast"));
}

#[test]
fn messages_workers_and_memory_are_measured_and_the_machine_is_told() {
    let (all, table, picture) = quick("density,queue,scaling");
    check_figures(
        &all,
        &[
            ("queue", "round-trip", false),
            ("queue", "16-bytes", false),
            ("queue", "64-kib", false),
        ],
    );
    assert_eq!(all["figures"][2]["message_bytes"], 64 << 10);

    let steps = all["scaling"].as_array().expect("steps");
    let workers: Vec<_> = steps.iter().map(|step| &step["workers"]).collect();
    assert_eq!(workers, [&Value::from(1), &Value::from(2)]);
    assert_eq!(spread(&steps[0]["speed_up"], "one worker"), 1.0);
    for step in steps {
        spread(&step["speed_up"], "scaling");
        spread(&step["bare_speed_up"], "scaling, bare");
        spread(&step["throughput_ratio"], "scaling, beside bare");
        let round = &step["rounds"][0];
        positive(&round["guests_per_s"], "scaling");
        positive(&round["cpu_ns"], "scaling");
    }

    for kind in all["density"].as_array().expect("kinds") {
        let each = spread(&kind["each_bytes"], "density");
        // The page that it touches, and what the host keeps for it; not its whole memory, let alone its addresses.
        assert!((4096.0..1048576.0).contains(&each), "{kind}");
        let fit = positive(&kind["fit"], "fit");
        let bounds = ["fit_by_memory", "fit_by_pool_memory", "fit_by_mappings_and_addresses"];
        let bounds = bounds.map(|bound| positive(&kind[bound], bound));
        assert_eq!(fit, bounds.into_iter().fold(f64::MAX, f64::min), "{kind}");
    }

    assert_eq!(
        (&all["quick"], &all["complete"], &all["workers"]),
        (&true.into(), &true.into(), &2.into())
    );
    assert_eq!(all["wasm_pool"], env!("CARGO_PKG_VERSION"));
    assert_eq!(all["optimised"], !cfg!(debug_assertions));
    positive(&all["took_s"], "took");
    for fact in ["cores", "processors", "memory_bytes"] {
        positive(&all["machine"][fact], fact);
    }
    assert!(
        all["machine"]["kernel"]
            .as_str()
            .is_some_and(|kernel| kernel.starts_with("Linux ")),
        "{all}"
    );
    assert!(
        all["busy"]["others_share"]
            .as_f64()
            .is_some_and(|share| (0.0..=1.0).contains(&share)),
        "{all}"
    );
    for there in ["16 bytes there and back", "█", "a module that sleeps", "bound by: "] {
        assert!(table.contains(there), "{there}\n{table}");
    }
    assert!(picture.contains("times as fast as one worker") && picture.contains("fit at once"));
}

#[test]
fn what_cannot_be_meant_or_written_is_one_line() {
    for (args, code, said) in [
        (&["--only", "speed"][..], 2, "start, calls, queue, scaling, density"),
        (&["--only", "start,"], 2, "--only"),
        (&["--only"], 2, "wasm-pool bench --help"),
        (&["--workers", "0"], 2, "1..=1024"),
        (&["--time", "3"], 2, "--time"),
        (
            &["--svg", "same", "--json", "same"],
            2,
            "--svg and --json name the same file",
        ),
        (&["guest.wasm"], 2, "guest.wasm"),
        (&["--svg", "/nowhere/at/all/b.svg"], 74, "--svg: /nowhere/at/all/b.svg"),
        (
            &["--json", "/nowhere/at/all/b.json"],
            74,
            "--json: /nowhere/at/all/b.json",
        ),
        (
            &["--quick", "--only", "density", "-q", "--json", "/dev/full"],
            74,
            "--json: /dev/full",
        ),
    ] {
        let done = done(wasm_pool(["bench"]).args(args)).exits(code).one_line();
        assert!(done.stdout.is_empty(), "{done:#?}");
        done.says(said);
    }
    let help = done(&mut wasm_pool(["bench", "--help"])).exits(0);
    for there in [
        "--quick",
        "--only",
        "--workers",
        "--svg",
        "--json",
        "--quiet",
        "--no-lockdown",
        "- density: ",
    ] {
        assert!(help.stdout.contains(there), "{there} {help:#?}");
    }
    assert!(
        done(&mut wasm_pool(["completions", "bash"]))
            .exits(0)
            .stdout
            .contains("start calls queue scaling density")
    );
}

#[test]
fn a_table_that_nobody_can_read_is_said_and_the_file_is_there() {
    let folder = folder();
    let file = folder.path().join("b.json");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("opens");
    let mut command = wasm_pool(["bench", "--quick", "--only", "density", "--json"]);
    done(command.arg(&file).stdout(Stdio::from(full)))
        .exits(74)
        .one_line()
        .says("stdout");
    assert_eq!(json(&file)["complete"], true);
}

#[test]
fn an_interrupt_ends_it_at_once_with_what_is_known() {
    let folder = folder();
    let file = folder.path().join("b.json");
    let began = std::time::Instant::now();
    let mut command = wasm_pool(["bench", "--only", "start,calls", "--json"]);
    let child = command.arg(&file).spawn().expect("starts");
    let process = format!("/proc/{}", child.id());
    // A round takes half a second, on two processors at most; the last figure is a minute away.
    eventually("some work", || {
        let stat = fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
        let ticks: u64 = fields
            .skip(12)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        ticks >= 3 * rustix::param::clock_ticks_per_second()
    });
    let threads = fs::read_dir(format!("{process}/task")).expect("threads").flatten();
    let threads = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    let behind: Vec<_> = threads.map(|status| walls(&status)).collect();
    if support().seccomp.is_ok() {
        let all = behind
            .iter()
            .all(|status| status.starts_with("NoNewPrivs: 1 Seccomp: 2 "));
        assert!(behind.len() > 3 && all, "{behind:?}");
    }
    signal(&child, Signal::INT);
    let done = finish(child, began).exits(130).one_line().says("interrupted after ");
    assert!(
        done.stdout.contains("on one worker") && !done.stdout.contains("submitted"),
        "{done:#?}"
    );
    let all = json(&file);
    assert_eq!(all["complete"], false);
    spread(&all["figures"][0]["wall_ns"], "the first figure");
}
