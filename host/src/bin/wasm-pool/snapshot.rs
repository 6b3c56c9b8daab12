//! `wasm-pool snapshot`

use anyhow::Context;
use wasm_pool::{ByteSize, machine, units};

use crate::args::SnapshotArgs;
use crate::calling;
use crate::compile::check_output;
use crate::run::engine_for;
use crate::whole::Whole;
use crate::{report, wall};

pub(crate) fn snapshot(args: &SnapshotArgs) -> anyhow::Result<u8> {
    let limits = args.limits.limits(&args.loading);
    check_output(&args.output, &args.guest)?;
    machine::raise_open_files();
    let engine = engine_for(&limits, 1, args.loading.no_cache)?;
    let output = args.output.display();
    let file = Whole::begin(&args.output).with_context(|| format!("{output}: cannot be written"))?;
    wall::raise(file.allow(wall::around(&engine, &args.guest)), args.loading.no_lockdown);
    let (name, bytes) = calling::snapshot(&engine, &args.guest, &args.call, &limits)?;
    file.write(&bytes)
        .with_context(|| format!("{output}: cannot be written"))?;
    let size = units::show_size(ByteSize::b(bytes.len() as u64));
    report::to_stdout(|out| writeln!(out, "{name} after {}, {size} in {output}", args.call))
}
