//! What travels through a queue: numbers.

use std::fmt;
use std::sync::Arc;

use super::Shared;
use crate::interpreter::Interpreter;
use crate::scheduler::Hub;

pub(crate) const ITEM_OVERHEAD: u64 = 64;

#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    None,
    S64(i64),
    Queue(Queue),
    Interpreter(Interpreter),
}

impl Item {
    pub(crate) fn weight(&self) -> u64 {
        ITEM_OVERHEAD
    }

    pub(crate) fn belongs_to(&self, _: &Hub) -> bool {
        true
    }
}

pub(crate) enum Received {
    Item(Item),
    Unbound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbound {
    Error,
    Keep,
    Remove,
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct QueueId(pub(crate) u64);

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone)]
pub struct Queue(Arc<Shared>);

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.id().fmt(f)
    }
}

impl PartialEq for Queue {
    fn eq(&self, other: &Queue) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
