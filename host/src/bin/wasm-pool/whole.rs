//! A file that is written whole or not at all.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use tempfile::NamedTempFile;
use wasm_pool::lockdown::{Lockdown, Rights};

/// A place for a file, opened before there is anything to write: then the process may lose the right to open more.
pub(crate) struct Whole {
    path: PathBuf,
    draft: Draft,
}

/// What is written first.
enum Draft {
    /// A file in the same folder without a name, which is gone with the process.
    Unnamed(File),
    /// One with a temporary name, where the file system knows no others.
    Named(NamedTempFile),
    /// What is there and no regular file, a device or a pipe: written to and never replaced.
    Itself(File),
}

/// Like any file that one makes, within the umask; not for its owner alone, as temporary files are.
const MODE: u32 = 0o666;

impl Whole {
    /// Opens a draft for the file at `path`; nothing is there before [`write`](Whole::write).
    pub(crate) fn begin(path: &Path) -> io::Result<Whole> {
        let draft = match std::fs::metadata(path) {
            Ok(meta) if !meta.is_file() => Draft::Itself(OpenOptions::new().write(true).open(path)?),
            _ => draft_in(folder(path))?,
        };
        let path = path.to_owned();
        Ok(Whole { path, draft })
    }

    /// Lets the draft take its place behind the wall.
    pub(crate) fn allow(&self, lockdown: Lockdown) -> Lockdown {
        match self.draft {
            Draft::Unnamed(_) | Draft::Named(_) => lockdown.allow(folder(&self.path), Rights::Replace),
            Draft::Itself(_) => lockdown,
        }
    }

    /// Writes it and puts it in its place: nobody sees half of it.
    pub(crate) fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self.draft {
            Draft::Itself(mut file) => file.write_all(bytes),
            Draft::Named(mut file) => {
                file.write_all(bytes)?;
                file.persist(&self.path)?;
                Ok(())
            }
            Draft::Unnamed(mut file) => {
                file.write_all(bytes)?;
                // It cannot get the name of a file that is there: so first another one, then that.
                let named = tempfile::Builder::new().make_in(folder(&self.path), |name| give_name(&file, name))?;
                named.persist(&self.path)?;
                Ok(())
            }
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn draft_in(folder: &Path) -> io::Result<Draft> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    match rustix::fs::open(folder, flags, Mode::from_raw_mode(MODE)) {
        Ok(file) if Path::new(NAMES).exists() => Ok(Draft::Unnamed(file.into())),
        _ => {
            // Looked at first, so that the message is not about a temporary name.
            std::fs::read_dir(folder)?;
            let permissions = Permissions::from_mode(MODE);
            let named = tempfile::Builder::new().permissions(permissions).tempfile_in(folder)?;
            Ok(Draft::Named(named))
        }
    }
}

/// Where open files without names have one.
const NAMES: &str = "/proc/self/fd";

fn give_name(file: &File, name: &Path) -> io::Result<()> {
    let unnamed = format!("{NAMES}/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, unnamed, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_drafts_take_the_place_of_what_is_there() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        for (name, named) in [("unnamed", false), ("named", true)] {
            let mut whole = Whole::begin(&path)?;
            if named {
                whole.draft = Draft::Named(NamedTempFile::new_in(folder.path())?);
            }
            whole.write(name.as_bytes())?;
            assert_eq!(std::fs::read_to_string(&path)?, name);
        }
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn a_draft_that_is_given_up_leaves_nothing() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        drop(Whole::begin(&folder.path().join("file"))?);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }
}
