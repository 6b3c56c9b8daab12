//! The languages there are: what each is built from, and where it stands when it is installed.
//!
//! A version is ours and a hash of the sources, so that a binary finds the interpreter that it was made for and no other.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasm_pool::{Error, ErrorKind};

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// A language whose interpreter can be installed.
pub(crate) struct Language {
    /// What people call it on the command line; also its program's name.
    pub(crate) name: &'static str,
    /// What its interpreter is.
    pub(super) what: &'static str,
    /// How it is built.
    pub(super) recipe: Recipe,
    /// Its sources, by their paths.
    pub(super) sources: &'static [(&'static str, &'static str)],
}

/// How a language is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recipe {
    /// With componentize-py, from PyPI.
    Python,
    /// With componentize-js, from npm.
    Js,
}

/// Python.
pub(crate) static PYTHON: Language = Language {
    name: "python",
    what: "CPython 3.14",
    recipe: Recipe::Python,
    sources: PYTHON_SOURCES,
};

/// JavaScript.
pub(crate) static JS: Language = Language {
    name: "js",
    what: "JavaScript (SpiderMonkey)",
    recipe: Recipe::Js,
    sources: JS_SOURCES,
};

/// All of them.
pub(super) static ALL: [&Language; 2] = [&PYTHON, &JS];

/// The contract that every language is built against.
pub(super) fn contract() -> &'static [(&'static str, &'static str)] {
    WIT_SOURCES
}

impl Language {
    /// The language of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Language> {
        ALL.into_iter().find(|language| language.name == name)
    }

    /// Their names, for people.
    pub(crate) fn names() -> String {
        ALL.map(|language| language.name).join(" and ")
    }

    /// The version that this binary builds and runs: `0.1.0-3f9a…`.
    pub(super) fn version(&self) -> String {
        let mut hash = Sha256::new();
        for (path, text) in self.sources.iter().chain(contract()) {
            for part in [path, text] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        let digest: String = hash
            .finalize()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}-{digest}", env!("CARGO_PKG_VERSION"))
    }

    /// Its folder among the user's data: `$XDG_DATA_HOME/wasm-pool/lang/python`.
    pub(super) fn folder(&self) -> anyhow::Result<PathBuf> {
        use etcetera::BaseStrategy;
        let base = etcetera::choose_base_strategy().map_err(|_| {
            let why = "there is no home folder, so languages have no place (XDG_DATA_HOME names one)";
            Error::new(ErrorKind::Unreadable, why)
        })?;
        Ok(base.data_dir().join("wasm-pool").join("lang").join(self.name))
    }

    /// The interpreter's file in a folder of one version.
    pub(super) fn file(&self, version: &Path) -> PathBuf {
        version.join(format!("{}.wasm", self.name))
    }

    /// The versions that are installed, each with its folder.
    pub(super) fn versions(&self) -> anyhow::Result<Vec<(String, PathBuf)>> {
        let Ok(entries) = std::fs::read_dir(self.folder()?) else {
            return Ok(Vec::new());
        };
        let folders = entries.flatten().map(|entry| entry.path());
        let mut versions: Vec<_> = folders
            .filter(|folder| self.file(folder).is_file())
            .filter_map(|folder| Some((folder.file_name()?.to_string_lossy().into_owned(), folder)))
            .filter(|(name, _)| !name.starts_with('.'))
            .collect();
        versions.sort();
        Ok(versions)
    }
}

/// The file of a language's interpreter.
pub(crate) fn installed(language: &Language) -> anyhow::Result<PathBuf> {
    let file = language.file(&language.folder()?.join(language.version()));
    if file.is_file() {
        return Ok(file);
    }
    let name = language.name;
    let missing = match language.versions()?.is_empty() {
        true => format!("{name} is not installed"),
        false => format!("{name} is installed in another version than this wasm-pool runs"),
    };
    let message = format!("{missing}: `wasm-pool lang install {name}` builds it");
    Err(Error::new(ErrorKind::Unreadable, message).into())
}

impl PartialEq for Language {
    fn eq(&self, other: &Language) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
