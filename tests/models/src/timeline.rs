//! What a life says that it waits for: nobody records it here.

use crate::queue::QueueId;

pub(crate) enum WaitsFor {
    Item(QueueId),
    Room(QueueId),
}

pub(crate) fn waits_for(_: WaitsFor) {}
