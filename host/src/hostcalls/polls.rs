//! Waiting at queues and for calls through `wasi:io/poll`, so that a guest that waits there for good is seen to do so.
//!
//! A poll stands still when everything that it waits for is a queue or the end of a call; with a timer or a stream among them it
//! does not.

use std::collections::HashSet;
use std::sync::Arc;

use smallvec::SmallVec;
use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, HostPollable as _};
use wasmtime_wasi::p2::{DynPollable, Pollable};

use crate::interpreter::desk::Reply;
use crate::interpreter::{Guest, InterpreterId};
use crate::queue::{Shared, Side, Watch};
use crate::scheduler::control::Control;
use crate::scheduler::standing::Waiting;
use crate::sync::{Mutex, Rank};
use crate::timeline::{WaitsFor, as_poll, waits_for};

/// The interface of WASI, in the version that this Wasmtime implements.
const POLL: &str = "wasi:io/poll@0.2.12";

/// The poll that a guest is in, if it is in one.
pub(super) struct Polls {
    control: Arc<Control>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many things the poll waits for; 0 outside a poll.
    expected: usize,
    /// Those among them that only a life or the host can give, by the pollable that waits for them.
    awaited: SmallVec<[(usize, Awaited); 2]>,
}

/// What a pollable waits for.
enum Awaited {
    Queue(Arc<Shared>, Side),
    Call(InterpreterId, Arc<Reply>),
}

impl Awaited {
    fn is_there(&self) -> bool {
        match self {
            Awaited::Queue(queue, side) => queue.is_ready(*side),
            Awaited::Call(_, reply) => reply.is_done(),
        }
    }

    fn waiting(&self) -> Waiting {
        match self {
            Awaited::Queue(queue, side) => Waiting::at(std::slice::from_ref(queue), *side),
            Awaited::Call(callee, _) => Waiting::call(*callee),
        }
    }
}

impl Polls {
    pub(super) fn new(control: &Arc<Control>) -> Arc<Polls> {
        Arc::new(Polls {
            control: Arc::clone(control),
            state: Mutex::new(Rank::Polls, State::default()),
        })
    }

    fn begin(&self, expected: usize) {
        self.state.lock().expected = expected;
    }

    fn end(&self) {
        let over = std::mem::take(&mut *self.state.lock());
        self.control.rouse();
        // It may have the last handle of a queue.
        drop(over);
    }

    /// The pollable at this address waits for this: the poll stands still, if that was the last that it waits for.
    fn waits_for(&self, pollable: usize, awaited: impl FnOnce() -> Awaited) {
        let mut state = self.state.lock();
        if !state.awaited.iter().any(|(other, _)| *other == pollable) {
            state.awaited.push((pollable, awaited()));
        }
        if state.awaited.len() != state.expected {
            return;
        }
        let waits = state.awaited.iter().map(|(_, awaited)| awaited.waiting());
        let is_there = || state.awaited.iter().any(|(_, awaited)| awaited.is_there());
        self.control.stand_still_unless(Waiting::any(waits.collect()), is_there);
    }
}

/// What a pollable of a queue waits for.
pub(super) struct Readiness {
    /// None for who may not do it: that is said at once.
    pub(super) queue: Option<Arc<Shared>>,
    pub(super) side: Side,
    pub(super) polls: Arc<Polls>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Readiness {
    async fn ready(&mut self) {
        let address = std::ptr::from_ref(self).addr();
        let Readiness { queue, side, polls } = self;
        let Some(queue) = queue else { return };
        let waits = || polls.waits_for(address, || Awaited::Queue(Arc::clone(queue), *side));
        Watch::new(queue, *side, &polls.control, waits).await;
    }
}

/// What a pollable of a call waits for.
pub(super) struct End {
    pub(super) callee: InterpreterId,
    pub(super) reply: Arc<Reply>,
    pub(super) polls: Arc<Polls>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for End {
    async fn ready(&mut self) {
        let address = std::ptr::from_ref(self).addr();
        let End { callee, reply, polls } = self;
        let waits = || {
            waits_for(WaitsFor::Call(*callee));
            polls.waits_for(address, || Awaited::Call(*callee, Arc::clone(reply)));
        };
        reply.watch(&polls.control, waits).await;
    }
}

/// Polls as WASI has them, and seen. Shadows WASI's own.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut poll = linker.instance(POLL)?;
    poll.func_wrap_async("poll", |mut store, (pollables,): (Vec<Resource<DynPollable>>,)| {
        Box::new(async move {
            // Who names more than it can have names one many times: work without end for the host.
            if pollables.len() > store.data().most_handles() {
                return Err(ResourceTableError::Full.into());
            }
            // One that is named twice is waited for once.
            let different: HashSet<_> = pollables.iter().map(Resource::rep).collect();
            let seen = Seen::begin(store.data_mut(), different.len());
            let (_, table) = store.data_mut().talk_and_table();
            let ready = as_poll(table.poll(pollables)).await?;
            drop(seen);
            Ok((ready,))
        })
    })?;
    poll.func_wrap_async(
        "[method]pollable.block",
        |mut store, (pollable,): (Resource<DynPollable>,)| {
            Box::new(async move {
                let seen = Seen::begin(store.data_mut(), 1);
                let (_, table) = store.data_mut().talk_and_table();
                as_poll(table.block(pollable)).await?;
                drop(seen);
                Ok(())
            })
        },
    )
}

/// A poll while it lasts.
struct Seen(Option<Arc<Polls>>);

impl Seen {
    fn begin(guest: &mut Guest, expected: usize) -> Seen {
        let (talk, _) = guest.talk_and_table();
        let polls = talk.map(|talk| Arc::clone(&talk.polls));
        if let Some(polls) = &polls {
            polls.begin(expected);
        }
        Seen(polls)
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        if let Some(polls) = &self.0 {
            polls.end();
        }
    }
}
