//! What a guest may touch; nothing by default.
//!
//! A guest sees the folders, variables and arguments that stand here and no others: no working directory, no
//! environment, no network, no name look-up, no other guest. Clocks and randomness are as WASI has them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::folders;
pub use crate::folders::FolderId;
use crate::program::Program;
use crate::queue::Rights;

/// What one interpreter may touch.
///
/// The default grants nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Folders of the host, each under a name of the guest's.
    pub dirs: Vec<DirGrant>,
    /// Environment variables, in order.
    pub env: Vec<(String, String)>,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// Named queues of the pool, which the guest may open by these names, to get and to put; see
    /// [`Queues::create_named`](crate::Queues::create_named).
    pub queues: Vec<String>,
    /// Named queues that it may open to get. One that stands in `puts` too it may use for both.
    pub gets: Vec<String>,
    /// Named queues that it may open to put, and to close.
    pub puts: Vec<String>,
    /// Whether the guest may create interpreters.
    pub interpreters: Option<InterpreterGrant>,
}

/// Which interpreters a guest may create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterpreterGrant {
    /// How many there may be at once, those that its children create included.
    pub count: u32,
    /// How many levels: 1 for children, 2 for their children too.
    pub depth: u32,
    /// Programs besides its own, by the names that the guest gives.
    pub programs: BTreeMap<String, Program>,
}

/// A folder that a guest may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirGrant {
    /// The folder on the host.
    pub host: PathBuf,
    /// Its name for the guest, such as `/data`.
    pub guest: String,
    /// What the guest may do in it.
    pub access: Access,
    /// Which folder it must be when a guest starts; see [`Grants::pin`]. `None`: whichever is there.
    pub folder: Option<FolderId>,
}

/// What a guest may do in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// List and read.
    ReadOnly,
    /// List, read, write, create, rename and remove.
    ReadWrite,
}

/// A folder as one writes it: `HOST::GUEST`, and `:rw` behind it for more than reading.
impl FromStr for DirGrant {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<DirGrant, String> {
        let (text, access) = match (text.strip_suffix(":rw"), text.strip_suffix(":ro")) {
            (Some(text), _) => (text, Access::ReadWrite),
            (_, Some(text)) => (text, Access::ReadOnly),
            _ => (text, Access::ReadOnly),
        };
        let (host, guest) = text.split_once("::").unwrap_or_default();
        if host.is_empty() || guest.is_empty() || guest.contains([':', '\0']) {
            return Err("expected HOST::GUEST, such as ./data::/data or ./out::/out:rw".to_owned());
        }
        Ok(DirGrant {
            host: host.into(),
            guest: guest.to_owned(),
            access,
            folder: None,
        })
    }
}

impl Grants {
    /// Checks what can be known before a guest starts: that the folders exist and that no name stands twice.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] for a folder that cannot be opened, [`ErrorKind::Usage`] for the rest.
    pub fn check(&self) -> Result<()> {
        for (at, dir) in self.dirs.iter().enumerate() {
            let shown = dir.host.display();
            let meta = std::fs::metadata(&dir.host).map_err(|error| cannot_be_opened(&dir.host, error))?;
            if !meta.is_dir() {
                return Err(Error::unreadable(format!(
                    "{shown}: only a folder can be granted, and this is none"
                )));
            }
            let unread = |error| Error::unreadable(format!("{shown}: the folder to grant cannot be read: {error}"));
            std::fs::read_dir(&dir.host).map_err(unread)?;
            if crate::wasi::is_procfs(&std::fs::File::open(&dir.host).map_err(unread)?).map_err(unread)? {
                return Err(usage(format!(
                    "{shown}: here are the processes of the host with their memory (procfs), which are no guest's"
                )));
            }
            if self.dirs[..at].iter().any(|other| other.guest == dir.guest) {
                return Err(usage(format!("two folders are granted as {:?}", dir.guest)));
            }
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(usage(format!(
                    "{name:?} cannot be an environment variable's name and value"
                )));
            }
        }
        if self.args.iter().any(|arg| arg.contains('\0')) {
            return Err(usage("an argument holds a NUL character".to_owned()));
        }
        Ok(())
    }

    /// Grants folders with Python modules, read-only, and puts them into PYTHONPATH before what stands there.
    pub fn add_python_path(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        const PYTHONPATH: &str = "PYTHONPATH";
        let mut places = Vec::new();
        for (number, host) in folders.into_iter().enumerate() {
            let guest = format!("/py-path/{number}");
            places.push(guest.clone());
            self.dirs.push(DirGrant {
                host,
                guest,
                access: Access::ReadOnly,
                folder: None,
            });
        }
        if places.is_empty() {
            return;
        }
        let said = self.env.iter().position(|(name, _)| name == PYTHONPATH);
        places.extend(said.map(|at| self.env.remove(at).1).filter(|said| !said.is_empty()));
        self.env.push((PYTHONPATH.to_owned(), places.join(":")));
    }

    /// From now on only the folders are granted that are there now: who starts when another one is in its place, such as a link
    /// that a guest has put there which may write around it, fails to start.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] for a folder that cannot be opened.
    pub fn pin(&mut self) -> Result<()> {
        for dir in &mut self.dirs {
            dir.folder = Some(FolderId::at(&dir.host).map_err(|error| cannot_be_opened(&dir.host, error))?);
        }
        Ok(())
    }

    /// The named queues, each once, and what the guest may do with it.
    pub(crate) fn rights(&self) -> impl Iterator<Item = (&str, Rights)> {
        let all = [
            (&self.queues, Rights::ALL),
            (&self.gets, Rights::GET),
            (&self.puts, Rights::PUT),
        ];
        let mut rights: BTreeMap<&str, Rights> = BTreeMap::new();
        for (name, new) in all
            .into_iter()
            .flat_map(|(names, new)| names.iter().map(move |name| (name, new)))
        {
            rights.entry(name).and_modify(|old| *old = old.and(new)).or_insert(new);
        }
        rights.into_iter()
    }

    /// Checks that guests cannot write what the host believes: that no folder that is granted for writing is, holds or lies in
    /// one of these, which are called so. Of the [code cache](crate::Cache) it is that whoever writes it runs native code.
    ///
    /// Links are followed, and each of them must be out of reach too. A file that does not exist is where it would be made. Folders
    /// are compared by what they are, so that one that is mounted at two places is one. What was looked at is what is granted only
    /// when the grants are [pinned](Grants::pin).
    ///
    /// # Errors
    /// [`ErrorKind::Usage`], which names both paths, and for a pinned folder in whose place another one is.
    pub fn check_apart<'a>(&self, ours: impl IntoIterator<Item = (&'a str, &'a Path)>) -> Result<()> {
        let writable: Vec<_> = self
            .dirs
            .iter()
            .filter(|dir| dir.access == Access::ReadWrite)
            .filter_map(|dir| Some((dir, dir.host.canonicalize().ok()?)))
            .map(|(dir, path)| (dir, folders::line(&path), path))
            .collect();
        let changed = |(dir, line, _): &&(&DirGrant, Vec<FolderId>, PathBuf)| {
            dir.folder.is_some_and(|pinned| line.first() != Some(&pinned))
        };
        if let Some((dir, ..)) = writable.iter().find(changed) {
            let message = "another folder is there than was granted a moment ago";
            return Err(usage(format!("{}: {message}", dir.host.display())));
        }
        for (what, path) in ours {
            let places = places(path);
            let lines: Vec<_> = places.iter().map(|place| folders::line(place)).collect();
            let last = places.last().filter(|last| last.is_dir()).and(lines.last());
            let last = last.and_then(|line| line.first());
            for (dir, line, folder) in &writable {
                let by_path = |place: &PathBuf| place.starts_with(folder);
                let by_what_it_is = |place: &Vec<FolderId>| line.first().is_some_and(|folder| place.contains(folder));
                let holds = places.iter().any(by_path) || lines.iter().any(by_what_it_is);
                let lies_in = places.last().is_some_and(|place| folder.starts_with(place))
                    || last.is_some_and(|last| line.contains(last));
                if holds || lies_in {
                    return Err(usage(format!(
                        "{}: granted for writing, guests could change {what}, {}: grant it read-only, or keep them apart",
                        dir.host.display(),
                        path.display()
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Where a path leads, last, and before that the links on the way.
fn places(path: &Path) -> Vec<PathBuf> {
    /// As many as the system follows.
    const LINKS: usize = 40;
    let mut places = Vec::new();
    let mut here = PathBuf::new();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut left: Vec<_> = parts(&absolute).rev().collect();
    while let Some(part) = left.pop() {
        if part == ".." {
            here.pop();
            continue;
        }
        here.push(&part);
        if let Ok(target) = std::fs::read_link(&here)
            && places.len() < LINKS
        {
            places.push(here.clone());
            here.pop();
            left.extend(parts(&target).rev());
        }
    }
    places.push(here);
    places
}

fn parts(path: &Path) -> impl DoubleEndedIterator<Item = std::ffi::OsString> {
    path.components().map(|part| part.as_os_str().to_owned())
}

fn cannot_be_opened(folder: &Path, error: std::io::Error) -> Error {
    let shown = folder.display();
    Error::unreadable(format!("{shown}: the folder to grant cannot be opened: {error}"))
}

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Usage, message)
}
