//! Waiting at queues through `wasi:io/poll`, so that a guest that waits there for good is seen to do so.
//!
//! A poll stands still when everything that it waits for is a queue; with a timer or a stream among them it does not.

use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, HostPollable as _};
use wasmtime_wasi::p2::{DynPollable, Pollable};

use crate::interpreter::Guest;
use crate::queue::{Shared, Side, Watch};
use crate::scheduler::control::Control;
use crate::scheduler::standing::Waiting;

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
    /// The queues among them at which it waits.
    at: SmallVec<[(Arc<Shared>, Side); 2]>,
}

impl Polls {
    pub(super) fn new(control: &Arc<Control>) -> Arc<Polls> {
        Arc::new(Polls {
            control: Arc::clone(control),
            state: Mutex::default(),
        })
    }

    fn begin(&self, expected: usize) {
        self.state.lock().expected = expected;
    }

    fn end(&self) {
        *self.state.lock() = State::default();
        self.control.rouse();
    }

    /// It waits at this queue: stands still, if that was the last that it waits for.
    fn waits_at(&self, queue: &Arc<Shared>, side: Side) {
        let mut state = self.state.lock();
        if !state.at.iter().any(|at| Arc::ptr_eq(&at.0, queue) && at.1 == side) {
            state.at.push((Arc::clone(queue), side));
        }
        if state.at.len() != state.expected {
            return;
        }
        self.control.stand_still(Waiting::at_sides(&state.at));
        // Whoever came before that has roused nobody.
        if state.at.iter().any(|(queue, side)| queue.is_ready(*side)) {
            self.control.rouse();
        }
    }
}

/// What a pollable of a queue waits for.
pub(super) struct Readiness {
    pub(super) queue: Arc<Shared>,
    pub(super) side: Side,
    pub(super) polls: Arc<Polls>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Readiness {
    async fn ready(&mut self) {
        let Readiness { queue, side, polls } = self;
        Watch::new(queue, *side, &polls.control, || polls.waits_at(queue, *side)).await;
    }
}

/// Polls as WASI has them, and seen. Shadows WASI's own.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut poll = linker.instance(POLL)?;
    poll.func_wrap_async("poll", |mut store, (pollables,): (Vec<Resource<DynPollable>>,)| {
        Box::new(async move {
            let seen = Seen::begin(store.data_mut(), pollables.len());
            let (_, table) = store.data_mut().talk_and_table();
            let ready = table.poll(pollables).await?;
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
                table.block(pollable).await?;
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
