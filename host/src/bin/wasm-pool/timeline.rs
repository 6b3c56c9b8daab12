//! `--timeline`: what every interpreter did when, as a file. It is opened before anything runs, and written whatever came of it.

use std::fs::File;
use std::io::{BufWriter, Write};

use anyhow::Context;
use wasm_pool::{InterpreterId, Pool};

use crate::args::{Form, TimelineArgs};

/// The file to be written.
pub(crate) struct Sheet {
    file: File,
    name: String,
    form: Form,
}

/// Opens it; behind the wall that could not be done any more.
pub(crate) fn open(args: &TimelineArgs) -> anyhow::Result<Option<Sheet>> {
    let Some(to) = &args.timeline else { return Ok(None) };
    let name = to.path.display().to_string();
    let file = File::create(&to.path).with_context(|| format!("--timeline: {name}"))?;
    let form = to.form;
    Ok(Some(Sheet { file, name, form }))
}

/// Writes what the pool has recorded so far; interpreters are called by their `names`.
pub(crate) fn write(
    sheet: Option<Sheet>,
    pool: &Pool,
    names: impl IntoIterator<Item = (InterpreterId, String)>,
) -> anyhow::Result<()> {
    let Some(Sheet { file, name, form }) = sheet else {
        return Ok(());
    };
    let Some(mut timeline) = pool.timeline() else {
        return Ok(());
    };
    for (id, name) in names {
        timeline.name(id, &name);
    }
    let mut out = BufWriter::new(file);
    match form {
        Form::Svg => timeline.write_svg(&mut out),
        Form::Trace => timeline.write_trace(&mut out),
    }
    .and_then(|()| out.flush())
    .with_context(|| format!("--timeline: {name}"))
}
