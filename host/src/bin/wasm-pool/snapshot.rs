//! `wasm-pool snapshot`

use anyhow::Context;
use wasm_pool::{ByteSize, machine, units};

use crate::args::SnapshotArgs;
use crate::calling;
use crate::compile::{check_output, write_whole};
use crate::report;
use crate::run::engine_for;

pub(crate) fn snapshot(args: &SnapshotArgs) -> anyhow::Result<u8> {
    let limits = args.limits.limits(&args.loading);
    check_output(&args.output, &args.guest)?;
    machine::raise_open_files();
    let engine = engine_for(&limits, 1, args.loading.no_cache)?;
    let (name, bytes) = calling::snapshot(&engine, &args.guest, &args.call, &limits)?;
    let output = args.output.display();
    write_whole(&args.output, &bytes).with_context(|| format!("{output}: cannot be written"))?;
    let size = units::show_size(ByteSize::b(bytes.len() as u64));
    report::to_stdout(|out| writeln!(out, "{name} after {}, {size} in {output}", args.call))
}
