//! Compiled code, kept between runs.
//!
//! A folder of files that only this user can write. An entry's name is the SHA-256 of the program's bytes and of
//! everything about the engine that its code depends on, so a change of either is another entry. Entries are written
//! to a temporary file and renamed: two processes at once, or a kill in the middle, leave whole files only. Each ends
//! with its length and a checksum of its name and its code; one that is cut off, changed, from another version or under
//! another one's name counts as missing. When all are more than the cache may hold, those go that were not used for
//! longest. Whatever goes wrong here, programs run: they are compiled again.

mod known;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::Xxh3;

pub(crate) use self::known::Origin;
use crate::error::{Error, Result};
use crate::precompiled;
use crate::program::Code;
use crate::sync::{Mutex, Rank};

/// A folder of compiled code. Cloning gives another handle to the same folder.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    limit: ByteSize,
    /// The folder, open: behind a [lockdown](crate::lockdown) it cannot be opened any more to be listed. The lock is for its place.
    listing: Arc<Mutex<File>>,
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheInfo {
    /// How many programs.
    pub entries: u64,
    /// Their compiled code, in bytes.
    pub bytes: u64,
}

const ENDING: &str = "cwasm";

/// How the name of an entry begins that is being written.
const NEW: &str = ".new-";

/// An entry that was not finished for so long never will be: whoever wrote it was killed.
const NEVER_FINISHED: Duration = Duration::from_secs(3_600);

/// What a cache holds unless it is told otherwise: a hundred large programs.
const LIMIT: ByteSize = ByteSize::gib(1);

/// What follows an entry's code: this, the code's length, and its checksum.
const MAGIC: &[u8; 8] = b"wasmpool";
const TRAILER: usize = 8 + 8 + 16;

impl Cache {
    /// Opens the cache in `folder`, which is made if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::ErrorKind::Unreadable) when it cannot be made, or when others could write
    /// there: whoever can write it can run code as this user.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Cache> {
        let folder = folder.into();
        let shown = folder.display().to_string();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Error::unreadable(format!("{shown}: the code cache cannot be made: {error}")))?;
        let meta = fs::metadata(&folder).map_err(|error| Error::unreadable(format!("{shown}: {error}")))?;
        let own = meta.uid() == rustix::process::geteuid().as_raw();
        if !own || meta.mode() & 0o022 != 0 {
            return Err(Error::unreadable(format!(
                "{shown}: others can write the code cache, so it is not used"
            )));
        }
        let listing = File::open(&folder).map_err(|error| Error::unreadable(format!("{shown}: {error}")))?;
        Ok(Cache {
            folder,
            limit: LIMIT,
            listing: Arc::new(Mutex::new(Rank::Listing, listing)),
        })
    }

    /// How much compiled code it may hold. Default: 1 GiB.
    #[must_use]
    pub fn within(mut self, limit: ByteSize) -> Cache {
        self.limit = limit;
        self
    }

    /// How much compiled code it may hold.
    pub fn limit(&self) -> ByteSize {
        self.limit
    }

    /// The user's cache folder for this program: `$XDG_CACHE_HOME/wasm-pool`, or `~/.cache/wasm-pool`.
    pub fn default_folder() -> Option<PathBuf> {
        use etcetera::BaseStrategy;
        let base = etcetera::choose_base_strategy().ok()?;
        Some(base.cache_dir().join("wasm-pool"))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it holds.
    pub fn info(&self) -> CacheInfo {
        let mut info = CacheInfo::default();
        for (_, meta) in self.entries() {
            info.entries += 1;
            info.bytes += meta.len();
        }
        info
    }

    /// Removes every entry; returns what was there.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::ErrorKind::Unreadable) for the first entry that cannot be removed.
    pub fn clean(&self) -> Result<CacheInfo> {
        let mut removed = CacheInfo::default();
        let known = self.files(known::is_known).into_iter();
        for (path, meta) in self.entries().into_iter().chain(known) {
            match fs::remove_file(&path) {
                Ok(()) if known::is_known(&path) => {}
                Ok(()) => {
                    removed.entries += 1;
                    removed.bytes += meta.len();
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::unreadable(format!("{}: {error}", path.display()))),
            }
        }
        Ok(removed)
    }

    /// Where a program's compiled code is kept.
    pub(crate) fn key(&self, engine: &wasmtime::Engine, bytes: &[u8]) -> Key {
        let mut hash = Digester(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hash);
        hash.0.update(bytes);
        self.named(hex(&hash.0.finalize()))
    }

    fn named(&self, name: String) -> Key {
        Key {
            path: self.folder.join(format!("{name}.{ENDING}")),
            name,
        }
    }

    /// The code of an entry; `None` when it is missing or bad.
    pub(crate) fn load(&self, engine: &wasmtime::Engine, key: &Key) -> Option<Code> {
        let file = open(&key.path).ok()?;
        if !is_whole(&file, key).ok()? {
            return None;
        }
        // When it was used last; where that cannot be noted, it counts as not used.
        let _ = file.set_modified(SystemTime::now());
        precompiled::from_file(engine, &key.path).ok()
    }

    /// Keeps an entry. A failure (a full disk, a folder that cannot be written) is no error: the code is there, and the
    /// next run compiles again.
    pub(crate) fn store(&self, key: &Key, code: &Code) {
        let code = match code {
            Code::Module(module) => module.serialize(),
            Code::Component(component) => component.serialize(),
        };
        if let Ok(code) = code {
            let _ = self.write(key, &code);
        }
    }

    fn write(&self, key: &Key, code: &[u8]) -> io::Result<()> {
        if code.len() as u64 > self.limit.as_u64() {
            return Ok(());
        }
        let mut file = tempfile::Builder::new().prefix(NEW).tempfile_in(&self.folder)?;
        let mut hash = key.hasher();
        hash.update(code);
        file.write_all(code)?;
        file.write_all(&trailer(code.len() as u64, hash.digest128()))?;
        file.as_file().sync_data()?;
        file.persist(&key.path)?;
        self.sweep(key);
        Ok(())
    }

    /// Removes what was never finished, and what was not used for longest, until the rest is within the limit. What another
    /// process runs stays mapped there.
    fn sweep(&self, newest: &Key) {
        let (now, mut entries, mut bytes) = (SystemTime::now(), Vec::new(), 0);
        for (path, meta) in self.entries() {
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if !is_new(&path) {
                bytes += meta.len();
                if path != newest.path {
                    entries.push((used, path, meta.len()));
                }
            } else if now.duration_since(used).is_ok_and(|age| age > NEVER_FINISHED) {
                let _ = fs::remove_file(path);
            }
        }
        entries.sort();
        for (_, path, length) in entries {
            if bytes <= self.limit.as_u64() {
                break;
            }
            if fs::remove_file(path).is_ok() {
                bytes -= length;
            }
        }
    }

    fn entries(&self) -> Vec<(PathBuf, fs::Metadata)> {
        self.files(|path| path.extension().is_some_and(|ending| ending == ENDING) || is_new(path))
    }

    /// The files of one sort.
    fn files(&self, ours: impl Fn(&Path) -> bool) -> Vec<(PathBuf, fs::Metadata)> {
        let listed = self.names().unwrap_or_default().into_iter().filter_map(|name| {
            let path = self.folder.join(name);
            let meta = ours(&path).then(|| fs::symlink_metadata(&path).ok()).flatten()?;
            meta.is_file().then_some((path, meta))
        });
        listed.collect()
    }

    /// The names of all that is in the folder.
    fn names(&self) -> io::Result<Vec<OsString>> {
        let listing = self.listing.lock();
        let mut files = rustix::fs::Dir::new(listing.try_clone()?)?;
        files.rewind();
        let names = files.flatten();
        Ok(names
            .map(|file| OsStr::from_bytes(file.file_name().to_bytes()).to_owned())
            .collect())
    }
}

/// Where an entry stands.
#[derive(Debug)]
pub(crate) struct Key {
    name: String,
    path: PathBuf,
}

impl Key {
    /// For the checksum of an entry, which is of its name too: code under another name is another program's.
    fn hasher(&self) -> Xxh3 {
        let mut hash = Xxh3::new();
        hash.update(self.name.as_bytes());
        hash
    }
}

/// Bytes as text.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether it is an entry that is being written.
fn is_new(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(NEW))
}

/// Opens an entry; no pipe or device makes it wait.
fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn trailer(length: u64, checksum: u128) -> [u8; TRAILER] {
    let mut trailer = [0; TRAILER];
    trailer[..8].copy_from_slice(MAGIC);
    trailer[8..16].copy_from_slice(&length.to_le_bytes());
    trailer[16..].copy_from_slice(&checksum.to_le_bytes());
    trailer
}

/// Whether it is a file that ends with the trailer that fits the rest of it and its name.
fn is_whole(mut file: &File, key: &Key) -> io::Result<bool> {
    let meta = file.metadata()?;
    let Some(length) = meta.len().checked_sub(TRAILER as u64).filter(|_| meta.is_file()) else {
        return Ok(false);
    };
    let mut found = [0; TRAILER];
    file.seek(SeekFrom::Start(length))?;
    file.read_exact(&mut found)?;
    file.rewind()?;
    let mut hash = key.hasher();
    let mut buffer = vec![0; 256 << 10];
    let mut code = file.take(length);
    loop {
        match code.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(found == trailer(length, hash.digest128()))
}

/// SHA-256 as a `Hasher`, for what only says how it is hashed.
struct Digester(Sha256);

impl Hasher for Digester {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Never asked: the digest is wider than this.
    fn finish(&self) -> u64 {
        0
    }
}
