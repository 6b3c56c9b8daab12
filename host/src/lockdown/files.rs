//! Landlock: which files and folders are still there.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, AddRuleError, AddRulesError, BitFlags, LandlockStatus, PathBeneath, PathFd,
    PathFdError, RestrictSelf, RestrictSelfAttr, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr,
    RulesetError, Scope, make_bitflags,
};

use super::{Missing, Network};
use crate::error::{Error, Result};

/// What may still be done with a file, or with a folder and all that is in it. Nothing may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rights {
    /// Files are read, folders listed.
    Read,
    /// Besides, both are made, written, renamed and removed.
    Change,
    /// Files are made, read, written, replaced and removed, and nothing is listed: a cache, or a place for temporary files.
    Store,
    /// Files are made, written and removed, and none is read: a place for output.
    Write,
    /// Files are renamed within their folder and removed, and none is opened: where a file that is open already takes its place.
    Replace,
}

impl Rights {
    fn access(self) -> BitFlags<AccessFs> {
        match self {
            Rights::Read => make_bitflags!(AccessFs::{ReadFile | ReadDir}),
            Rights::Change => make_bitflags!(AccessFs::{
                ReadFile | ReadDir | WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir | MakeSym | Refer
            }),
            Rights::Store => make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate | RemoveFile | MakeReg}),
            Rights::Write => make_bitflags!(AccessFs::{WriteFile | Truncate | RemoveFile | MakeReg}),
            Rights::Replace => make_bitflags!(AccessFs::{RemoveFile | MakeReg}),
        }
    }
}

/// From this version on Landlock can bind all threads of a process at once.
pub(super) const BINDS_ALL_THREADS: u32 = 8;

/// The newest version whose rights were looked at here; what a later one adds is not asked for.
const KNOWN: ABI = ABI::V10;

/// The version of this kernel's Landlock, where it can be used; changes nothing.
pub(super) fn version() -> Result<u32, Missing> {
    let asked = RestrictSelf::default().no_new_privs(false).apply();
    match asked.map(|status| status.landlock) {
        Ok(LandlockStatus::Available { effective_abi, .. }) if effective_abi < ABI::V2 => Err(Missing::TooOld),
        Ok(LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        }) => Ok(kernel_abi
            .and_then(|abi| u32::try_from(abi).ok())
            .unwrap_or(effective_abi as u32)),
        Ok(LandlockStatus::NotEnabled) => Err(Missing::NotEnabled),
        Ok(LandlockStatus::NotImplemented) => Err(Missing::NotBuilt),
        Err(error) => Err(Missing::Refused(error.to_string())),
    }
}

/// Allows these paths and no others; the version that holds.
pub(super) fn restrict(version: u32, allowed: &[(PathBuf, Rights)], network: Network) -> Result<Result<u32, Missing>> {
    let mut rules = match ruleset(network) {
        Ok(rules) => rules,
        Err(error) => return Ok(Err(Missing::Refused(error.to_string()))),
    };
    for (path, rights) in allowed {
        rules = allow(rules, path, *rights)?;
    }
    let restricted = rules
        .all_threads(version >= BINDS_ALL_THREADS)
        .and_then(RulesetCreated::restrict_self);
    Ok(match restricted {
        Ok(_) => Ok(version),
        Err(error) => Err(Missing::Refused(error.to_string())),
    })
}

/// Everything is forbidden, as far as the kernel knows of it.
fn ruleset(network: Network) -> Result<RulesetCreated, RulesetError> {
    let mut files = AccessFs::from_all(KNOWN);
    let mut scopes = Scope::from_all(KNOWN);
    if network == Network::Kept {
        files.remove(AccessFs::ResolveUnix);
        scopes.remove(Scope::AbstractUnixSocket);
    }
    let rules = Ruleset::default().handle_access(files)?.scope(scopes)?;
    match network {
        Network::Kept => rules.create(),
        Network::Denied => rules.handle_access(AccessNet::from_all(KNOWN))?.create(),
    }
}

fn allow(rules: RulesetCreated, path: &Path, rights: Rights) -> Result<RulesetCreated> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::host(format!("{}: cannot be allowed under lockdown: {error}", path.display()))
    };
    let file = match PathFd::new(path) {
        Ok(file) => file,
        // Not there, or not for us: whoever opens it hears of that.
        Err(PathFdError::OpenCall { source, .. }) if is_out_of_reach(&source) => return Ok(rules),
        Err(error) => return Err(failed(&error)),
    };
    // Tried on a handle of its own, since a failure takes the rules with it.
    let handle = rules.try_clone().map_err(|error| failed(&error))?;
    match handle.add_rule(PathBeneath::new(file, rights.access())) {
        Ok(_) => Ok(rules),
        // A pipe or a socket under a name in /proc: Landlock leaves those alone.
        Err(RulesetError::AddRules(AddRulesError::Fs(AddRuleError::AddRuleCall { source, .. })))
            if source.raw_os_error() == Some(libc::EBADFD) =>
        {
            Ok(rules)
        }
        Err(error) => Err(failed(&error)),
    }
}

fn is_out_of_reach(error: &std::io::Error) -> bool {
    match error.raw_os_error() {
        Some(code) => [
            libc::ENOENT,
            libc::EACCES,
            libc::EPERM,
            libc::ENOTDIR,
            libc::ELOOP,
            libc::ENAMETOOLONG,
        ]
        .contains(&code),
        // No path at all: it holds a NUL.
        None => true,
    }
}
