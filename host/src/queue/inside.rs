//! What guests do with a queue, on their fibers; and what host and guests have in common.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use super::account::Account;
use super::entry::Entry;
use super::putting::PutAttempt;
use super::shared::{Shared, Side};
use super::wait::{Delivery, GetWait, PutWait, Putter};
use super::{GetError, Item, PutError, Queue, Received, Unbound, Wait};
use crate::scheduler::control::Control;

/// Who puts: a guest's account, and its life. The host is nobody.
#[derive(Clone, Copy, Default)]
pub(crate) struct Who<'a> {
    pub account: Option<&'a Arc<Account>>,
    pub control: Option<&'a Arc<Control>>,
}

/// What guests do, on their fibers.
impl Queue {
    pub(crate) fn try_put_as(&self, item: Item, unbound: Option<Unbound>, who: Who<'_>) -> Result<(), PutError> {
        match self.try_put_or_wait(item, unbound, who, Wait::No) {
            Ok(()) => Ok(()),
            Err(Stopped::Failed(error)) => Err(error),
            Err(Stopped::Waits(mut waits)) => after_time(&mut waits),
        }
    }

    pub(crate) async fn put_as(
        &self,
        item: Item,
        unbound: Option<Unbound>,
        who: Who<'_>,
        wait: Wait,
    ) -> Result<(), PutError> {
        let mut waits = match self.try_put_or_wait(item, unbound, who, wait) {
            Ok(()) => return Ok(()),
            Err(Stopped::Failed(error)) => return Err(error),
            Err(Stopped::Waits(waits)) => waits,
        };
        let timer = wait.until().map(|until| timer(&self.shared, until));
        match within(&mut waits, timer).await {
            Some(done) => done,
            None => after_time(&mut waits),
        }
    }

    /// As it stood in the queue: who cannot take what it carries puts it back.
    pub(crate) async fn take_as(&self, who: Who<'_>, wait: Wait) -> Result<Entry, GetError> {
        match self.to_get()?.try_get() {
            Err(GetError::Empty) if wait.at_all() => {}
            got => return got,
        }
        let queues = SmallVec::from_iter([Arc::clone(&self.shared)]);
        Self::select_as(queues, who, wait).await.1
    }

    pub(crate) fn put_some_as(
        &self,
        items: &mut VecDeque<Item>,
        unbound: Option<Unbound>,
        who: Who<'_>,
    ) -> Result<usize, (usize, PutError)> {
        if !self.may(Side::Put) {
            let refused = items.pop_front().map(|item| (0, PutError::NotAllowed(item)));
            return refused.map_or(Ok(0), Err);
        }
        self.shared.put_some(items, who.account, unbound)
    }

    pub(crate) async fn select_as(
        queues: SmallVec<[Arc<Shared>; 1]>,
        who: Who<'_>,
        wait: Wait,
    ) -> (usize, Result<Entry, GetError>) {
        let control = who.control.filter(|_| wait == Wait::Forever).cloned();
        let mut waits = GetWait::begin(queues, control);
        let timer = match (wait.until(), waits.first()) {
            (None, _) => None,
            (Some(until), Some(queue)) => Some(timer(queue, until)),
            (Some(_), None) => return (0, Err(GetError::Empty)),
        };
        let got = match within(&mut waits, timer).await {
            Some(got) => Some(got),
            None => waits.cancel(),
        };
        delivered(got)
    }

    pub(super) fn try_put_or_wait(
        &self,
        item: Item,
        unbound: Option<Unbound>,
        who: Who<'_>,
        wait: Wait,
    ) -> Result<(), Stopped> {
        if !self.may(Side::Put) {
            return Err(Stopped::Failed(PutError::NotAllowed(item)));
        }
        let putter = || {
            let control = who.control.filter(|_| wait == Wait::Forever).cloned();
            wait.at_all().then(|| Putter::new(&self.shared, control))
        };
        match self.shared.put(item, who.account, unbound, putter) {
            PutAttempt::Done => Ok(()),
            PutAttempt::Failed(error) => Err(Stopped::Failed(error)),
            PutAttempt::Waits(ticket, putter) => {
                Err(Stopped::Waits(PutWait::new(Arc::clone(&self.shared), putter, ticket)))
            }
        }
    }
}

/// Ready at this time; in a box, since a timer is large and most waits have none. At once when the pool is gone.
fn timer(queue: &Shared, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match queue.registry.upgrade() {
        Some(registry) => {
            let _entered = registry.timer.enter();
            Box::pin(tokio::time::sleep_until(until.into()))
        }
        None => Box::pin(std::future::ready(())),
    }
}

/// The future's output, unless the time comes first.
async fn within<F: Future + Unpin>(
    future: &mut F,
    timer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
) -> Option<F::Output> {
    let Some(timer) = timer else {
        return Some(future.await);
    };
    match futures_util::future::select(future, timer).await {
        futures_util::future::Either::Left((output, _)) => Some(output),
        futures_util::future::Either::Right(_) => None,
    }
}

/// Why a put is not done yet, or never will be.
pub(super) enum Stopped {
    Failed(PutError),
    Waits(PutWait),
}

/// The time is over for one who waits to put.
pub(super) fn after_time(waits: &mut PutWait) -> Result<(), PutError> {
    match waits.cancel() {
        Ok(item) => Err(PutError::Full(item)),
        Err(done) => done,
    }
}

pub(super) fn delivered(got: Option<(usize, Delivery)>) -> (usize, Result<Entry, GetError>) {
    match got {
        Some((at, Delivery::Entry(entry))) => (at, Ok(entry)),
        Some((at, Delivery::Closed)) => (at, Err(GetError::Closed)),
        None => (0, Err(GetError::Empty)),
    }
}

pub(super) fn open_all(entries: Vec<Entry>) -> Vec<Received> {
    let opened = entries.into_iter().filter_map(|entry| entry.open().ok());
    opened.map(Received::outside).collect()
}
