//! Where a program's bytes come from: a file or stdin, never more than the size limit.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use bytesize::ByteSize;

use crate::cache::Origin;
use crate::error::{Error, Result};
use crate::text;
use crate::units::show_size;

/// Reads a program from `path`, or from stdin when that is `-`.
pub(super) fn read(path: &Path, limit: ByteSize) -> Result<Vec<u8>> {
    let shown = text::one_line(&path.display().to_string());
    let unreadable = |error: std::io::Error| Error::unreadable(format!("{shown}: {}", plain(&error)));
    if path == Path::new("-") {
        return read_at_most(std::io::stdin().lock(), limit).map_err(|error| error.about("stdin"));
    }
    // Looked at before it is opened: opening a FIFO would wait for a writer.
    let meta = fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() {
        let found = file_type(&meta);
        return Err(Error::unreadable(format!("{shown}: expected a file, found {found}")));
    }
    check_size(meta.len(), limit).map_err(|error| error.about(&shown))?;
    let file = File::open(path).map_err(unreadable)?;
    read_at_most(file, limit).map_err(|error| error.about(&shown))
}

/// A large file as it is now, and its length; none for one that is read anyway.
pub(super) fn origin(path: &Path, limit: ByteSize) -> Option<(Origin, u64)> {
    let meta = fs::metadata(path).ok()?;
    check_size(meta.len(), limit).ok()?;
    Some((Origin::of(&meta)?, meta.len()))
}

/// Refuses a program of more bytes than the limit.
pub(super) fn check_size(size: u64, limit: ByteSize) -> Result<()> {
    if size <= limit.as_u64() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{} is more than the module-size limit of {} (--module-size raises it)",
        show_size(ByteSize::b(size)),
        show_size(limit)
    )))
}

fn read_at_most(source: impl Read, limit: ByteSize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(limit.as_u64().saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Error::unreadable(plain(&error)))?;
    if bytes.len() as u64 > limit.as_u64() {
        return Err(Error::refused(format!(
            "more than the module-size limit of {} (--module-size raises it)",
            show_size(limit)
        )));
    }
    Ok(bytes)
}

/// The system's words without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

fn file_type(meta: &fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let ty = meta.file_type();
    match () {
        () if ty.is_dir() => "a folder",
        () if ty.is_fifo() => "a named pipe",
        () if ty.is_socket() => "a socket",
        () if ty.is_char_device() || ty.is_block_device() => "a device",
        () => "something else",
    }
}

/// What a program is called: its file's name without the ending.
pub(super) fn program_name(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdin".to_owned();
    }
    let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    text::one_line(&stem)
}
