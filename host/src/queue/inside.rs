//! What guests do with a queue, on their fibers; and what host and guests have in common.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::account::Account;
use super::shared::{Entry, PutAttempt, Shared};
use super::wait::{Delivery, GetWait, PutWait, Putter};
use super::{GetError, Item, PutError, Queue, Received, Unbound, Wait};
use crate::executor::control::Control;

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
        match self.within(&mut waits, wait).await {
            Some(done) => done,
            None => after_time(&mut waits),
        }
    }

    pub(crate) fn try_get_as(&self) -> Result<Received, GetError> {
        self.shared.try_get()?.open()
    }

    pub(crate) async fn get_as(&self, who: Who<'_>, wait: Wait) -> Result<Received, GetError> {
        match self.shared.try_get() {
            Err(GetError::Empty) if wait.at_all() => {}
            got => return got?.open(),
        }
        let queues = SmallVec::from_iter([Arc::clone(&self.shared)]);
        Self::select_as(queues, who, wait)
            .await
            .map(|(_, got)| got)
            .map_err(|(_, error)| error)
    }

    pub(crate) fn try_get_many_as(&self, max: usize) -> Result<Vec<Received>, GetError> {
        Ok(open_all(self.shared.try_get_many(max)?, |received| received))
    }

    pub(crate) fn put_some_as(
        &self,
        items: &mut VecDeque<Item>,
        unbound: Option<Unbound>,
        who: Who<'_>,
    ) -> Result<usize, (usize, PutError)> {
        self.shared.put_some(items, who.account, unbound)
    }

    pub(crate) async fn select_as(
        queues: SmallVec<[Arc<Shared>; 1]>,
        who: Who<'_>,
        wait: Wait,
    ) -> Result<(usize, Received), (usize, GetError)> {
        let Some(first) = queues.first().cloned() else {
            return Err((0, GetError::Empty));
        };
        let control = who.control.filter(|_| wait == Wait::Forever).cloned();
        let mut waits = GetWait::begin(queues, control);
        let got = match Queue::hold(first).within(&mut waits, wait).await {
            Some(got) => Some(got),
            None => waits.cancel(),
        };
        match delivered(got) {
            (at, Ok(received)) => Ok((at, received)),
            (at, Err(error)) => Err((at, error)),
        }
    }

    pub(super) fn try_put_or_wait(
        &self,
        item: Item,
        unbound: Option<Unbound>,
        who: Who<'_>,
        wait: Wait,
    ) -> Result<(), Stopped> {
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

    /// The future's output, unless the time comes first.
    async fn within<F: Future + Unpin>(&self, future: &mut F, wait: Wait) -> Option<F::Output> {
        let Some(until) = wait.until() else {
            return Some(future.await);
        };
        let timer = self.shared.registry.upgrade().map(|registry| registry.timer.clone())?;
        // In a box: a timer is large, and most waits have none.
        let sleep = Box::pin({
            let _entered = timer.enter();
            tokio::time::sleep_until(until.into())
        });
        match futures_util::future::select(future, sleep).await {
            futures_util::future::Either::Left((output, _)) => Some(output),
            futures_util::future::Either::Right(_) => None,
        }
    }
}

/// Why a put is not done yet, or never will be.
pub(super) enum Stopped {
    Failed(PutError),
    Waits(PutWait),
}

/// The time is over for one who waits to put.
#[expect(clippy::result_large_err, reason = "it hands the item back")]
pub(super) fn after_time(waits: &mut PutWait) -> Result<(), PutError> {
    match waits.cancel() {
        Ok(item) => Err(PutError::Full(item)),
        Err(done) => done,
    }
}

pub(super) fn delivered(got: Option<(usize, Delivery)>) -> (usize, Result<Received, GetError>) {
    match got {
        Some((at, Delivery::Entry(entry))) => (at, entry.open()),
        Some((at, Delivery::Closed)) => (at, Err(GetError::Closed)),
        None => (0, Err(GetError::Empty)),
    }
}

pub(super) fn open_all(entries: Vec<Entry>, change: impl Fn(Received) -> Received) -> Vec<Received> {
    entries
        .into_iter()
        .filter_map(|entry| entry.open().ok())
        .map(change)
        .collect()
}
