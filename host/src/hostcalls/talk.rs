//! What one guest may use of queues and interpreters: what it made, was granted, or was sent; and its children.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use super::polls::Polls;
use crate::grants::{DirGrant, FolderId, Grants};
use crate::interpreter::{Interpreter, InterpreterId, Setup, Unowned};
use crate::ledger::Ledger;
use crate::limits::{LimitHit, LimitKind, Limits};
use crate::pool::Commons;
use crate::program::Program;
use crate::queue::{Account, Load, Queue, QueueId, Rights, Shared, Who};
use crate::scheduler::control::Control;

/// Whom a guest can talk to, and how.
pub(crate) struct Talk {
    pub(super) commons: Arc<Commons>,
    pub(super) account: Arc<Account>,
    pub(super) control: Arc<Control>,
    pub(super) program: Program,
    pub(super) setup: Arc<Setup>,
    pub(super) family: Family,
    /// Which folders it was given: its children are given the same, whatever is at their paths by then.
    folders: Vec<FolderId>,
    pub(super) polls: Arc<Polls>,
    /// Those that were granted by name.
    granted: Vec<Queue>,
    /// Queues that it can name by their ids, as long as somebody holds them, and what it may do with them.
    queues: HashMap<QueueId, (Weak<Shared>, Rights)>,
    /// Interpreters that it can name by their ids.
    interpreters: BTreeMap<InterpreterId, Unowned>,
}

/// Where an interpreter stands among those that guests create.
#[derive(Clone)]
pub(crate) struct Family {
    /// The one that the host started, from which all descend; `None` for itself.
    pub(super) main: Option<InterpreterId>,
    /// Levels of children that it may still have below it.
    depth: u32,
    /// How many interpreters the whole family may have besides the one that the host started.
    places: u32,
    taken: Arc<AtomicU32>,
    /// Its parent's, if it has one.
    above: Option<Arc<Ledger>>,
}

/// A place in a family, and what its creator pays for it, until this is dropped.
pub(crate) struct Place {
    taken: Arc<AtomicU32>,
    _load: Load,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Relaxed);
    }
}

impl Family {
    /// The family of an interpreter that the host starts.
    pub(crate) fn new(grants: &Grants) -> Family {
        let (places, depth) = grants
            .interpreters
            .as_ref()
            .map_or((0, 0), |grant| (grant.count, grant.depth));
        Family {
            main: None,
            depth,
            places,
            taken: Arc::default(),
            above: None,
        }
    }

    /// Where a child of this one stands, which has this account; `None` when it may have none.
    pub(super) fn child(&self, parent: &Account) -> Option<Family> {
        Some(Family {
            main: Some(self.main.unwrap_or(parent.owner())),
            depth: self.depth.checked_sub(1)?,
            above: Some(Arc::clone(parent.ledger())),
            ..self.clone()
        })
    }

    pub(super) fn places(&self) -> u32 {
        self.places
    }

    pub(super) fn take_place(&self, load: Load) -> Option<Place> {
        let places = self.places;
        self.taken
            .fetch_update(Relaxed, Relaxed, |taken| (taken < places).then_some(taken + 1))
            .ok()?;
        Some(Place {
            taken: Arc::clone(&self.taken),
            _load: load,
        })
    }

    /// A ledger for who stands here.
    pub(crate) fn ledger(&self, limits: &Limits) -> Arc<Ledger> {
        Ledger::new(limits, self.above.as_ref())
    }

    /// Whether anybody else writes, or may come to write, into its ledger or one above.
    pub(crate) fn is_shared(&self) -> bool {
        self.depth > 0 || self.above.is_some()
    }

    /// Whether the host started it.
    pub(crate) fn is_main(&self) -> bool {
        self.main.is_none()
    }
}

/// Not worth tidying up below this.
const FEW: usize = 64;

impl Talk {
    pub(crate) fn new(
        commons: &Arc<Commons>,
        account: &Arc<Account>,
        control: &Arc<Control>,
        program: &Program,
        setup: &Arc<Setup>,
        family: Family,
    ) -> Talk {
        let granted = setup
            .grants
            .rights()
            .filter_map(|(name, rights)| Some(commons.queues.open(name)?.narrowed(rights).inside()))
            .collect();
        Talk {
            commons: Arc::clone(commons),
            account: Arc::clone(account),
            control: Arc::clone(control),
            program: program.clone(),
            setup: Arc::clone(setup),
            family,
            folders: Vec::new(),
            polls: Polls::new(control),
            granted,
            queues: HashMap::new(),
            interpreters: BTreeMap::new(),
        }
    }

    /// It was given these folders, in the order of its grants.
    pub(crate) fn has(&mut self, folders: Vec<FolderId>) {
        self.folders = folders;
    }

    /// The folders that a child of it may be given.
    pub(super) fn dirs(&self) -> Vec<DirGrant> {
        let mut dirs = self.setup.grants.dirs.clone();
        for (dir, folder) in dirs.iter_mut().zip(&self.folders) {
            dir.folder = Some(*folder);
        }
        dirs
    }

    pub(super) fn id(&self) -> InterpreterId {
        self.account.owner()
    }

    /// More handles than it may have are in play.
    pub(super) fn handles_limit(&self, asked: impl Into<Option<u64>>) -> LimitHit {
        LimitHit::new(LimitKind::Handles, u64::from(self.setup.limits.handles), asked)
    }

    /// Charges it with bytes that the host keeps for it.
    pub(super) fn load(&self, bytes: u64) -> Result<Load, LimitHit> {
        Load::take(&self.account, &self.commons.budget, bytes)
    }

    pub(super) fn who(&self) -> Who<'_> {
        Who {
            account: Some(&self.account),
            control: Some(&self.control),
        }
    }

    /// The queue with this id, if this guest may use it. It takes as long whether there is none or it is another's.
    pub(super) fn queue(&self, id: QueueId) -> Option<Queue> {
        let granted = self.granted.iter().find(|queue| queue.id() == id);
        let known = self.queues.get(&id);
        let known = known.and_then(|(queue, rights)| Some(Queue::hold(queue.upgrade()?, *rights)));
        match (known, granted) {
            (Some(known), Some(granted)) => Some(known.with(granted)),
            (known, granted) => known.or_else(|| granted.cloned()),
        }
    }

    pub(super) fn granted_queue(&self, name: &str) -> Option<Queue> {
        self.granted.iter().find(|queue| queue.name() == Some(name)).cloned()
    }

    /// It may use this queue from now on.
    pub(super) fn learn_queue(&mut self, queue: &Queue) {
        if self.queues.len() >= FEW && self.queues.len() == self.queues.capacity() {
            self.queues.retain(|_, (queue, _)| queue.strong_count() > 0);
        }
        let learned = || (Arc::downgrade(queue.shared()), queue.rights());
        let (_, rights) = self.queues.entry(queue.id()).or_insert_with(learned);
        *rights = rights.and(queue.rights());
    }

    /// The interpreter with this id, if this guest may use it and it has not ended.
    pub(super) fn interpreter(&self, id: u64) -> Option<Interpreter> {
        self.interpreters.get(&InterpreterId(id)).and_then(Unowned::get)
    }

    /// It may use this interpreter from now on.
    pub(super) fn learn_interpreter(&mut self, interpreter: Interpreter) {
        if self.interpreters.len() >= FEW && self.interpreters.len().is_power_of_two() {
            self.interpreters.retain(|_, known| known.get().is_some());
        }
        self.interpreters.insert(interpreter.id(), interpreter.unowned());
    }

    /// Those that it can use and that have not ended, in the order of their creation.
    pub(super) fn living(&mut self) -> impl Iterator<Item = InterpreterId> + '_ {
        self.interpreters.retain(|_, known| known.get().is_some());
        self.interpreters.keys().copied()
    }
}
