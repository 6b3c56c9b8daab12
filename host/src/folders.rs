//! Which folder it is that a path leads to: told by the device and the inode of what was opened, since guests may change where a
//! path leads.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, fstat, openat};

/// A folder of this machine, by whatever path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderId {
    device: u64,
    inode: u64,
}

/// More levels than any path has.
const DEEPEST: usize = 4_096;

impl FolderId {
    /// Which one this descriptor is of.
    pub(crate) fn of(folder: impl AsFd) -> io::Result<FolderId> {
        let stat = fstat(folder)?;
        Ok(FolderId {
            device: stat.st_dev,
            inode: stat.st_ino,
        })
    }

    /// Which one the path leads to, links followed.
    pub(crate) fn at(path: &Path) -> io::Result<FolderId> {
        FolderId::of(open(CWD, path, OFlags::empty())?)
    }
}

/// The folder at a path without links and those in which it lies, as far as they can be opened. For a path that is no folder, from
/// the one on that it would be made in.
pub(crate) fn line(path: &Path) -> Vec<FolderId> {
    let nearest = path.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        open(CWD, path, OFlags::NOFOLLOW).ok()
    });
    let mut line = Vec::new();
    let mut next = nearest;
    while let Some(folder) = next
        && let Ok(id) = FolderId::of(&folder)
        && line.last() != Some(&id)
        && line.len() < DEEPEST
    {
        line.push(id);
        next = open(&folder, Path::new(".."), OFlags::empty()).ok();
    }
    line
}

fn open(at: impl AsFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(at, path, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_same_by_every_path_and_another_one_in_its_place_is_not() -> io::Result<()> {
        let base = tempfile::tempdir()?;
        let (real, link) = (base.path().join("real"), base.path().join("link"));
        std::fs::create_dir_all(real.join("in"))?;
        std::os::unix::fs::symlink(&real, &link)?;
        let id = FolderId::at(&real)?;
        assert_eq!(FolderId::at(&link)?, id);
        assert_eq!(line(&real.join("in"))[1], id);
        // What is not there lies where it would be made; a link lies where it is, and not where it leads.
        assert_eq!(line(&real.join("not/there"))[0], id);
        assert_eq!(line(&link)[0], FolderId::at(base.path())?);
        std::fs::rename(&real, base.path().join("moved"))?;
        std::fs::create_dir(&real)?;
        assert_ne!(FolderId::at(&real)?, id);
        Ok(())
    }
}
