//! What guests may import: WASI, with our limits where WASI has none.
//!
//! Core modules get preview 1, components WASI 0.2, from the same implementation and the same grants. Opening a file is
//! wrapped, since the handle table alone cannot tell files from timers; everything else is as Wasmtime's.

use wasmtime::component::{Linker as ComponentLinker, Resource};
use wasmtime::{Caller, Extern, Linker as ModuleLinker};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p1::wasi_snapshot_preview1::{self as preview1, WasiSnapshotPreview1 as _};
use wasmtime_wasi::p2::ReaddirIterator;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DirectoryEntry, ErrorCode, Host as _, HostDescriptor as _, HostDirectoryEntryStream as _,
    OpenFlags, PathFlags,
};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtxBuilder, WasiView as _};

use crate::error::{Error, Result};
use crate::grants::{Access, Grants};
use crate::interpreter::{FileCalls, Guest};
use crate::stdio::{GuestInput, GuestOutput};

/// The one module that core guests import from.
pub(crate) const PREVIEW1: &str = "wasi_snapshot_preview1";

/// The interface that opens files; its version is the one that this Wasmtime implements.
const FILESYSTEM: &str = "wasi:filesystem/types@0.2.12";

/// Preview 1's "too many open files".
const ERRNO_MFILE: i32 = 33;

pub(crate) fn module_linker(engine: &wasmtime::Engine) -> wasmtime::Result<ModuleLinker<Guest>> {
    let mut linker = ModuleLinker::new(engine);
    wasmtime_wasi::p1::add_to_linker_async(&mut linker, |guest: &mut Guest| &mut guest.wasi)?;
    linker.allow_shadowing(true);
    linker.func_wrap_async(PREVIEW1, "path_open", |caller, args| Box::new(path_open(caller, args)))?;
    linker.func_wrap(PREVIEW1, "proc_exit", exit)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// Preview 1's parameters: folder, look-up flags, path and its length, open flags, two sets of rights, descriptor
/// flags, where the new descriptor goes.
type PathOpen = (i32, i32, i32, i32, i32, i64, i64, i32, i32);

async fn path_open(mut caller: Caller<'_, Guest>, args: PathOpen) -> wasmtime::Result<i32> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        wasmtime::bail!("a guest that opens files must export its memory");
    };
    if !caller.data_mut().may_open() {
        return Ok(ERRNO_MFILE);
    }
    let fuel = wasmtime::AsContextMut::as_context_mut(&mut caller).hostcall_fuel();
    let (memory, guest) = memory.data_and_store_mut(&mut caller);
    guest.wasi.set_hostcall_fuel(fuel);
    let mut memory = wiggle::GuestMemory::Unshared(memory);
    let (dir, lookup, path, length, open, rights, inherited, flags, result) = args;
    let wasi = &mut guest.wasi;
    preview1::path_open(
        wasi,
        &mut memory,
        dir,
        lookup,
        path,
        length,
        open,
        rights,
        inherited,
        flags,
        result,
    )
    .await
}

pub(crate) fn component_linker(engine: &wasmtime::Engine) -> wasmtime::Result<ComponentLinker<Guest>> {
    let mut linker = ComponentLinker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    linker.allow_shadowing(true);
    let mut filesystem = linker.instance(FILESYSTEM)?;
    filesystem.func_wrap_async("[method]descriptor.open-at", |mut store, args: OpenAt| {
        Box::new(async move { Ok((open_at(store.data_mut(), args).await?,)) })
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
    linker.func_wrap(PREVIEW1, "proc_exit", exit)?;
    Ok(linker)
}

/// The same for components.
pub(crate) fn prompt_component_linker(engine: &wasmtime::Engine) -> wasmtime::Result<ComponentLinker<Guest>> {
    let mut linker = ComponentLinker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    Ok(linker)
}

/// Preview 1's `proc_exit`. Wasmtime traps on a code above 125; a guest may say what it likes.
fn exit(code: i32) -> wasmtime::Result<()> {
    Err(I32Exit(code).into())
}

type OpenAt = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

async fn open_at(guest: &mut Guest, args: OpenAt) -> wasmtime::Result<Result<Resource<Descriptor>, ErrorCode>> {
    if !guest.may_open() {
        return Ok(Err(ErrorCode::InsufficientMemory));
    }
    let (dir, path_flags, path, open_flags, flags) = args;
    let mut files = guest.filesystem();
    match files.open_at(dir, path_flags, path, open_flags, flags).await {
        Ok(opened) => Ok(Ok(opened)),
        Err(error) => files.convert_error_code(error).map(Err),
    }
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
            Error::unreadable(format!(
                "{}: the granted folder cannot be opened: {error:#}",
                dir.host.display()
            ))
        })?;
    }
    Ok(builder.build_p1())
}
