//! What a handle may do with its queue: get, put, both.
//!
//! A handle never has more than the one that it was made of, whatever way it takes: shared, sent, opened again by its id. Whoever
//! may neither get nor put may still look at it. Closing it is the right of who may put.

use super::shared::Side;

/// Of a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    get: bool,
    put: bool,
}

impl Rights {
    pub(crate) const ALL: Rights = Rights { get: true, put: true };
    pub(crate) const GET: Rights = Rights { get: true, put: false };
    pub(crate) const PUT: Rights = Rights { get: false, put: true };

    pub(crate) fn allow(self, side: Side) -> bool {
        match side {
            Side::Get => self.get,
            Side::Put => self.put,
        }
    }

    /// What both allow.
    #[must_use]
    pub(crate) fn only(self, other: Rights) -> Rights {
        Rights {
            get: self.get && other.get,
            put: self.put && other.put,
        }
    }

    /// What either allows: of who has both handles.
    #[must_use]
    pub(crate) fn and(self, other: Rights) -> Rights {
        Rights {
            get: self.get || other.get,
            put: self.put || other.put,
        }
    }
}
