//! Source text for interpreters: out of files, out of stdin, off the command line. It is read before the wall is up.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;

use wasm_pool::interpreter::script::Text;
use wasm_pool::{Error, ErrorKind, Script};

use crate::report;
use crate::run::usage;

/// The largest text that is read: nobody writes one.
const LARGEST: u64 = 16 << 20;

/// What text is called that has no file.
const OF_CODE: &str = "-c";
const OF_STDIN: &str = "-";

/// Texts off the command line.
pub(crate) fn of_code(code: &[String]) -> Script {
    let text = |source: &String| Text {
        file: None,
        source: source.clone(),
    };
    Script {
        name: OF_CODE.to_owned(),
        texts: code.iter().map(text).collect(),
    }
}

/// The texts in files; `-` is stdin.
pub(crate) fn of_files(files: &[&Path]) -> anyhow::Result<Script> {
    let mut script = Script {
        name: OF_STDIN.to_owned(),
        texts: Vec::new(),
    };
    for (number, file) in files.iter().enumerate() {
        if is_stdin(file) {
            script.texts.push(of_stdin()?);
            continue;
        }
        let name = file.to_string_lossy().into_owned();
        if number == 0 {
            script.name.clone_from(&name);
        }
        script.texts.push(Text {
            file: Some(name),
            source: of_file(file)?,
        });
    }
    Ok(script)
}

/// Whether it stands for stdin.
pub(crate) fn is_stdin(file: &Path) -> bool {
    file == Path::new(OF_STDIN)
}

fn of_stdin() -> anyhow::Result<Text> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        report::say("reading the script from the terminal; Ctrl-D ends it");
    }
    Ok(Text {
        file: None,
        source: read(stdin.lock(), "stdin")?,
    })
}

/// The text in a file.
pub(crate) fn of_file(file: &Path) -> anyhow::Result<String> {
    let shown = file.display().to_string();
    let meta = std::fs::metadata(file).map_err(|error| unreadable(&shown, plain(&error)))?;
    if meta.is_dir() {
        return Err(unreadable(&shown, "expected a script, found a folder"));
    }
    let opened = File::open(file).map_err(|error| unreadable(&shown, plain(&error)))?;
    read(opened, &shown)
}

fn read(source: impl Read, shown: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let read = source.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(shown, plain(&error)))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable(shown, "a script has at most 16MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(shown, format!("a script is UTF-8, and its byte {at} is not"))
    })
}

/// The system's words without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error")
        .map_or(text.clone(), |(words, _)| words.to_owned())
}

fn unreadable(shown: &str, why: impl std::fmt::Display) -> anyhow::Error {
    Error::new(ErrorKind::Unreadable, format!("{shown}: {why}")).into()
}

/// A script and its arguments, as an interpreter's command is given them, and whether it came from stdin.
pub(crate) fn of_words(words: &[String], code: &[String]) -> anyhow::Result<(Script, Vec<String>, bool)> {
    if let Some((source, arguments)) = code.split_first() {
        return Ok((of_code(std::slice::from_ref(source)), arguments.to_vec(), false));
    }
    let (name, arguments) = words
        .split_first()
        .map_or((OF_STDIN, &[][..]), |(name, arguments)| (name.as_str(), arguments));
    if name.len() > 1 && name.starts_with('-') {
        return Err(usage(format!(
            "unexpected argument {name:?} before the script; a script of that name is ./{name}"
        )));
    }
    let file = Path::new(name);
    Ok((of_files(&[file])?, arguments.to_vec(), is_stdin(file)))
}
