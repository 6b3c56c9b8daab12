//! The second wall, around this process: what each verb still needs when it begins with what strangers made.
//!
//! It comes up before the guest is read, while there is one thread: compiling is work on a stranger's bytes too. So what is
//! written later is opened before, or its folder allowed.

use std::path::Path;

use anyhow::Context;
use wasm_pool::Engine;
use wasm_pool::lockdown::{Lockdown, Rights};

use crate::args::OutputMode;
use crate::report;

/// What every verb needs that loads a guest: its file, and the code cache.
pub(crate) fn around(engine: &Engine, guest: &Path) -> Lockdown {
    reading(Lockdown::new().cache(engine), guest)
}

/// The same with one more file to read; `-` is stdin, which is open.
pub(crate) fn reading(lockdown: Lockdown, file: &Path) -> Lockdown {
    if file == Path::new("-") {
        return lockdown;
    }
    lockdown.allow(file, Rights::Read)
}

/// The same with room for the guests' output. Makes the folder that it goes to.
pub(crate) fn writing(lockdown: Lockdown, output: &OutputMode) -> anyhow::Result<Lockdown> {
    match output {
        OutputMode::Lines | OutputMode::Prefix | OutputMode::None => Ok(lockdown),
        OutputMode::Group => Ok(lockdown.allow(std::env::temp_dir(), Rights::Store)),
        OutputMode::Files(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("--output: {}", folder.display()))?;
            Ok(lockdown.allow(folder, Rights::Write))
        }
    }
}

/// Brings it up, unless `--no-lockdown` was said. It is the second one: where it fails, the run goes on and says so; what the
/// kernel lacks, `wasm-pool info` says.
pub(crate) fn raise(lockdown: Lockdown, no_lockdown: bool) {
    if no_lockdown {
        return;
    }
    if let Err(error) = lockdown.apply() {
        report::note(format!("no lockdown: {error}"));
    }
}
