//! Which program a large file holds, without reading it: an interpreter of a language is 30 MB, and hashing it takes longer than all
//! the rest of a start.
//!
//! A file is taken for the one that was read before while nothing about it has changed that changes with its content: device,
//! inode, length, and the times of the last change of content and of the inode, of which nobody can set the second. As
//! Git does, it does not trust times that are as young as the look at them.
//!
//! What is known lies beside the entries, in a fixed number of small files; one that is wrong, or in the place of another, is not
//! there.

use std::fs::Metadata;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::{Cache, Key, hex};

/// Smaller files are read as fast as they are looked up.
const LARGE: u64 = 4 << 20;

/// Changes within this time may have the same times: coarser than any file system's clock that knows inodes.
const YOUNG: Duration = Duration::from_secs(2);

/// How the names of what is known end; there are at most 256, by the first byte of the origin.
pub(super) const ENDING: &str = "known";

/// A large file as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin([u8; 32]);

impl Origin {
    /// The file with this metadata, if it is large and was not changed just now.
    pub(crate) fn of(meta: &Metadata) -> Option<Origin> {
        Origin::at(meta, SystemTime::now())
    }

    fn at(meta: &Metadata, now: SystemTime) -> Option<Origin> {
        let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(meta.ctime()).ok()?))?;
        let age = now.duration_since(changed.max(meta.modified().ok()?)).ok()?;
        if !meta.is_file() || meta.len() < LARGE || age < YOUNG {
            return None;
        }
        let mut hash = Sha256::new();
        for number in [meta.dev(), meta.ino(), meta.len()] {
            hash.update(number.to_le_bytes());
        }
        for number in [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()] {
            hash.update(number.to_le_bytes());
        }
        Some(Origin(hash.finalize().into()))
    }

    /// The same on an engine: each has its own code for a program.
    fn on(&self, engine: &wasmtime::Engine) -> String {
        let mut hash = super::Digester(Sha256::new());
        std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut hash);
        hash.0.update(self.0);
        hex(&hash.0.finalize())
    }
}

impl Cache {
    /// Where the code stands of what a file holds, if that is known.
    pub(crate) fn recall(&self, engine: &wasmtime::Engine, origin: &Origin) -> Option<Key> {
        let origin = origin.on(engine);
        let known = std::fs::read_to_string(self.place(&origin)).ok()?;
        let name = known.strip_prefix(&origin)?.strip_prefix(' ')?;
        let is_name = name.len() == origin.len() && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_name.then(|| self.named(name.to_owned()))
    }

    /// Notes what a file holds. A failure is no error: it is read again.
    pub(crate) fn note(&self, engine: &wasmtime::Engine, origin: &Origin, key: &Key) {
        let origin = origin.on(engine);
        let write = || {
            let mut file = tempfile::Builder::new().prefix(super::NEW).tempfile_in(&self.folder)?;
            write!(file, "{origin} {}", key.name)?;
            file.persist(self.place(&origin))?;
            Ok::<_, std::io::Error>(())
        };
        let _ = write();
    }

    fn place(&self, origin: &str) -> std::path::PathBuf {
        self.folder.join(format!("{}.{ENDING}", &origin[..2]))
    }
}

/// Whether a file says what is known.
pub(super) fn is_known(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_of_one_file_on_one_engine_and_goes_with_the_cache() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path()).expect("opens");
        let (engine, other) = (wasmtime::Engine::default(), {
            let mut config = wasmtime::Config::new();
            wasmtime::Engine::new(config.consume_fuel(true)).expect("an engine")
        });
        let (origin, key) = (Origin([1; 32]), cache.key(&engine, b"code"));
        assert!(cache.recall(&engine, &origin).is_none());
        cache.note(&engine, &origin, &key);
        assert!(
            cache
                .recall(&engine, &origin)
                .is_some_and(|known| known.path == key.path)
        );
        assert!(cache.recall(&engine, &Origin([2; 32])).is_none());
        assert!(cache.recall(&other, &origin).is_none());
        // Another one in its place, and one that is damaged.
        let place = cache.place(&origin.on(&engine));
        for wrong in [
            format!("{} {}", Origin([2; 32]).on(&engine), key.name),
            format!("{} ../{}", origin.on(&engine), &key.name[3..]),
            origin.on(&engine),
            String::new(),
        ] {
            std::fs::write(&place, &wrong).expect("writes");
            assert!(cache.recall(&engine, &origin).is_none(), "{wrong}");
        }
        assert_eq!(cache.info().entries, 0);
        assert_eq!(cache.clean().expect("cleans").entries, 0);
        assert!(!place.exists());
    }

    #[test]
    fn a_file_is_known_when_it_is_large_and_was_not_changed_just_now() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(LARGE).expect("grows");
        // Whoever changes it can say that it was long ago, of its content only.
        file.as_file()
            .set_modified(SystemTime::UNIX_EPOCH + YOUNG)
            .expect("says so");
        let meta = || file.as_file().metadata().expect("is there");
        assert_eq!(Origin::of(&meta()), None);
        let later = SystemTime::now() + Duration::from_secs(3_600);
        let known = Origin::at(&meta(), later).expect("is old then");
        assert_eq!(Origin::at(&meta(), later), Some(known.clone()));
        file.as_file().set_len(LARGE + 1).expect("grows");
        file.as_file()
            .set_modified(SystemTime::UNIX_EPOCH + YOUNG)
            .expect("says so");
        assert!(Origin::at(&meta(), later).is_some_and(|changed| changed != known));
        file.as_file().set_len(LARGE - 1).expect("shrinks");
        assert_eq!(Origin::at(&meta(), later), None);
    }
}
