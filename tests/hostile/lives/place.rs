//! The folders of a case: what is granted, and beside it what nobody may reach.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use wasm_pool::grants::{Access, DirGrant};

use super::sidecar;

/// What lies outside, and must never be seen inside.
const SECRET: &str = "nobody inside may read this";

/// The folders of one life. They go when it is dropped.
#[derive(Default)]
pub(crate) struct Place {
    /// None where nothing is granted.
    folder: Option<tempfile::TempDir>,
    what: sidecar::Place,
    /// All that lay there before the guest ran, in what it may not write.
    before: BTreeMap<PathBuf, Vec<u8>>,
    listeners: Vec<UnixListener>,
    swapping: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Place {
    pub(crate) fn new(what: &sidecar::Place) -> io::Result<Place> {
        if what.dirs.is_empty() {
            return Ok(Place::default());
        }
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        let outside = at("outside");
        fs::create_dir(&outside)?;
        fs::write(outside.join("secret"), SECRET)?;
        for dir in &what.dirs {
            let dir = at(name(dir));
            fs::create_dir(&dir)?;
            fs::write(dir.join("f"), "hello\n")?;
        }
        for (link, target) in &what.links {
            symlink(target.replace("OUTSIDE", &outside.display().to_string()), at(link))?;
        }
        for fifo in &what.fifos {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                at(fifo),
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
                0,
            )?;
        }
        let mut listeners = Vec::new();
        for socket in &what.sockets {
            let listener = UnixListener::bind(at(socket))?;
            listener.set_nonblocking(true)?;
            listeners.push(listener);
        }
        let swapping = what.swap.as_ref().map(|path| swap(&at(path), &outside)).transpose()?;
        let mut place = Place {
            folder: Some(folder),
            what: what.clone(),
            before: BTreeMap::new(),
            listeners,
            swapping,
        };
        place.before = place.kept()?;
        Ok(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder
            .as_ref()
            .map(|folder| folder.path().join(name))
            .unwrap_or_default()
    }

    /// What the guest is granted.
    pub(crate) fn dirs(&self) -> Vec<DirGrant> {
        let grant = |dir: &String| DirGrant {
            host: self.path(name(dir)),
            guest: format!("/{}", name(dir)),
            access: if writable(dir) {
                Access::ReadWrite
            } else {
                Access::ReadOnly
            },
            folder: None,
        };
        self.what.dirs.iter().map(grant).collect()
    }

    /// Checks that nothing came out and nothing was changed where nothing may be.
    pub(crate) fn check(mut self, printed: &str) -> Result<(), String> {
        if let Some((stop, thread)) = self.swapping.take() {
            stop.store(true, Ordering::Relaxed);
            let _ = thread.join();
        }
        if printed.contains(SECRET) {
            return Err(format!("what lies outside was read: {printed:?}"));
        }
        let after = self.kept().map_err(|error| error.to_string())?;
        if after != self.before {
            return Err(format!("changed outside: {:?} was {:?}", after, self.before));
        }
        let told = |folder: &tempfile::TempDir| printed.contains(&*folder.path().to_string_lossy());
        if self.what.links.is_empty() && self.folder.as_ref().is_some_and(told) {
            return Err(format!("a path of the host was told: {printed:?}"));
        }
        match self.listeners.iter().any(|listener| listener.accept().is_ok()) {
            true => Err("somebody connected to the socket".to_owned()),
            false => Ok(()),
        }
    }

    /// All that must not change: what lies outside, and in folders that were granted for reading.
    fn kept(&self) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
        let mut kept = BTreeMap::new();
        if self.folder.is_none() {
            return Ok(kept);
        }
        let read_only = self.what.dirs.iter().filter(|dir| !writable(dir)).map(|dir| name(dir));
        for dir in read_only.chain(["outside"]) {
            for entry in fs::read_dir(self.path(dir))? {
                let path = entry?.path();
                let meta = fs::symlink_metadata(&path)?;
                let content = match meta.file_type() {
                    kind if kind.is_file() => fs::read(&path)?,
                    kind if kind.is_fifo() || kind.is_socket() => Vec::new(),
                    kind if kind.is_symlink() => fs::read_link(&path)?.into_os_string().into_encoded_bytes(),
                    _ => b"a folder".to_vec(),
                };
                kept.insert(path, content);
            }
        }
        Ok(kept)
    }
}

fn name(dir: &str) -> &str {
    dir.split_once(':').map_or(dir, |(name, _)| name)
}

fn writable(dir: &str) -> bool {
    dir.ends_with(":rw")
}

/// Lets a folder and a link to what lies outside change places until told to stop.
fn swap(path: &Path, outside: &Path) -> io::Result<(Arc<AtomicBool>, JoinHandle<()>)> {
    let (path, other) = (path.to_owned(), path.with_extension("other"));
    fs::create_dir(&path)?;
    fs::write(path.join("secret"), "harmless\n")?;
    symlink(outside, &other)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            let _ = rustix::fs::renameat_with(
                rustix::fs::CWD,
                &path,
                rustix::fs::CWD,
                &other,
                rustix::fs::RenameFlags::EXCHANGE,
            );
        }
    });
    Ok((stop, thread))
}
