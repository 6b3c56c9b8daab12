//! The queues of one pool. Their ids mean nothing outside it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use super::account::Account;
use super::shared::{Make, Shared};
use super::{Queue, QueueId, QueueOptions, Rights};
use crate::budget::Budget;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{LimitHit, LimitKind};
use crate::scheduler::Hub;
use crate::sync::{Mutex, Rank};

/// The queues of a pool. Cloning gives another handle to the same registry.
///
/// A queue lives as long as a handle of the host or of a guest, or an item in another queue, holds it; a named queue as long
/// as the pool.
#[derive(Clone)]
pub struct Queues(Arc<Inner>);

/// A handle on a registry that keeps nothing of it.
pub(crate) struct WeakQueues(Weak<Inner>);

impl WeakQueues {
    pub(crate) fn get(&self) -> Option<Queues> {
        self.0.upgrade().map(Queues)
    }
}

pub(crate) struct Inner {
    next: AtomicU64,
    tables: Mutex<Tables>,
    /// Queues that lay in queues which are gone, on their way out: a chain of them must not end in a chain of calls.
    graves: Mutex<Graves>,
    limit: u32,
    budget: Budget,
    /// For the waits of the host that have a time.
    pub(super) timer: tokio::runtime::Handle,
    pub(super) hub: Arc<Hub>,
}

#[derive(Default)]
struct Tables {
    by_id: HashMap<QueueId, Weak<Shared>>,
    /// Named queues live as long as the pool.
    named: HashMap<Box<str>, Arc<Shared>>,
    closed: bool,
}

#[derive(Default)]
struct Graves {
    waiting: Vec<Queue>,
    digging: bool,
}

/// The longest name of a queue, in bytes.
pub const MAX_NAME: usize = 64;

impl Queues {
    pub(crate) fn new(limit: u32, budget: &Budget, timer: tokio::runtime::Handle, hub: Arc<Hub>) -> Queues {
        Queues(Arc::new(Inner {
            next: AtomicU64::new(1),
            tables: Mutex::new(Rank::Tables, Tables::default()),
            graves: Mutex::new(Rank::Graves, Graves::default()),
            limit,
            budget: budget.clone(),
            timer,
            hub,
        }))
    }

    /// A new queue without a name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for bounds that no queue can have, [`ErrorKind::Unfit`] when the pool has as many queues as
    /// it may, [`ErrorKind::Closed`] when the pool is gone.
    pub fn create(&self, options: &QueueOptions) -> Result<Queue> {
        options.check()?;
        Ok(self.make(None, options, None)?.outside())
    }

    /// A new queue that guests can be granted, and the host can open, by this name; it lives as long as the pool.
    ///
    /// # Errors
    /// As [`create`](Queues::create); [`ErrorKind::Usage`] also for a name that is taken or that is none: 1 to
    /// [`MAX_NAME`] bytes without control characters.
    pub fn create_named(&self, name: &str, options: &QueueOptions) -> Result<Queue> {
        options.check()?;
        check_name(name)?;
        Ok(self.make(Some(name), options, None)?.outside())
    }

    /// The queue of this name.
    pub fn open(&self, name: &str) -> Option<Queue> {
        let shared = self.0.tables.lock().named.get(name).cloned();
        shared.map(|shared| Queue::hold(shared, Rights::ALL).outside())
    }

    /// The queue with this id, while it lives. CPython's `Queue(id)`.
    pub fn from_id(&self, id: QueueId) -> Option<Queue> {
        let shared = self.0.tables.lock().by_id.get(&id).and_then(Weak::upgrade);
        shared.map(|shared| Queue::hold(shared, Rights::ALL).outside())
    }

    /// The queues that have a name.
    pub(crate) fn named(&self) -> Vec<Queue> {
        let named: Vec<_> = self.0.tables.lock().named.values().cloned().collect();
        named
            .into_iter()
            .map(|shared| Queue::hold(shared, Rights::ALL))
            .collect()
    }

    /// What the queues are called that there are.
    pub(crate) fn labels(&self) -> Vec<(QueueId, String)> {
        let queues: Vec<_> = self.0.tables.lock().by_id.values().filter_map(Weak::upgrade).collect();
        queues.iter().map(|queue| (queue.id(), queue.label())).collect()
    }

    /// A handle that does not keep the registry.
    pub(crate) fn unowned(&self) -> WeakQueues {
        WeakQueues(Arc::downgrade(&self.0))
    }

    /// How many queues there are.
    pub fn len(&self) -> usize {
        self.0.tables.lock().by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A queue that a guest makes.
    pub(crate) fn create_for(&self, options: &QueueOptions, creator: &Arc<Account>) -> Result<Queue, CreateError> {
        options
            .check()
            .map_err(|error| CreateError::Invalid(error.to_string()))?;
        creator.take_queue().map_err(CreateError::Limit)?;
        self.make(None, options, Some(Arc::clone(creator))).map_err(|_| {
            let limit = u64::from(self.0.limit);
            CreateError::Limit(LimitHit::new(LimitKind::PoolQueues, limit, None))
        })
    }

    fn make(&self, name: Option<&str>, options: &QueueOptions, creator: Option<Arc<Account>>) -> Result<Queue> {
        let inner = &self.0;
        let id = QueueId(inner.next.fetch_add(1, Relaxed));
        let shared = Arc::new(Shared::new(Make {
            id,
            name: name.map(Box::from),
            max_size: options.max_size,
            max_bytes: options.max_bytes.as_u64(),
            unbound: options.unbound,
            registry: Arc::downgrade(inner),
            budget: inner.budget.clone(),
            creator,
        }));
        let mut tables = inner.tables.lock();
        if tables.closed {
            return Err(Error::new(ErrorKind::Closed, "the pool is gone"));
        }
        if tables.by_id.len() >= inner.limit as usize {
            let message = format!("the pool has {} queues, as many as it may", inner.limit);
            return Err(Error::new(ErrorKind::Unfit, message));
        }
        if let Some(name) = name {
            if tables.named.contains_key(name) {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("there is a queue {name:?} already"),
                ));
            }
            tables.named.insert(name.into(), Arc::clone(&shared));
        }
        tables.by_id.insert(id, Arc::downgrade(&shared));
        drop(tables);
        Ok(Queue::hold(shared, Rights::ALL))
    }

    /// Whoever waits at a queue wakes with `closed`, and nothing is left in any. The pool is gone.
    pub(crate) fn shut(&self) {
        // Dropping a queue takes it out of the tables: never under their lock.
        let (named, queues) = {
            let mut tables = self.0.tables.lock();
            tables.closed = true;
            let queues: Vec<_> = tables.by_id.values().filter_map(Weak::upgrade).collect();
            (std::mem::take(&mut tables.named), queues)
        };
        queues.iter().for_each(|queue| queue.shut());
        drop(named);
    }
}

impl Inner {
    pub(super) fn strike(&self, id: QueueId) {
        self.tables.lock().by_id.remove(&id);
    }

    /// Drops queues, one after the other.
    pub(super) fn bury(&self, queues: impl Iterator<Item = Queue>) {
        // What else lay there is dropped before the lock is taken.
        let queues: Vec<_> = queues.collect();
        let mut graves = self.graves.lock();
        graves.waiting.extend(queues);
        if std::mem::replace(&mut graves.digging, true) {
            return;
        }
        while let Some(queue) = graves.waiting.pop() {
            drop(graves);
            drop(queue);
            graves = self.graves.lock();
        }
        graves.digging = false;
    }
}

/// Why a guest got no queue.
pub(crate) enum CreateError {
    Invalid(String),
    Limit(LimitHit),
}

/// Checks that a queue can have this name.
///
/// # Errors
/// [`ErrorKind::Usage`], with what a name is.
pub fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        let message = format!("{name:?} is no name for a queue: 1 to {MAX_NAME} bytes without control characters");
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(())
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
