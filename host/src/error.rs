//! What can go wrong before a guest runs, or beside it.
//!
//! How a guest itself ended is never an error: that is an [`Outcome`](crate::Outcome). An [`Error`] is one line of
//! text for a person and a [`kind`](Error::kind) for a program.

use std::fmt;

/// A result whose error is this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done; one line, and a [kind](ErrorKind).
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// What sort of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting has no meaning, or two settings exclude each other.
    Usage,
    /// A file or folder cannot be read.
    Unreadable,
    /// The bytes are no program that this host runs: malformed, of another kind, or importing what is not offered.
    Refused,
    /// More was asked for than this machine or this pool can ever give.
    Unfit,
    /// There is no room at present; later there may be.
    Saturated,
    /// The executor's initializer failed, so it takes nothing any more.
    Broken,
    /// The pool is shutting down and takes nothing new.
    Closed,
    /// The host failed; not the guest's doing and not the caller's.
    Host,
}

impl Error {
    /// An error of `kind` that says `message`, with control characters and line breaks made visible: the message may
    /// quote what a guest or a file named.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> Error {
        Error {
            kind,
            message: crate::text::one_line(&message.to_string()),
        }
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same, saying first what it is about: a file's name.
    pub(crate) fn about(self, what: &str) -> Error {
        Error {
            kind: self.kind,
            message: format!("{what}: {}", self.message),
        }
    }

    pub(crate) fn refused(message: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Refused, message)
    }

    pub(crate) fn unreadable(message: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Unreadable, message)
    }

    pub(crate) fn host(message: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Host, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
