//! How guests open files: regular files and folders, below a folder that they have, and nothing else.
//!
//! - Opening never waits for somebody else: a named pipe, a socket or a device is opened without waiting, and refused.
//! - Processes of the host are no files: what lies on procfs is refused, however a path came there.
//! - What was looked at is what is used: all of it is asked of the open descriptor, never of the path a second time.

use std::fs::File;
use std::io;
use std::path::Path;

use cap_primitives::fs::{FollowSymlinks, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{FileType, OFlags, PROC_SUPER_MAGIC};
use rustix::io::Errno;
use wasmtime_wasi::filesystem::{self, Descriptor, Dir};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags};
use wasmtime_wasi::{FsPerms, OpenMode, runtime};

use crate::interpreter::FileCalls;

/// What is to be opened, and how.
pub(super) struct Asked {
    pub path: String,
    pub follow: bool,
    pub open: OpenFlags,
    pub flags: DescriptorFlags,
}

/// Opens a file or folder below a guest's folder, with the rights that the guest has there.
pub(super) async fn open(dir: &Dir, asked: Asked, calls: FileCalls) -> Result<Descriptor, ErrorCode> {
    let Asked {
        path,
        follow,
        open,
        flags,
    } = asked;
    let writes = flags.contains(DescriptorFlags::WRITE) || open.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE);
    // The system opens nothing for neither; the rights decide what may be done with it.
    let reads = flags.contains(DescriptorFlags::READ) || !flags.contains(DescriptorFlags::WRITE);
    let in_sync = DescriptorFlags::FILE_INTEGRITY_SYNC
        | DescriptorFlags::DATA_INTEGRITY_SYNC
        | DescriptorFlags::REQUESTED_WRITE_SYNC;
    if flags.intersects(in_sync) {
        return Err(ErrorCode::Unsupported);
    }
    let folder = open.contains(OpenFlags::DIRECTORY);
    if folder && open != OpenFlags::DIRECTORY {
        return Err(ErrorCode::Invalid);
    }
    if writes && dir.perms == FsPerms::ReadOnly {
        return Err(ErrorCode::NotPermitted);
    }
    let mut options = OpenOptions::new();
    let exclusive = open.contains(OpenFlags::EXCLUSIVE);
    options
        .read(reads)
        .write(writes)
        .create(open.contains(OpenFlags::CREATE) && !exclusive)
        .create_new(open.contains(OpenFlags::CREATE) && exclusive)
        .truncate(open.contains(OpenFlags::TRUNCATE))
        ._cap_fs_ext_nonblock(true)
        ._cap_fs_ext_follow(follow_if(follow));
    let (file, ty) = run(dir, calls, move |dir| open_beneath(dir, &path, &options)).await?;
    let mut mode = OpenMode::empty();
    mode.set(OpenMode::READ, reads);
    mode.set(OpenMode::WRITE, writes);
    let on_the_worker = calls == FileCalls::Inline;
    match ty {
        FileType::Directory => Ok(Descriptor::Dir(Dir::new(file, dir.perms, mode, on_the_worker))),
        _ if folder => Err(ErrorCode::NotDirectory),
        _ => Ok(Descriptor::File(filesystem::File::new(
            file,
            dir.perms,
            mode,
            on_the_worker,
        ))),
    }
}

/// Where a link below a guest's folder leads.
pub(super) async fn read_link(dir: &Dir, path: String, calls: FileCalls) -> Result<String, ErrorCode> {
    let target = run(dir, calls, move |dir| {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::PATH.bits().cast_signed())
            ._cap_fs_ext_follow(FollowSymlinks::No);
        let link = cap_primitives::fs::open(dir, Path::new(&path), &options)?;
        if kind(&link)? != FileType::Symlink {
            return Err(Errno::INVAL.into());
        }
        Ok(rustix::fs::readlinkat(&link, "", Vec::new())?)
    })
    .await?;
    let target = target.into_string().map_err(|_| ErrorCode::IllegalByteSequence)?;
    // As Wasmtime has it: a path of the host says nothing to a guest.
    if target.starts_with('/') {
        return Err(ErrorCode::NotPermitted);
    }
    Ok(target)
}

fn follow_if(follow: bool) -> FollowSymlinks {
    if follow {
        FollowSymlinks::Yes
    } else {
        FollowSymlinks::No
    }
}

/// Runs a call on files where the guest's run.
async fn run<T: Send + 'static>(
    dir: &Dir,
    calls: FileCalls,
    call: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
) -> Result<T, ErrorCode> {
    let done = match calls {
        FileCalls::Inline => call(&dir.dir),
        FileCalls::Apart => {
            let dir = std::sync::Arc::clone(&dir.dir);
            runtime::spawn_blocking(move || call(&dir)).await
        }
    };
    done.map_err(ErrorCode::from)
}

fn open_beneath(dir: &File, path: &str, options: &OpenOptions) -> io::Result<(File, FileType)> {
    let file = match cap_primitives::fs::open(dir, Path::new(path), options) {
        // A named pipe that nobody reads, a socket, a device without a driver.
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => return Err(Errno::PERM.into()),
        opened => opened?,
    };
    match kind(&file)? {
        ty @ (FileType::Directory | FileType::RegularFile) => Ok((file, ty)),
        _ => Err(Errno::PERM.into()),
    }
}

/// What a descriptor is of; nothing of procfs.
fn kind(file: &File) -> io::Result<FileType> {
    if is_procfs(file)? {
        return Err(Errno::PERM.into());
    }
    Ok(FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode))
}

/// Whether it is a part of procfs, where processes of the host are, this one among them: their memory and their secrets.
pub(crate) fn is_procfs(file: &File) -> io::Result<bool> {
    Ok(rustix::fs::fstatfs(file)?.f_type == PROC_SUPER_MAGIC)
}
