//! What an account may have, and what it says when it has not enough.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;

/// Those of the host that have sums; nothing of anything by default.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) output: ByteSize,
    pub(crate) fuel: Option<u64>,
    pub(crate) cpu_time: Option<Duration>,
    pub(crate) messages: ByteSize,
    pub(crate) queues: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitKind {
    Output,
    Fuel,
    CpuTime,
    Messages,
    Queues,
    PoolMemory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
