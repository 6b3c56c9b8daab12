//! The interface `queues`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::{DynPollable, subscribe};

use super::convert::{entry_to_guest, from_guest};
use super::polls::Readiness;
use super::talk::Talk;
use super::{Speaker, wit};
use crate::budget::Budget;
use crate::queue::{
    CreateError, Entry, GetError, Item, PutError, Queue, QueueId, QueueOptions, Side, Wait, Who, to_get_of,
};

/// A guest's handle on a queue.
#[expect(unreachable_pub, reason = "the generated code names it in a public place")]
pub struct Handle {
    pub(super) queue: Queue,
    /// The guest's account knows that something of the guest may lie in it.
    touched: bool,
}

impl Handle {
    pub(super) fn new(queue: Queue) -> Handle {
        Handle { queue, touched: false }
    }
}

type This = Resource<Handle>;
type Answer<T> = wasmtime::Result<Result<T, wit::QueueError>>;

impl Speaker<'_> {
    /// The queue of a handle; `talk` to go with it.
    fn queue(&mut self, this: &This) -> wasmtime::Result<&Queue> {
        let (_, table) = self.parts()?;
        Ok(&table.get(this)?.queue)
    }

    /// A guest that is about to put: its queue and who it is.
    fn putting(&mut self, this: &This) -> wasmtime::Result<(&mut Talk, &mut ResourceTable)> {
        let (talk, table) = self.parts()?;
        let handle = table.get_mut(this)?;
        if !handle.touched && handle.queue.may(Side::Put) {
            talk.account.touch(handle.queue.shared());
            handle.touched = true;
        }
        Ok((talk, table))
    }

    fn hand_out(&mut self, queue: Queue) -> wasmtime::Result<Resource<Handle>> {
        let (talk, table) = self.parts()?;
        talk.learn_queue(&queue);
        Ok(table.push(Handle::new(queue))?)
    }

    /// Hands over what was got from the queue of this handle; what the guest has no room for is the queue's first again.
    fn receive(&mut self, this: &This, got: Result<Entry, GetError>) -> Answer<wit::Received> {
        let (talk, table) = self.parts()?;
        let entry = match got {
            Ok(entry) => entry,
            Err(error) => return Ok(Err(error.into())),
        };
        match entry_to_guest(talk, table, entry)? {
            Ok(received) => Ok(received),
            Err(entry) => {
                table.get(this)?.queue.shared().put_back([entry]);
                Ok(Err(talk.handles_limit(None).into()))
            }
        }
    }

    fn pollable(&mut self, this: &This, side: Side) -> wasmtime::Result<Resource<DynPollable>> {
        let (talk, table) = self.parts()?;
        let queue = &table.get(this)?.queue;
        let queue = queue.may(side).then(|| Arc::clone(queue.shared()));
        let polls = Arc::clone(&talk.polls);
        let readiness = table.push(Readiness { queue, side, polls })?;
        subscribe(table, readiness)
    }
}

/// As WIT has it: none is for ever.
fn wait(timeout: Option<u64>) -> Wait {
    match timeout {
        None => Wait::Forever,
        Some(0) => Wait::No,
        Some(nanoseconds) => Wait::For(Duration::from_nanos(nanoseconds)),
    }
}

impl wit::Host for Speaker<'_> {
    fn create(&mut self, options: wit::QueueOptions) -> Answer<Resource<Handle>> {
        let defaults = QueueOptions::default();
        let options = QueueOptions {
            max_size: options.max_size.unwrap_or(defaults.max_size),
            max_bytes: options.max_bytes.map_or(defaults.max_bytes, ByteSize::b),
            unbound: options.unbound.into(),
        };
        let (talk, _) = self.parts()?;
        match talk.commons.queues.create_for(&options, &talk.account) {
            Ok(queue) => self.hand_out(queue).map(Ok),
            Err(CreateError::Invalid(why)) => Ok(Err(wit::QueueError::Invalid(why))),
            Err(CreateError::Limit(hit)) => Ok(Err(hit.into())),
        }
    }

    fn from_id(&mut self, id: u64) -> Answer<Resource<Handle>> {
        let (talk, _) = self.parts()?;
        match talk.queue(QueueId::new(id)) {
            Some(queue) => self.hand_out(queue).map(Ok),
            None => Ok(Err(wit::QueueError::NotFound)),
        }
    }

    fn open(&mut self, name: String) -> Answer<Resource<Handle>> {
        let (talk, _) = self.parts()?;
        match talk.granted_queue(&name) {
            Some(queue) => self.hand_out(queue).map(Ok),
            None => Ok(Err(wit::QueueError::NotFound)),
        }
    }

    async fn select(
        &mut self,
        queues: Vec<Resource<Handle>>,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<(u32, wit::Received), (u32, wit::QueueError)>> {
        if queues.is_empty() {
            return Ok(Err((0, wit::QueueError::Invalid("a select of no queues".to_owned()))));
        }
        let (talk, table) = self.parts()?;
        if queues.len() as u64 > u64::from(talk.setup.limits.handles) {
            return Ok(Err((0, talk.handles_limit(queues.len() as u64).into())));
        }
        let handles = queues.iter().map(|queue| table.get(queue));
        let handles = handles.collect::<Result<Vec<_>, _>>()?;
        let shared = match to_get_of(handles.into_iter().map(|handle| &handle.queue)) {
            Ok(shared) => shared,
            Err((at, error)) => return Ok(Err((u32::try_from(at)?, error.into()))),
        };
        let who = talk.who();
        let (at, got) = Queue::select_as(shared, who, wait(timeout)).await;
        let received = self.receive(&queues[at], got)?;
        let at = u32::try_from(at)?;
        Ok(match received {
            Ok(received) => Ok((at, received)),
            Err(error) => Err((at, error)),
        })
    }
}

impl wit::HostQueue for Speaker<'_> {
    fn id(&mut self, this: This) -> wasmtime::Result<u64> {
        Ok(self.queue(&this)?.id().get())
    }

    fn max_size(&mut self, this: This) -> wasmtime::Result<u32> {
        Ok(self.queue(&this)?.max_size())
    }

    fn max_bytes(&mut self, this: This) -> wasmtime::Result<u64> {
        Ok(self.queue(&this)?.max_bytes().as_u64())
    }

    fn share(&mut self, this: This) -> wasmtime::Result<Resource<Handle>> {
        let queue = self.queue(&this)?.clone();
        self.hand_out(queue)
    }

    async fn put(
        &mut self,
        this: This,
        item: wit::Item,
        timeout: Option<u64>,
        unbound: Option<wit::Unbound>,
    ) -> Answer<()> {
        let (talk, table) = self.putting(&this)?;
        let item = match from_guest(talk, table, item)? {
            Ok(item) => item,
            Err(why) => return Ok(Err(wit::QueueError::Invalid(why))),
        };
        let queue = &table.get(&this)?.queue;
        let put = queue.put_as(item, unbound.map(Into::into), talk.who(), wait(timeout));
        Ok(put.await.map_err(Into::into))
    }

    fn put_nowait(&mut self, this: This, item: wit::Item, unbound: Option<wit::Unbound>) -> Answer<()> {
        let (talk, table) = self.putting(&this)?;
        let item = match from_guest(talk, table, item)? {
            Ok(item) => item,
            Err(why) => return Ok(Err(wit::QueueError::Invalid(why))),
        };
        let queue = &table.get(&this)?.queue;
        let put = queue.try_put_as(item, unbound.map(Into::into), talk.who());
        Ok(put.map_err(Into::into))
    }

    async fn put_many(
        &mut self,
        this: This,
        items: Vec<wit::Item>,
        timeout: Option<u64>,
        unbound: Option<wit::Unbound>,
    ) -> wasmtime::Result<Result<(), wit::Part>> {
        let (talk, table) = self.putting(&this)?;
        let (mut ready, mut wrong) = (VecDeque::with_capacity(items.len()), None);
        for item in items {
            match from_guest(talk, table, item)? {
                Ok(item) if wrong.is_none() => ready.push_back(item),
                // What stands behind a wrong item only gives its handles back.
                Ok(_) => {}
                Err(why) => wrong = wrong.or(Some(why)),
            }
        }
        let queue = &table.get(&this)?.queue;
        let budget = &talk.commons.budget;
        let put = put_all(queue, ready, wait(timeout), unbound.map(Into::into), talk.who(), budget);
        let (accepted, error) = put.await;
        let error = error
            .map(wit::QueueError::from)
            .or_else(|| wrong.map(wit::QueueError::Invalid));
        Ok(match error {
            None => Ok(()),
            Some(error) => Err(wit::Part {
                accepted: u32::try_from(accepted)?,
                error,
            }),
        })
    }

    async fn get(&mut self, this: This, timeout: Option<u64>) -> Answer<wit::Received> {
        let (talk, table) = self.parts()?;
        let queue = &table.get(&this)?.queue;
        let got = queue.take_as(talk.who(), wait(timeout)).await;
        self.receive(&this, got)
    }

    fn get_nowait(&mut self, this: This) -> Answer<wit::Received> {
        let got = self.queue(&this)?.to_get().and_then(|queue| queue.try_get());
        self.receive(&this, got)
    }

    async fn get_many(&mut self, this: This, max: u32, timeout: Option<u64>) -> Answer<Vec<wit::Received>> {
        if max == 0 {
            return Ok(Ok(Vec::new()));
        }
        let (talk, table) = self.parts()?;
        let queue = &table.get(&this)?.queue;
        let max = max as usize;
        let got = match queue.to_get().and_then(|queue| queue.try_get_many(max)) {
            Err(GetError::Empty) if wait(timeout) != Wait::No => match queue.take_as(talk.who(), wait(timeout)).await {
                // It comes alone.
                Ok(first) if first.is_destroyed() => Err(GetError::InterpreterDestroyed),
                Ok(first) => {
                    let more = queue.shared().try_get_many(max - 1).unwrap_or_default();
                    Ok(std::iter::once(first).chain(more).collect())
                }
                Err(error) => Err(error),
            },
            got => got,
        };
        let got = match got {
            Ok(got) => got,
            Err(error) => return Ok(Err(error.into())),
        };
        let mut given = Vec::with_capacity(got.len());
        let mut rest = got.into_iter();
        while let Some(entry) = rest.next() {
            match entry_to_guest(talk, table, entry)? {
                Ok(received) => given.extend(received.ok()),
                Err(entry) => {
                    let left = std::iter::once(entry).chain(rest);
                    table.get(&this)?.queue.shared().put_back(left);
                    if given.is_empty() {
                        return Ok(Err(talk.handles_limit(None).into()));
                    }
                    break;
                }
            }
        }
        Ok(Ok(given))
    }

    fn qsize(&mut self, this: This) -> wasmtime::Result<u32> {
        Ok(u32::try_from(self.queue(&this)?.qsize()).unwrap_or(u32::MAX))
    }

    fn is_empty(&mut self, this: This) -> wasmtime::Result<bool> {
        Ok(self.queue(&this)?.is_empty())
    }

    fn is_full(&mut self, this: This) -> wasmtime::Result<bool> {
        Ok(self.queue(&this)?.is_full())
    }

    fn close(&mut self, this: This) -> wasmtime::Result<()> {
        self.queue(&this)?.close();
        Ok(())
    }

    fn is_closed(&mut self, this: This) -> wasmtime::Result<bool> {
        Ok(self.queue(&this)?.is_closed())
    }

    fn subscribe_get(&mut self, this: This) -> wasmtime::Result<Resource<DynPollable>> {
        self.pollable(&this, Side::Get)
    }

    fn subscribe_put(&mut self, this: This) -> wasmtime::Result<Resource<DynPollable>> {
        self.pollable(&this, Side::Put)
    }

    fn drop(&mut self, this: Resource<Handle>) -> wasmtime::Result<()> {
        let (_, table) = self.parts()?;
        table.delete(this)?;
        Ok(())
    }
}

/// Puts items in order, waiting for room as long as `wait` in all; how many, and what stopped it.
async fn put_all(
    queue: &Queue,
    mut items: VecDeque<Item>,
    wait: Wait,
    unbound: Option<crate::queue::Unbound>,
    who: Who<'_>,
    budget: &Budget,
) -> (usize, Option<PutError>) {
    let until = match wait {
        Wait::For(time) => std::time::Instant::now().checked_add(time),
        Wait::No | Wait::Forever => None,
    };
    let mut accepted = 0;
    // What lies here while the guest waits.
    let mut held = None;
    loop {
        match queue.put_some_as(&mut items, unbound, who) {
            Ok(put) => accepted += put,
            Err((put, error)) => return (accepted + put, Some(error)),
        }
        let Some(item) = items.pop_front() else {
            return (accepted, None);
        };
        if held.is_none() && wait != Wait::No && !items.is_empty() {
            match budget.hold(items.iter().map(Item::weight).sum()) {
                Ok(bytes) => held = Some(bytes),
                Err(hit) => return (accepted, Some(PutError::Limit { item, hit })),
            }
        }
        let left = match until {
            Some(until) => Wait::For(until.saturating_duration_since(std::time::Instant::now())),
            None => wait,
        };
        match queue.put_as(item, unbound, who, left).await {
            Ok(()) => accepted += 1,
            Err(error) => return (accepted, Some(error)),
        }
    }
}
