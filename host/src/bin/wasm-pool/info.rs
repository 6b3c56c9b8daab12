//! `wasm-pool info`

use serde_json::json;
use wasm_pool::engine::{OFF, POOLING_FROM};
use wasm_pool::lockdown::{self, Missing};
use wasm_pool::{ByteSize, Cache, Limits, machine, units};

use crate::args::InfoArgs;
use crate::report;

pub(crate) fn info(args: &InfoArgs) -> anyhow::Result<u8> {
    machine::raise_open_files();
    let rows = rows();
    if args.json {
        let object: serde_json::Map<_, _> = rows
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        return report::to_stdout(|out| writeln!(out, "{}", serde_json::Value::Object(object)));
    }
    report::to_stdout(|out| {
        for (name, value) in &rows {
            writeln!(out, "{name:<14} {value}")?;
        }
        Ok(())
    })
}

fn rows() -> Vec<(&'static str, String)> {
    let (room, scan) = (machine::room(), machine::page_scan());
    vec![
        (
            "version",
            format!(
                "wasm-pool {}, Wasmtime {}",
                env!("CARGO_PKG_VERSION"),
                wasm_pool::WASMTIME_VERSION
            ),
        ),
        ("workers", workers()),
        ("memory", {
            let pool = units::show_size(Limits::default().pool_memory);
            format!(
                "{} here, {pool} of it for all instances together",
                units::show_size(ByteSize::b(machine::memory()))
            )
        }),
        (
            "allocator",
            format!(
                "on demand for fewer than {POOLING_FROM} instances (nothing to prepare), pooling from there on (slots are used \
             again: an instance costs microseconds)"
            ),
        ),
        (
            "page scan",
            if scan {
                "yes: the kernel says which pages a guest touched, so slots keep 1MiB resident".to_owned()
            } else {
                "no (Linux 6.7 has it): slots keep 16KiB resident".to_owned()
            },
        ),
        (
            "instances",
            format!("up to {} at once: {}", room.interpreters, room.bound),
        ),
        (
            "addresses",
            format!(
                "{} GiB may be reserved, 4 GiB an instance",
                machine::address_space() >> 30
            ),
        ),
        (
            "mappings",
            format!(
                "{} allowed, {} an instance",
                machine::map_count(),
                machine::MAPPINGS_PER_INTERPRETER
            ),
        ),
        ("open files", format!("{} allowed", machine::open_files())),
        (
            "cache",
            match Cache::default_folder().map(Cache::open) {
                Some(Ok(cache)) => {
                    let info = cache.info();
                    let size = units::show_size(ByteSize::b(info.bytes));
                    format!("{}: {} programs, {size}", cache.folder().display(), info.entries)
                }
                Some(Err(error)) => format!("none: {error}"),
                None => "none: there is no home folder".to_owned(),
            },
        ),
        ("lockdown", lockdown()),
        (
            "features on",
            "WASI preview 1 and 0.2, components, SIMD, bulk memory, multi-memory, tail calls".to_owned(),
        ),
        ("features off", OFF.join(", ")),
    ]
}

/// What the kernel has for the second wall, and that it is used.
fn lockdown() -> String {
    let wall = lockdown::support();
    let files = wall.landlock.map(|abi| format!("Landlock {abi}"));
    let calls = wall.seccomp.map(|()| "seccomp".to_owned());
    let lacks = |name: &str, missing: Missing| format!("no {name}: {missing}");
    match (files, calls) {
        (Ok(files), Ok(calls)) => format!("yes, {files} and {calls}: whatever loads a guest uses them"),
        (Ok(files), Err(missing)) => format!("in part, {files}; {}", lacks("seccomp", missing)),
        (Err(missing), Ok(calls)) => format!("in part, {calls}; {}", lacks("Landlock", missing)),
        (Err(files), Err(calls)) => format!("{}; {}", lacks("Landlock", files), lacks("seccomp", calls)),
    }
}

fn workers() -> String {
    let cores = machine::cores();
    let online = machine::processors();
    match (machine::affinity(), online) {
        (Some(mask), Some(online)) if cores < mask => {
            format!(
                "{cores}: {online} processors, {mask} in the affinity mask, and the control group's quota allows {cores}"
            )
        }
        (Some(mask), Some(online)) if mask < online => {
            format!("{cores}: {online} processors, {mask} in the affinity mask")
        }
        (_, Some(online)) => format!("{cores}: {online} processors, no mask and no quota below that"),
        _ => format!("{cores}"),
    }
}
