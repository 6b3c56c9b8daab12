//! The queues of a pool; those of the models have none.

use std::sync::Arc;

use super::{Queue, QueueId};
use crate::scheduler::Hub;

pub(crate) struct Inner {
    pub(super) hub: Arc<Hub>,
}

impl Inner {
    pub(super) fn strike(&self, _: QueueId) {}

    pub(super) fn bury(&self, queues: impl Iterator<Item = Queue>) {
        queues.for_each(drop);
    }
}
