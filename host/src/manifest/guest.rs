//! What a program of a manifest is: a guest's file, or a language; and the script that it runs, if it runs one.

use std::path::Path;

use toml::Spanned;

use super::parse::Source;
use super::raw::RawPart;
use super::{GuestSource, ScriptSource};
use crate::Error;

/// The one language that looks for modules along a path.
const PYTHON: &str = "python";

/// What a program is made of, and which key says so.
pub(super) struct Made {
    pub guest: GuestSource,
    pub script: Option<ScriptSource>,
    /// Where the manifest says what the guest is.
    pub guest_at: String,
    /// Where it says what the script is.
    pub script_at: String,
}

pub(super) fn made(source: &Source<'_>, name: &str, part: &Spanned<RawPart>, folder: &Path) -> Result<Made, Error> {
    let raw = part.get_ref();
    let key = |last: &str| format!("programs.{name}.{last}");
    let (guest, guest_at) = match (&raw.guest, &raw.lang) {
        (Some(guest), None) => (
            GuestSource::File(folder.join(guest.get_ref())),
            source.place(guest.span(), &key("guest")),
        ),
        (None, Some(lang)) => (
            GuestSource::Language(lang.get_ref().clone()),
            source.place(lang.span(), &key("lang")),
        ),
        (Some(_), Some(lang)) => {
            return Err(source.mistake(lang.span(), &key("lang"), "there is a `guest` already: one of them"));
        }
        (None, None) => {
            let why = "missing field `guest`, which is a file; or a `lang`, such as \"python\"";
            return Err(source.mistake(part.span(), &format!("programs.{name}"), why));
        }
    };
    let (script, script_at) = match (&raw.script, &raw.exec) {
        (Some(script), None) => (
            Some(ScriptSource::File {
                name: script.get_ref().display().to_string(),
                path: folder.join(script.get_ref()),
            }),
            source.place(script.span(), &key("script")),
        ),
        (None, Some(text)) => (
            Some(ScriptSource::Text(text.get_ref().clone())),
            source.place(text.span(), &key("exec")),
        ),
        (Some(_), Some(text)) => {
            return Err(source.mistake(text.span(), &key("exec"), "there is a `script` already: one of them"));
        }
        (None, None) => (None, guest_at.clone()),
    };
    check(source, &key, raw)?;
    Ok(Made {
        guest,
        script,
        guest_at,
        script_at,
    })
}

/// Refuses keys that would do nothing.
fn check(source: &Source<'_>, key: &dyn Fn(&str) -> String, raw: &RawPart) -> Result<(), Error> {
    let runs = raw.script.is_some() || raw.exec.is_some();
    if let Some(lang) = raw.lang.as_ref().filter(|_| !runs && raw.instances > 0) {
        let why = "an instance of a language runs a `script`, which is a file, or `exec`, which is text";
        return Err(source.mistake(lang.span(), &key("lang"), why));
    }
    let other = raw.lang.as_ref().is_some_and(|lang| lang.get_ref() != PYTHON);
    match raw.py_path.first() {
        Some(first) if other || !runs => {
            let why = "has a meaning only for scripts in Python";
            Err(source.mistake(first.span(), &key("py-path"), why))
        }
        _ => Ok(()),
    }
}
