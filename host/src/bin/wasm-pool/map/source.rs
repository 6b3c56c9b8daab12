//! The file or pipe that the items come from.

use std::fs::{File, Metadata};
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use wasm_pool::{Error, ErrorKind};

/// What they come from, whatever is read of it.
pub(super) struct Source {
    pub name: String,
    meta: Metadata,
    from: u64,
}

impl Source {
    /// Opens a file, or takes stdin for `-`.
    pub(super) fn open(path: &Path) -> Result<(File, Source), Error> {
        let (name, file) = if path == Path::new("-") {
            let stdin = io::stdin().as_fd().try_clone_to_owned();
            ("stdin".to_owned(), stdin.map(File::from))
        } else {
            (path.display().to_string(), File::open(path))
        };
        let unreadable = |why: &dyn std::fmt::Display| Error::new(ErrorKind::Unreadable, format!("{name}: {why}"));
        let mut file = file.map_err(|error| unreadable(&error))?;
        let meta = file.metadata().map_err(|error| unreadable(&error))?;
        if meta.is_dir() {
            return Err(unreadable(&"a folder, where items were expected"));
        }
        // Somebody may have read some of stdin before.
        let from = file.stream_position().unwrap_or_default();
        Ok((file, Source { name, meta, from }))
    }

    /// What is left of it in bytes, if it has an end.
    pub(super) fn length(&self) -> Option<u64> {
        self.meta.is_file().then(|| self.meta.len().saturating_sub(self.from))
    }

    /// Refuses a file that it is itself: results there would be read as items, or take their place.
    pub(super) fn is_not(&self, other: &Metadata, name: &str) -> Result<(), Error> {
        let same = (self.meta.dev(), self.meta.ino()) == (other.dev(), other.ino());
        if self.meta.is_file() && same {
            let message = format!("{name}: the results would go into the file that has the items");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(())
    }
}
