//! What an account says when it has not enough.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitKind {
    PoolMemory,
    Messages,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHit(LimitKind);

impl LimitHit {
    pub(crate) fn new(kind: LimitKind, _: u64, _: impl Into<Option<u64>>) -> LimitHit {
        LimitHit(kind)
    }
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
