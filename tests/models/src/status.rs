//! What is told of a queue at the moment: the models do not ask.

use bytesize::ByteSize;

use crate::queue::QueueId;

pub(crate) struct QueueStatus {
    pub(crate) id: QueueId,
    pub(crate) name: String,
    pub(crate) items: usize,
    pub(crate) bytes: ByteSize,
    pub(crate) getters: usize,
    pub(crate) putters: usize,
    pub(crate) closed: bool,
}
