//! What a guest may touch; nothing by default.
//!
//! A guest sees the folders, variables and arguments that stand here and no others: no working directory, no
//! environment, no network, no name look-up, no other guest. Clocks and randomness are as WASI has them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::program::Program;

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
    /// Named queues of the pool, which the guest may open by these names; see
    /// [`Queues::create_named`](crate::Queues::create_named).
    pub queues: Vec<String>,
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
            let meta = std::fs::metadata(&dir.host).map_err(|error| {
                Error::unreadable(format!("{shown}: the folder to grant cannot be opened: {error}"))
            })?;
            if !meta.is_dir() {
                return Err(Error::unreadable(format!(
                    "{shown}: only a folder can be granted, and this is none"
                )));
            }
            std::fs::read_dir(&dir.host)
                .map_err(|error| Error::unreadable(format!("{shown}: the folder to grant cannot be read: {error}")))?;
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
}

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Usage, message)
}
