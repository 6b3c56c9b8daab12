//! Where calls of an interpreter are handed in and its answers come out: its lock.
//!
//! An interpreter that was created to be called stands here while it has nothing to do. One call at a time: whoever comes
//! while one runs is told so and does not wait.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::{CallError, ExecutionFailed, InterpreterId};
use crate::queue::Item;
use crate::scheduler::control::Control;
use crate::scheduler::standing::Waiting;

/// What is asked of an interpreter.
pub(crate) enum Request {
    Prepare(Vec<(String, Item)>),
    Exec(String),
    Call(String, Vec<Item>),
}

/// What a call ended with.
pub(crate) type Answer = Result<Item, ExecutionFailed>;

/// The desk of one interpreter.
pub(crate) struct Desk {
    state: Mutex<State>,
    /// Whether the host can hand in a call, or only guests.
    by_host: bool,
}

/// Invariant: `current` is there while `running`, and nothing is asked while it is not.
#[derive(Default)]
struct State {
    asked: Option<Request>,
    current: Option<Arc<Reply>>,
    running: bool,
    closed: bool,
    waker: Option<Waker>,
}

impl Desk {
    pub(crate) fn new(by_host: bool) -> Desk {
        Desk {
            state: Mutex::default(),
            by_host,
        }
    }

    /// Hands in a call for the interpreter of `control`.
    pub(super) fn hand_in(&self, control: &Control, request: Request) -> Result<Arc<Reply>, CallError> {
        let reply = Arc::new(Reply::default());
        let waker = {
            let mut state = self.state.lock();
            if state.closed {
                return Err(CallError::NotFound);
            }
            if state.running {
                return Err(CallError::AlreadyRunning);
            }
            state.running = true;
            state.asked = Some(request);
            state.current = Some(Arc::clone(&reply));
            control.rouse();
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(reply)
    }

    /// The interpreter is ready for the next call; `None` when there will be none.
    pub(crate) async fn next(&self, control: &Control) -> Option<Request> {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            if let Some(request) = state.asked.take() {
                return Poll::Ready(Some(request));
            }
            if state.closed {
                return Poll::Ready(None);
            }
            control.stand_still(Waiting::to_be_called(self.by_host));
            state.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The call has come to its end.
    pub(crate) fn answer(&self, answer: Answer) {
        let reply = {
            let mut state = self.state.lock();
            state.running = false;
            state.current.take()
        };
        if let Some(reply) = reply {
            reply.fill(answer);
        }
    }

    /// The interpreter is over; whoever waits for it hears why.
    pub(crate) fn end(&self, why: impl FnOnce() -> ExecutionFailed) {
        let reply = {
            let mut state = self.state.lock();
            state.closed = true;
            state.asked = None;
            state.running = false;
            state.current.take()
        };
        if let Some(reply) = reply {
            reply.fill(Err(why()));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.lock().running
    }

    /// Takes no more calls; the interpreter ends. Not while one runs.
    pub(super) fn close(&self, control: &Control) -> Result<(), CallError> {
        let waker = {
            let mut state = self.state.lock();
            if state.closed {
                return Err(CallError::NotFound);
            }
            if state.running {
                return Err(CallError::AlreadyRunning);
            }
            state.closed = true;
            control.rouse();
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

/// An answer to come.
#[derive(Default)]
pub(crate) struct Reply(Mutex<Coming>);

#[derive(Default)]
struct Coming {
    answer: Option<Answer>,
    done: bool,
    /// Lives that stand still until it comes.
    standing: Vec<Arc<Control>>,
    wakers: Vec<Waker>,
}

impl Reply {
    fn fill(&self, answer: Answer) {
        let wakers = {
            let mut coming = self.0.lock();
            coming.answer = Some(answer);
            coming.done = true;
            coming.standing.drain(..).for_each(|control| control.rouse());
            std::mem::take(&mut coming.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it has come.
    pub(crate) fn is_done(&self) -> bool {
        self.0.lock().done
    }

    /// Takes the answer, once it has come; `None` when somebody has taken it.
    pub(crate) async fn take(&self) -> Option<Answer> {
        self.done(None).await;
        self.0.lock().answer.take()
    }

    /// [`take`](Reply::take), of a life that stands still until the interpreter `callee` answers.
    pub(crate) async fn take_standing(&self, caller: &Arc<Control>, callee: InterpreterId) -> Option<Answer> {
        self.done(Some((caller, callee))).await;
        self.0.lock().answer.take()
    }

    /// Waits until it has come, of a life that may stand still meanwhile: what stands behind a pollable. Calls `waits` each time
    /// that it has to wait.
    pub(crate) async fn watch(&self, control: &Arc<Control>, waits: impl Fn()) {
        let _roused = Roused::begin(self, control);
        poll_fn(|cx| {
            if self.0.lock().is_pending(cx) {
                waits();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Waits until it has come.
    pub(crate) async fn done(&self, who: Option<(&Arc<Control>, InterpreterId)>) {
        poll_fn(|cx| {
            let mut coming = self.0.lock();
            if coming.done {
                return Poll::Ready(());
            }
            if let Some((caller, callee)) = who {
                caller.stand_still(Waiting::call(callee));
                if !coming.standing.iter().any(|standing| Arc::ptr_eq(standing, caller)) {
                    coming.standing.push(Arc::clone(caller));
                }
            }
            coming.is_pending(cx);
            Poll::Pending
        })
        .await;
    }
}

impl Coming {
    /// Whether it has not come; then whoever polls is woken when it does.
    fn is_pending(&mut self, cx: &Context<'_>) -> bool {
        if !self.done && !self.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
        !self.done
    }
}

/// A life that is roused when the answer comes, until this is dropped.
struct Roused<'a>(&'a Reply, &'a Arc<Control>);

impl<'a> Roused<'a> {
    fn begin(reply: &'a Reply, control: &'a Arc<Control>) -> Roused<'a> {
        reply.0.lock().standing.push(Arc::clone(control));
        Roused(reply, control)
    }
}

impl Drop for Roused<'_> {
    fn drop(&mut self) {
        let mut coming = self.0.0.lock();
        if let Some(at) = coming.standing.iter().position(|control| Arc::ptr_eq(control, self.1)) {
            coming.standing.swap_remove(at);
        }
    }
}
