//! `wasm-pool inspect`

use std::io::{self, Write};

use serde_json::json;
use wasm_pool::program::{Blocking, Compiled, Item, Need};
use wasm_pool::{ByteSize, Path, Program, units};

use crate::args::InspectArgs;
use crate::run::{engine_for, trust};
use crate::{report, wall};

pub(crate) fn inspect(args: &InspectArgs) -> anyhow::Result<u8> {
    let limits = args.loading.limits();
    let engine = engine_for(&limits, 1, args.loading.no_cache)?;
    wall::raise(wall::around(&engine, &args.guest), args.loading.no_lockdown);
    let program = Program::from_file_trusting(&engine, &args.guest, &limits, trust(&args.loading))?;
    if args.json {
        let object = as_json(&program);
        report::to_stdout(|out| writeln!(out, "{object}"))
    } else {
        report::to_stdout(|out| as_text(&program, out))
    }
}

fn as_text(program: &Program, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", program.name())?;
    let mut line = |name: &str, value: String| writeln!(out, "  {name:<9} {value}");
    line("kind", program.kind().to_string())?;
    line("size", units::show_size(ByteSize::b(program.size())))?;
    line("compiled", compiled(program))?;
    line(
        "command",
        match program.require_command() {
            Ok(()) => "yes: `wasm-pool run` runs it".to_owned(),
            Err(why) => why.to_string(),
        },
    )?;
    line("blocking", program.blocking().to_string())?;
    line(
        "calls",
        match program.path() {
            Path::Direct => "direct: they run to their end on the thread that makes them".to_owned(),
            Path::Auto | Path::Fiber => "fiber: one that waits holds no thread".to_owned(),
        },
    )?;
    line(
        "grants",
        match program.needs().as_slice() {
            [] => "needs none".to_owned(),
            needs => needs.iter().map(|need| needed(*need)).collect::<Vec<_>>().join("; "),
        },
    )?;
    items(out, "imports", &program.imports())?;
    items(out, "exports", &program.exports())
}

fn items(out: &mut dyn Write, title: &str, items: &[Item]) -> io::Result<()> {
    writeln!(out, "  {title} ({})", items.len())?;
    let mut interface = "";
    for item in items {
        if item.interface != interface {
            interface = &item.interface;
            writeln!(out, "    {interface}")?;
        }
        let indent = if item.interface.is_empty() { "    " } else { "      " };
        writeln!(out, "{indent}{}: {}", item.name, item.ty)?;
    }
    Ok(())
}

fn compiled(program: &Program) -> String {
    match program.compiled() {
        Compiled::Cached => "yes: it was in the code cache".to_owned(),
        Compiled::Now(took) => format!("now, in {}", units::show_duration(took)),
        Compiled::Before => "yes: this is compiled code".to_owned(),
    }
}

fn needed(need: Need) -> &'static str {
    match need {
        Need::Files => "may use folders (--dir)",
        Need::Environment => "may read variables (--env)",
        Need::Network => "may use the network, which is always denied",
    }
}

fn as_json(program: &Program) -> serde_json::Value {
    let list = |items: Vec<Item>| {
        items
            .into_iter()
            .map(|item| json!({"interface": item.interface, "name": item.name, "type": item.ty}))
            .collect::<Vec<_>>()
    };
    json!({
        "name": program.name(),
        "kind": program.kind().to_string(),
        "size": program.size(),
        "cached": program.compiled() == Compiled::Cached,
        "command": program.require_command().is_ok(),
        "blocking": match program.blocking() {
            Blocking::Never => Vec::new(),
            Blocking::Through(imports) => imports,
        },
        "calls": program.path().to_string(),
        "grants": program.needs().iter().map(|need| match need {
            Need::Files => "dir",
            Need::Environment => "env",
            Need::Network => "network",
        }).collect::<Vec<_>>(),
        "imports": list(program.imports()),
        "exports": list(program.exports()),
    })
}
