//! What guests may import: WASI, with our limits where WASI has none.
//!
//! Core modules get preview 1, components WASI 0.2, from the same implementation and the same grants. What is opened is looked
//! at and counted by us ([`files`]), and no wait holds a worker ([`preview1`]); everything else is as Wasmtime's.

mod files;
mod preview1;

use wasmtime::Linker as ModuleLinker;
use wasmtime::component::{Linker as ComponentLinker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemView as _};
use wasmtime_wasi::p2::ReaddirIterator;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DirectoryEntry, ErrorCode, Host as _, HostDirectoryEntryStream as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, WasiView as _};

use self::files::Asked;
pub(crate) use self::files::is_procfs;
pub(crate) use self::preview1::{Folders, stands_in_for_files};
use crate::error::{Error, Result};
use crate::grants::{Access, FolderId, Grants};
use crate::interpreter::{FileCalls, Guest};
use crate::stdio::{GuestInput, GuestOutput};

/// The one module that core guests import from.
pub(crate) const PREVIEW1: &str = "wasi_snapshot_preview1";

/// The interface that opens files; its version is the one that this Wasmtime implements.
const FILESYSTEM: &str = "wasi:filesystem/types@0.2.12";

pub(crate) fn module_linker(engine: &wasmtime::Engine) -> wasmtime::Result<ModuleLinker<Guest>> {
    stands_in_for_files();
    let mut linker = ModuleLinker::new(engine);
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, |guest: &mut Guest| &mut guest.wasi)?;
    linker.allow_shadowing(true);
    preview1::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

pub(crate) fn component_linker(engine: &wasmtime::Engine) -> wasmtime::Result<ComponentLinker<Guest>> {
    let mut linker = ComponentLinker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    linker.allow_shadowing(true);
    let mut filesystem = linker.instance(FILESYSTEM)?;
    filesystem.func_wrap_async("[method]descriptor.open-at", |mut store, args: OpenAt| {
        Box::new(async move { Ok((open_at(store.data_mut(), args).await?,)) })
    })?;
    filesystem.func_wrap_async("[method]descriptor.readlink-at", |mut store, args| {
        Box::new(async move { Ok((read_link_at(store.data_mut(), args).await?,)) })
    })?;
    filesystem.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store, (entries,): (Resource<ReaddirIterator>,)| {
            Box::new(async move { Ok((next_entry(store.data_mut(), entries.rep()).await?,)) })
        },
    )?;
    crate::hostcalls::polls::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    crate::hostcalls::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// What core modules may import that never wait. The rest is there too, since imports are resolved by module; a program that
/// imports any of it is not run this way.
pub(crate) fn prompt_module_linker(engine: &wasmtime::Engine) -> wasmtime::Result<ModuleLinker<Guest>> {
    let mut linker = ModuleLinker::new(engine);
    wasmtime_wasi::p1::add_to_linker_sync(&mut linker, |guest: &mut Guest| &mut guest.wasi)?;
    linker.allow_shadowing(true);
    linker.func_wrap(PREVIEW1, "proc_exit", preview1::exit)?;
    Ok(linker)
}

/// The same for components.
pub(crate) fn prompt_component_linker(engine: &wasmtime::Engine) -> wasmtime::Result<ComponentLinker<Guest>> {
    let mut linker = ComponentLinker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    Ok(linker)
}

type OpenAt = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

async fn open_at(guest: &mut Guest, args: OpenAt) -> wasmtime::Result<Result<Resource<Descriptor>, ErrorCode>> {
    if !guest.may_open() {
        return Ok(Err(ErrorCode::InsufficientMemory));
    }
    let (dir, path_flags, path, open, flags) = args;
    let Some(dir) = folder(guest, &dir)? else {
        return Ok(Err(ErrorCode::NotDirectory));
    };
    let asked = Asked {
        path,
        follow: path_flags.contains(PathFlags::SYMLINK_FOLLOW),
        open,
        flags,
    };
    match files::open(&dir, asked, guest.file_calls).await {
        Ok(opened) => Ok(Ok(guest.ctx().table.push(opened)?)),
        Err(error) => Ok(Err(error)),
    }
}

async fn read_link_at(
    guest: &mut Guest,
    (dir, path): (Resource<Descriptor>, String),
) -> wasmtime::Result<Result<String, ErrorCode>> {
    match folder(guest, &dir)? {
        Some(dir) => Ok(files::read_link(&dir, path, guest.file_calls).await),
        None => Ok(Err(ErrorCode::NotDirectory)),
    }
}

fn folder(guest: &mut Guest, dir: &Resource<Descriptor>) -> wasmtime::Result<Option<Dir>> {
    Ok(match guest.ctx().table.get(dir)? {
        Descriptor::Dir(dir) => Some(dir.clone()),
        Descriptor::File(_) => None,
    })
}

/// The next entry of a folder. One whose name is not UTF-8 does not exist for a guest: WASI cannot say its name, and an
/// error in its place would hide the rest of the folder.
async fn next_entry(guest: &mut Guest, entries: u32) -> wasmtime::Result<Result<Option<DirectoryEntry>, ErrorCode>> {
    let mut files = guest.filesystem();
    loop {
        match files.read_directory_entry(Resource::new_borrow(entries)).await {
            Ok(entry) => return Ok(Ok(entry)),
            Err(error) => match files.convert_error_code(error)? {
                ErrorCode::IllegalByteSequence => {}
                code => return Ok(Err(code)),
            },
        }
    }
}

/// Files and folders that a guest has open.
pub(crate) fn open_files(guest: &mut Guest) -> u32 {
    let table = guest.wasi.ctx().table;
    let files = table.iter_mut().filter(|entry| entry.is::<Descriptor>()).count();
    u32::try_from(files).unwrap_or(u32::MAX)
}

/// The most random bytes that one call gives: they are made in the host's memory first.
const MAX_RANDOM: u64 = 1 << 20;

/// WASI for one interpreter: what it was granted and nothing else; without a `stdin`, that is at its end.
pub(crate) fn context(
    name: &str,
    script: Option<&str>,
    grants: &Grants,
    file_calls: FileCalls,
    stdin: Option<GuestInput>,
    stdout: GuestOutput,
    stderr: GuestOutput,
) -> Result<wasmtime_wasi::p1::WasiP1Ctx> {
    let mut builder = WasiCtxBuilder::new();
    if let Some(stdin) = stdin {
        builder.stdin(stdin);
    }
    builder
        .arg(name)
        .args(script.as_slice())
        .args(&grants.args)
        .envs(&grants.env)
        .stdout(stdout)
        .stderr(stderr)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .allow_blocking_current_thread(file_calls == FileCalls::Inline)
        .max_random_size(MAX_RANDOM);
    for dir in &grants.dirs {
        let perms = match dir.access {
            Access::ReadOnly => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        builder.preopened_dir(&dir.host, &dir.guest, perms).map_err(|error| {
            // By the guest's name for it: a guest that creates interpreters is told of this, and no path of the host.
            Error::unreadable(format!(
                "the folder granted as {:?} cannot be opened: {error:#}",
                dir.guest
            ))
        })?;
    }
    Ok(builder.build_p1())
}

/// Which folders were opened for it, in the order of its grants.
///
/// # Errors
/// When one is another than it was granted.
pub(crate) fn folders(wasi: &mut wasmtime_wasi::p1::WasiP1Ctx, grants: &Grants) -> Result<Vec<FolderId>> {
    let failed = |error: wasmtime::Error| Error::host(format!("{error:#}"));
    let mut folders = Vec::with_capacity(grants.dirs.len());
    let opened = wasi.filesystem().get_directories().map_err(failed)?;
    for ((handle, _), dir) in opened.into_iter().zip(&grants.dirs) {
        let unread = |error| Error::unreadable(format!("the folder granted as {:?}: {error}", dir.guest));
        match wasi.ctx().table.delete(handle).map_err(|error| failed(error.into()))? {
            Descriptor::Dir(opened) => folders.push(FolderId::of(&*opened.dir).map_err(unread)?),
            Descriptor::File(_) => return Err(Error::host("a file was opened for a folder")),
        }
        if dir.folder.is_some() && dir.folder != folders.last().copied() {
            let why = "is another one than was granted: somebody has put it there meanwhile";
            return Err(Error::unreadable(format!("the folder at {:?} {why}", dir.guest)));
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::grants::DirGrant;
    use crate::limiter::Vitals;
    use crate::limits::Limits;
    use crate::stdio::Output;

    #[test]
    fn a_folder_that_is_gone_is_called_by_the_guests_name_for_it() {
        let grants = Grants {
            dirs: vec![DirGrant {
                host: "/surely/not/there".into(),
                guest: "/data".to_owned(),
                access: Access::ReadOnly,
                folder: None,
            }],
            ..Grants::default()
        };
        let output = || GuestOutput::new(Output::Discard, &Arc::new(Vitals::new(&Limits::default(), None)));
        let made = context("guest", None, &grants, FileCalls::Apart, None, output(), output());
        let why = made.map(|_| ()).map_err(|error| error.to_string());
        assert!(
            why.as_ref()
                .is_err_and(|why| why.contains("\"/data\"") && !why.contains("surely")),
            "{why:?}"
        );
    }
}
