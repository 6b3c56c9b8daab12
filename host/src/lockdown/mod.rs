//! A second wall, around the whole process: what it needs no more, the kernel refuses from now on.
//!
//! Wasmtime is the first wall. Whoever gets through it is this process, and may do what this process may do; on Linux that
//! can be little. [`Lockdown::apply`] takes away, for good:
//!
//! - with **Landlock**, every file and folder that was not [allowed](Lockdown::allow), and signals to and abstract sockets of
//!   processes outside;
//! - with **seccomp**, the system calls that start programs, look into or end other processes, change mounts, namespaces,
//!   owners, modes and clocks, load modules, kernels and BPF, open keyrings, shared memory and, unless the network is
//!   [kept](Lockdown::keep_network), sockets. Such a call fails with `EPERM`, and one that this crate does not know yet with
//!   `ENOSYS`; one by another architecture's numbers ends the process, since nothing honest makes one.
//!
//! What stays: memory, threads (but no processes), files that are open, unnamed pairs of stream sockets, signals to itself.
//! What neither part covers: looking at names, sizes and times of files anywhere (`stat`), and time and memory themselves.
//!
//! # For whom it is
//!
//! Nothing in this library calls it; a service that does must know three things:
//!
//! - It holds **for the whole process** and all that the process does, not for guests only: whoever runs other programs, or
//!   opens files that nobody allowed, fails from then on.
//! - It can **never be taken back**.
//! - It must come **before other threads are started** (an async runtime's too), since before Linux 7.0 Landlock binds the
//!   thread that asks and those that it starts later. With others there, and no such kernel, `apply` does nothing and says so.
//!
//! Make the [`Engine`] before, since it looks at the machine; programs may be loaded and compiled, and pools made,
//! behind the wall. Folders are opened again for each guest that is granted them, so they must be allowed.
//!
//! ```no_run
//! use wasm_pool::lockdown::{Lockdown, Rights};
//! use wasm_pool::{Cache, Engine};
//!
//! # fn main() -> wasm_pool::Result<()> {
//! let engine = Engine::builder().cache(Cache::open("/var/cache/my-service")?).build()?;
//! let wall = Lockdown::new()
//!     .cache(&engine)
//!     .allow("/srv/plugins", Rights::Read)
//!     .allow("/srv/data", Rights::Change)
//!     .keep_network()
//!     .apply()?;
//! if let Err(missing) = &wall.landlock {
//!     eprintln!("files are not walled off: {missing}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Before Linux 5.16 a seccomp filter also turns on the kernel's protection against speculative loads, which slows guests that
//! compute.

mod calls;
mod files;
mod refused;
mod tree;

use std::fmt;
use std::path::PathBuf;

pub use self::files::Rights;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::grants::{Access, DirGrant, Grants};
use crate::machine;

/// What a process still needs; nothing, at first.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is locked down before `apply`"]
pub struct Lockdown {
    allowed: Vec<(PathBuf, Rights)>,
    network: Network,
}

/// Whether sockets may still be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Network {
    #[default]
    Denied,
    Kept,
}

/// What each part of the kernel does for the wall: it holds, or why it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a part of it may be missing"]
pub struct Wall {
    /// Files; the version of Landlock's interface.
    pub landlock: Result<u32, Missing>,
    /// System calls.
    pub seccomp: Result<(), Missing>,
}

/// Why a part of the wall is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The kernel was built without it.
    NotBuilt,
    /// It is built in and was not enabled when the machine started.
    NotEnabled,
    /// The kernel's is too old: Landlock's first version (before Linux 5.19) forbids every rename between two folders.
    TooOld,
    /// There are no rules for this processor.
    Architecture,
    /// It was refused, by a container's own rules for example: the system's words.
    Refused(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::NotBuilt => f.write_str("this kernel does not have it"),
            Missing::NotEnabled => f.write_str("this kernel has it, and it is not enabled (`lsm=landlock,…` at boot)"),
            Missing::TooOld => f.write_str("this kernel's is too old (Linux 5.19 has what is needed)"),
            Missing::Architecture => write!(f, "there are no rules for {}", std::env::consts::ARCH),
            Missing::Refused(why) => write!(f, "it is refused: {why}"),
        }
    }
}

impl Lockdown {
    /// A process that needs nothing any more.
    pub fn new() -> Lockdown {
        Lockdown::default()
    }

    /// Allows a file, or a folder with all that is in it. What is not there when the wall comes up stays out of reach, also
    /// when it is made later. Rights of folders in folders add up.
    pub fn allow(mut self, path: impl Into<PathBuf>, rights: Rights) -> Lockdown {
        self.allowed.push((path.into(), rights));
        self
    }

    /// Allows the folders that guests are granted.
    pub fn grants(self, grants: &Grants) -> Lockdown {
        self.dirs(&grants.dirs)
    }

    /// Allows folders that guests are granted.
    pub fn dirs(self, dirs: &[DirGrant]) -> Lockdown {
        dirs.iter().fold(self, |lockdown, dir| {
            let rights = match dir.access {
                Access::ReadOnly => Rights::Read,
                Access::ReadWrite => Rights::Change,
            };
            lockdown.allow(&dir.host, rights)
        })
    }

    /// Allows the engine's code cache, to be read and written.
    pub fn cache(self, engine: &Engine) -> Lockdown {
        match engine.cache() {
            Some(cache) => self.allow(cache.folder(), Rights::Store),
            None => self,
        }
    }

    /// Lets the process still open sockets, wait for connections and make them; for services.
    pub fn keep_network(mut self) -> Lockdown {
        self.network = Network::Kept;
        self
    }

    /// Brings the wall up, for the whole process and for good; says which parts of it hold. See the [module](self) before.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when other threads run whom the wall would not bind, and nothing was done.
    /// [`ErrorKind::Host`] when an allowed path cannot be named to the kernel; parts that came before hold.
    pub fn apply(self) -> Result<Wall> {
        let abi = files::version();
        if let Ok(abi) = abi
            && abi < files::BINDS_ALL_THREADS
        {
            check_alone()?;
        }
        // Asked of files that are out of reach afterwards.
        let _ = (machine::cores(), machine::memory());
        Ok(Wall {
            landlock: match abi {
                Ok(abi) => files::restrict(abi, &self.allowed, self.network)?,
                Err(missing) => Err(missing),
            },
            seccomp: calls::restrict(self.network)?,
        })
    }
}

/// What this machine's kernel has for a wall; asked without bringing one up.
pub fn support() -> Wall {
    Wall {
        landlock: files::version(),
        seccomp: calls::probe(),
    }
}

/// Refuses a process with other threads.
fn check_alone() -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    // A folder for each thread; its links are those, itself and its parent.
    let tasks = std::fs::metadata("/proc/self/task").map_err(|error| {
        Error::host(format!(
            "/proc/self/task: whether other threads run cannot be told: {error}"
        ))
    })?;
    match tasks.nlink().saturating_sub(3) {
        0 => Ok(()),
        others => Err(Error::new(
            ErrorKind::Usage,
            format!("the lockdown must come before other threads are started, and {others} run already"),
        )),
    }
}
