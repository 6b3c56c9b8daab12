//! `wasm-pool lang`: languages are installed, listed and removed.

mod install;
mod js;
mod language;
mod program;
mod python;
mod tool;

use wasm_pool::{ByteSize, units};

use self::language::ALL;
pub(crate) use self::language::{JS, Language, PYTHON, installed};
pub(crate) use self::program::compile;
use crate::args::{LangArgs, LangVerb};
use crate::report;

pub(crate) fn lang(args: &LangArgs) -> anyhow::Result<u8> {
    match args.verb {
        LangVerb::Install { language } => install::install(language),
        LangVerb::List { json } => list(json),
        LangVerb::Remove { language } => install::remove(language),
    }
}

/// A line for each installed version, and one for each language without any.
fn list(json: bool) -> anyhow::Result<u8> {
    let mut lines = Vec::new();
    for language in ALL {
        let versions = language.versions()?;
        if versions.is_empty() {
            lines.push(absent(language, json));
        }
        for (version, folder) in versions {
            let file = language.file(&folder);
            let bytes = std::fs::metadata(&file).map_or(0, |meta| meta.len());
            let current = version == language.version();
            let shown = file.display().to_string();
            lines.push(match json {
                true => serde_json::json!({
                    "name": language.name, "what": language.what, "installed": true, "version": version,
                    "current": current, "bytes": bytes, "file": shown,
                })
                .to_string(),
                false => {
                    let size = units::show_size(ByteSize::b(bytes));
                    let other = if current { "" } else { "  (of another wasm-pool)" };
                    format!(
                        "{:<7} {version}  {size}  {}{other}",
                        language.name,
                        wasm_pool::text::one_line(&shown)
                    )
                }
            });
        }
    }
    report::to_stdout(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))
}

fn absent(language: &Language, json: bool) -> String {
    match json {
        true => serde_json::json!({"name": language.name, "what": language.what, "installed": false}).to_string(),
        false => format!(
            "{:<7} not installed: `wasm-pool lang install {}`",
            language.name, language.name
        ),
    }
}
