//! Messages between interpreters, and between them and the host.
//!
//! A [`Queue`] is a bounded FIFO. Guests use it through the interface `queues` in `wit/`, the host through this type, blocking or
//! async; all stand in the same lines and are served in the order in which they came. The semantics are those of PEP 734,
//! with bounds, close, batches, select and iteration besides.
//!
//! What bounds a queue: a number of items and a number of bytes. What bounds a guest: the bytes that it has in flight, the
//! queues that it may create ([`Limits`](crate::Limits)). What bounds a pool: the number of its queues, and its memory, which
//! the items are charged to as guests' memory is.
//!
//! - `handle`, `ends`: what the host does with a queue; `inside`: what guests do.
//! - `shared`: the queue itself, a lock around a ring and two lines of waiters; `putting` and `getting`: how items come and go.
//! - `line`: who waits, in order, and may leave.
//! - `wait`: those who wait, as futures, and threads that wait on one.
//! - `account`: what one interpreter has in queues.
//! - `json`: what CBOR says, for people.
//! - `registry`: the queues of a pool.
//! - `rights`: what a handle may do.

mod account;
mod ends;
mod entry;
mod error;
mod getting;
mod handle;
mod inside;
mod item;
mod json;
mod line;
mod options;
mod putting;
mod registry;
mod rights;
mod shared;
mod state;
mod tally;
mod wait;

pub(crate) use self::account::{Account, Load};
pub use self::ends::{Drain, Feed};
pub(crate) use self::entry::Entry;
pub(crate) use self::error::FOREIGN;
pub use self::error::{GetError, PutError, PutManyError};
pub use self::handle::Queue;
pub(crate) use self::handle::to_get_of;
pub(crate) use self::inside::Who;
pub use self::item::{CBOR, Encoded, ITEM_OVERHEAD, Item, MAX_MEDIA_TYPE, Received};
pub use self::options::{QueueId, QueueOptions, Unbound, Wait};
pub(crate) use self::registry::CreateError;
pub(crate) use self::registry::WeakQueues;
pub use self::registry::{MAX_NAME, Queues, check_name};
pub(crate) use self::rights::Rights;
pub(crate) use self::shared::{Shared, Side};
pub(crate) use self::wait::{Watch, block_until};
