//! Preview 1, where we do more than Wasmtime: files are opened as [`files`] has it, and no wait holds the worker.
//!
//! Wasmtime keeps to itself which descriptor number of preview 1 is which of its files. So [`Folders`] knows it of folders, and
//! a file that was opened by us takes the place of one that Wasmtime opened itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, OnceLock};

use wasmtime::{AsContextMut as _, Caller, Extern, Linker};
use wasmtime_wasi::filesystem::{Descriptor, Dir};
use wasmtime_wasi::p1::types::{Clockid, Errno};
use wasmtime_wasi::p1::wasi_snapshot_preview1::{self as preview1, WasiSnapshotPreview1 as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, OpenFlags};
use wasmtime_wasi::{FsPerms, I32Exit, OpenMode, ResourceTable, WasiView as _};
use wiggle::{GuestError, GuestMemory, GuestPtr};

use super::PREVIEW1;
use super::files::{self, Asked};
use crate::interpreter::{FileCalls, Guest};
use crate::timeline::as_poll;

/// Puts what is ours over Wasmtime's.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap_async(PREVIEW1, "path_open", |caller, args| Box::new(path_open(caller, args)))?;
    linker.func_wrap_async(PREVIEW1, "path_readlink", |caller, args| {
        Box::new(path_readlink(caller, args))
    })?;
    linker.func_wrap_async(PREVIEW1, "fd_close", |caller, (number,): (i32,)| {
        Box::new(fd_close(caller, number))
    })?;
    linker.func_wrap_async(PREVIEW1, "fd_renumber", |caller, args| {
        Box::new(fd_renumber(caller, args))
    })?;
    linker.func_wrap_async(PREVIEW1, "poll_oneoff", |caller, args| {
        Box::new(poll_oneoff(caller, args))
    })?;
    linker.func_wrap(PREVIEW1, "proc_exit", exit)?;
    Ok(())
}

/// `proc_exit`. Wasmtime traps on a code above 125; a guest may say what it likes.
pub(super) fn exit(code: i32) -> wasmtime::Result<()> {
    Err(I32Exit(code).into())
}

/// The open folders by their numbers; none before the first question.
#[derive(Default)]
pub(crate) struct Folders(Option<BTreeMap<i32, Arc<File>>>);

/// The first number that a granted folder has, behind the standard streams.
const FIRST_GRANTED: i32 = 3;

impl Folders {
    /// Those of a guest; asked before any number changes hands.
    async fn of(guest: &mut Guest) -> wasmtime::Result<&mut BTreeMap<i32, Arc<File>>> {
        if guest.folders.0.is_none() {
            // Any question makes Wasmtime number the granted folders, which are the first that are open.
            let mut answer = [0; 8];
            let mut memory = GuestMemory::Unshared(&mut answer);
            preview1::fd_prestat_get(&mut guest.wasi, &mut memory, FIRST_GRANTED, 0)?;
            let open = folders_in(guest.wasi.ctx().table).map(|dir| Arc::clone(&dir.dir));
            guest.folders.0 = Some((FIRST_GRANTED..).zip(open).collect());
        }
        Ok(guest.folders.0.get_or_insert_default())
    }
}

fn folders_in(table: &mut ResourceTable) -> impl Iterator<Item = &mut Dir> {
    descriptors_in(table).filter_map(|open| match open {
        Descriptor::Dir(dir) => Some(dir),
        Descriptor::File(_) => None,
    })
}

fn descriptors_in(table: &mut ResourceTable) -> impl Iterator<Item = &mut Descriptor> {
    table.iter_mut().filter_map(|entry| entry.downcast_mut())
}

fn file_of(open: &Descriptor) -> &Arc<File> {
    match open {
        Descriptor::Dir(dir) => &dir.dir,
        Descriptor::File(file) => &file.file,
    }
}

/// Tells one open file from another.
fn address(open: &Descriptor) -> usize {
    Arc::as_ptr(file_of(open)).addr()
}

/// Folder, look-up flags, path and its length, open flags, two sets of rights, descriptor flags, where the new number goes.
type PathOpen = (i32, i32, i32, i32, i32, i64, i64, i32, i32);

const RIGHT_READ: i64 = 1 << 1;
const RIGHT_WRITE: i64 = 1 << 6;
/// Of a descriptor: `append` and `nonblock`, which mean something to reads and writes only.
const HOW_TO_WRITE: i32 = 0b101;
/// Of a descriptor: `dsync`, `rsync` and `sync`.
const IN_SYNC: i32 = 0b1_1010;

async fn path_open(mut caller: Caller<'_, Guest>, args: PathOpen) -> wasmtime::Result<i32> {
    let (number, lookup, path, length, open, rights, _, flags, result) = args;
    let (memory, guest) = parts(&mut caller)?;
    if !guest.may_open() {
        return Ok(code(Errno::Mfile));
    }
    let (Some(oflags), 0..=1, 0) = (open_flags(open), lookup, flags & !(HOW_TO_WRITE | IN_SYNC)) else {
        return Ok(code(Errno::Inval));
    };
    let path = match text(memory, path, length)? {
        Ok(path) => path,
        Err(errno) => return Ok(code(errno)),
    };
    let Some(dir) = folder(guest, number).await? else {
        return no_folder(guest, number).await;
    };
    let mut wanted = DescriptorFlags::empty();
    for (asked, flag) in [
        (rights & RIGHT_READ != 0, DescriptorFlags::READ),
        (rights & RIGHT_WRITE != 0, DescriptorFlags::WRITE),
        (flags & IN_SYNC != 0, DescriptorFlags::FILE_INTEGRITY_SYNC),
    ] {
        if asked {
            wanted |= flag;
        }
    }
    let asked = Asked {
        path,
        follow: lookup == 1,
        open: oflags,
        flags: wanted,
    };
    let opened = match files::open(&dir, asked, guest.file_calls).await {
        Ok(opened) => opened,
        Err(error) => return Ok(code(error.into())),
    };
    let is_folder = matches!(opened, Descriptor::Dir(_)).then(|| Arc::clone(file_of(&opened)));
    let new = match put(guest, number, &dir, opened, flags & HOW_TO_WRITE).await? {
        Ok(new) => new,
        Err(errno) => return Ok(errno),
    };
    if let Some(file) = is_folder {
        Folders::of(guest).await?.insert(new, file);
    }
    GuestMemory::Unshared(memory).write(GuestPtr::new(result.cast_unsigned()), new.cast_unsigned())?;
    Ok(0)
}

/// Gives an open file a number, as if Wasmtime had opened it below this folder; the number, or why there is none.
async fn put(
    guest: &mut Guest,
    number: i32,
    dir: &Dir,
    opened: Descriptor,
    flags: i32,
) -> wasmtime::Result<Result<i32, i32>> {
    // What Wasmtime opens instead: of the same kind, and at once.
    let Some(mut stand_in) = stand_in() else {
        wasmtime::bail!("/dev/null cannot be opened, which the host needs to open files of preview 1");
    };
    let path: &[u8] = match &opened {
        Descriptor::Dir(folder) => {
            stand_in.dir = Arc::clone(&folder.dir);
            b"."
        }
        Descriptor::File(_) => b"null",
    };
    let mut scratch = [0; 8];
    scratch[..path.len()].copy_from_slice(path);
    let table = guest.wasi.ctx().table;
    let before: Vec<_> = descriptors_in(table).map(|open| address(open)).collect();
    let Some(place) = folders_in(table).find(|open| Arc::ptr_eq(&open.dir, &dir.dir)) else {
        wasmtime::bail!("a folder of preview 1 is not where it was");
    };
    *place = stand_in.clone();
    let length = path.len() as i32;
    let mut memory = GuestMemory::Unshared(&mut scratch);
    guest.wasi.set_hostcall_fuel(path.len());
    let code = preview1::path_open(
        &mut guest.wasi,
        &mut memory,
        number,
        0,
        0,
        length,
        0,
        RIGHT_READ,
        0,
        flags,
        4,
    )
    .await;
    let table = guest.wasi.ctx().table;
    if let Some(place) = folders_in(table).find(|open| Arc::ptr_eq(&open.dir, &stand_in.dir)) {
        *place = dir.clone();
    }
    match code? {
        0 => {}
        errno => return Ok(Err(errno)),
    }
    let Some(new) = descriptors_in(table).find(|open| !before.contains(&address(open))) else {
        wasmtime::bail!("a file of preview 1 is not where it was opened");
    };
    *new = opened;
    let [_, _, _, _, number @ ..] = scratch;
    Ok(Ok(i32::from_le_bytes(number)))
}

/// The file that is opened in place of others; its folder is open from now on, also behind a wall that leaves only the file.
pub(crate) fn stands_in_for_files() -> &'static str {
    stand_in();
    "/dev/null"
}

/// The folder with a file that is always there.
fn stand_in() -> Option<Dir> {
    static DEVICES: OnceLock<Option<Dir>> = OnceLock::new();
    let open = || {
        Some(Dir::new(
            File::open("/dev").ok()?,
            FsPerms::ReadOnly,
            OpenMode::READ,
            true,
        ))
    };
    DEVICES.get_or_init(open).clone()
}

async fn path_readlink(
    mut caller: Caller<'_, Guest>,
    (number, path, length, into, room, result): (i32, i32, i32, i32, i32, i32),
) -> wasmtime::Result<i32> {
    let (memory, guest) = parts(&mut caller)?;
    let path = match text(memory, path, length)? {
        Ok(path) => path,
        Err(errno) => return Ok(code(errno)),
    };
    let Some(dir) = folder(guest, number).await? else {
        return no_folder(guest, number).await;
    };
    let target = match files::read_link(&dir, path, guest.file_calls).await {
        Ok(target) => target,
        Err(error) => return Ok(code(error.into())),
    };
    let written = target.len().min(room.cast_unsigned() as usize) as u32;
    let mut memory = GuestMemory::Unshared(memory);
    let place = GuestPtr::<[u8]>::new((into.cast_unsigned(), written));
    memory.copy_from_slice(&target.as_bytes()[..written as usize], place)?;
    memory.write(GuestPtr::new(result.cast_unsigned()), written)?;
    Ok(0)
}

async fn fd_close(mut caller: Caller<'_, Guest>, number: i32) -> wasmtime::Result<i32> {
    let guest = caller.data_mut();
    let folders = Folders::of(guest).await?;
    // First, so that the folder is closed when Wasmtime closes it.
    let closed = folders.remove(&number);
    let code = preview1::fd_close(&mut guest.wasi, &mut GuestMemory::Unshared(&mut []), number).await?;
    if let (Some(folder), true) = (closed, code != 0) {
        Folders::of(guest).await?.insert(number, folder);
    }
    Ok(code)
}

async fn fd_renumber(mut caller: Caller<'_, Guest>, (from, to): (i32, i32)) -> wasmtime::Result<i32> {
    let guest = caller.data_mut();
    Folders::of(guest).await?;
    let code = preview1::fd_renumber(&mut guest.wasi, &mut GuestMemory::Unshared(&mut []), from, to).await?;
    if code == 0 && from != to {
        let folders = Folders::of(guest).await?;
        folders.remove(&to);
        if let Some(folder) = folders.remove(&from) {
            folders.insert(to, folder);
        }
    }
    Ok(code)
}

/// A subscription, and an event.
const SUBSCRIPTION: usize = 48;
const EVENT: usize = 32;

/// `poll_oneoff`. Where file calls run on the worker, Wasmtime sleeps there too when a guest waits for one span of time and
/// nothing else, and neither deadline nor kill would end that. It is asked for the point in time instead.
async fn poll_oneoff(
    mut caller: Caller<'_, Guest>,
    (subscriptions, events, count, result): (i32, i32, i32, i32),
) -> wasmtime::Result<i32> {
    let fuel = caller.as_context_mut().hostcall_fuel();
    let (memory, guest) = parts(&mut caller)?;
    guest.wasi.set_hostcall_fuel(fuel);
    let mut scratch = [0; SUBSCRIPTION + EVENT + 8];
    if count == 1 && guest.file_calls == FileCalls::Inline {
        let memory = GuestMemory::Unshared(&mut *memory);
        let asked = GuestPtr::<[u8]>::new((subscriptions.cast_unsigned(), SUBSCRIPTION as u32));
        scratch[..SUBSCRIPTION].copy_from_slice(&memory.as_cow(asked)?);
    }
    if !(count == 1 && guest.file_calls == FileCalls::Inline && until(guest, &mut scratch)?) {
        let mut memory = GuestMemory::Unshared(memory);
        let poll = preview1::poll_oneoff(&mut guest.wasi, &mut memory, subscriptions, events, count, result);
        return as_poll(poll).await;
    }
    let (event, number) = (SUBSCRIPTION as i32, (SUBSCRIPTION + EVENT) as i32);
    let mut own = GuestMemory::Unshared(&mut scratch);
    let code = as_poll(preview1::poll_oneoff(&mut guest.wasi, &mut own, 0, event, 1, number)).await?;
    if code == 0 {
        let mut memory = GuestMemory::Unshared(memory);
        let place = GuestPtr::<[u8]>::new((events.cast_unsigned(), EVENT as u32));
        memory.copy_from_slice(&scratch[SUBSCRIPTION..SUBSCRIPTION + EVENT], place)?;
        memory.write(GuestPtr::new(result.cast_unsigned()), 1u32)?;
    }
    Ok(code)
}

/// Makes of a span of time the point in time when it is over; `false` when it is none.
fn until(guest: &mut Guest, subscription: &mut [u8]) -> wasmtime::Result<bool> {
    const TAG: usize = 8;
    const CLOCK: std::ops::Range<usize> = 16..20;
    const TIMEOUT: std::ops::Range<usize> = 24..32;
    const FLAGS: usize = 40;
    let clock = u32::from_le_bytes(subscription[CLOCK].try_into()?);
    let known = [Clockid::Monotonic, Clockid::Realtime].map(u32::from).contains(&clock);
    if subscription[TAG] != 0 || subscription[FLAGS] & 1 != 0 || !known {
        return Ok(false);
    }
    let mut memory = GuestMemory::Unshared(&mut []);
    let now = guest
        .wasi
        .clock_time_get(&mut memory, Clockid::Monotonic, 0)
        .map_err(|error| wasmtime::format_err!("{error:?}"))?;
    let span = u64::from_le_bytes(subscription[TIMEOUT].try_into()?);
    subscription[CLOCK].copy_from_slice(&u32::from(Clockid::Monotonic).to_le_bytes());
    subscription[TIMEOUT].copy_from_slice(&now.saturating_add(span).to_le_bytes());
    subscription[FLAGS] |= 1;
    Ok(true)
}

/// A guest's memory, and the rest of what is known of it.
fn parts<'a>(caller: &'a mut Caller<'_, Guest>) -> wasmtime::Result<(&'a mut [u8], &'a mut Guest)> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        wasmtime::bail!("a guest that calls preview 1 must export its memory");
    };
    Ok(memory.data_and_store_mut(caller))
}

/// The longest path that the system knows.
const LONGEST_PATH: i32 = 4096;

/// A path out of a guest's memory.
fn text(memory: &mut [u8], at: i32, length: i32) -> wasmtime::Result<Result<String, Errno>> {
    if !(0..=LONGEST_PATH).contains(&length) {
        return Ok(Err(Errno::Nametoolong));
    }
    let place = GuestPtr::<str>::new((at.cast_unsigned(), length.cast_unsigned()));
    match GuestMemory::Unshared(memory).as_cow_str(place) {
        Ok(path) => Ok(Ok(path.into_owned())),
        Err(GuestError::InvalidUtf8(_)) => Ok(Err(Errno::Ilseq)),
        Err(error) => Err(error.into()),
    }
}

fn open_flags(flags: i32) -> Option<OpenFlags> {
    let known = [
        (1, OpenFlags::CREATE),
        (2, OpenFlags::DIRECTORY),
        (4, OpenFlags::EXCLUSIVE),
        (8, OpenFlags::TRUNCATE),
    ];
    let (mut open, mut left) = (OpenFlags::empty(), flags);
    for (bit, flag) in known.into_iter().filter(|(bit, _)| flags & bit != 0) {
        open |= flag;
        left &= !bit;
    }
    (left == 0).then_some(open)
}

/// The folder with this number.
async fn folder(guest: &mut Guest, number: i32) -> wasmtime::Result<Option<Dir>> {
    let Some(file) = Folders::of(guest).await?.get(&number).map(Arc::clone) else {
        return Ok(None);
    };
    let mut open = folders_in(guest.wasi.ctx().table);
    Ok(open.find(|dir| Arc::ptr_eq(&dir.dir, &file)).map(|dir| dir.clone()))
}

/// What Wasmtime says of a number that is no folder's: an empty path opens nothing.
async fn no_folder(guest: &mut Guest, number: i32) -> wasmtime::Result<i32> {
    let mut nothing = [0; 4];
    let mut memory = GuestMemory::Unshared(&mut nothing);
    preview1::path_open(&mut guest.wasi, &mut memory, number, 0, 0, 0, 0, RIGHT_READ, 0, 0, 0).await
}

fn code(errno: Errno) -> i32 {
    errno as i32
}
