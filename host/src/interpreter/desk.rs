//! Where calls of an interpreter are handed in and its answers come out: its lock.
//!
//! An interpreter that was created to be called stands here while it has nothing to do. One call at a time: whoever comes
//! while one runs is told so and does not wait.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{CallError, ExecutionFailed, InterpreterId};
use crate::budget::Budget;
use crate::limits::LimitHit;
use crate::queue::{Account, Item, Load};
use crate::scheduler::control::Control;
use crate::scheduler::standing::Waiting;
use crate::sync::{Mutex, Rank};
use crate::timeline::{WaitsFor, waits_for};

/// What is asked of an interpreter.
pub(crate) enum Request {
    Prepare(Vec<(String, Item)>),
    Exec(String),
    Call(String, Vec<Item>),
}

impl Request {
    /// What it takes in the host's memory.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Request::Prepare(bindings) => bindings
                .iter()
                .map(|(name, item)| name.len() as u64 + item.weight())
                .sum(),
            Request::Exec(source) => source.len() as u64,
            Request::Call(function, arguments) => {
                function.len() as u64 + arguments.iter().map(Item::weight).sum::<u64>()
            }
        }
    }
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
            state: Mutex::new(Rank::Desk, State::default()),
            by_host,
        }
    }

    /// Hands in a call for the interpreter of `control`.
    pub(super) fn hand_in(&self, control: &Control, request: Request, reply: Reply) -> Result<Arc<Reply>, CallError> {
        let reply = Arc::new(reply);
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
            waits_for(WaitsFor::ToBeCalled);
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
        let (reply, asked) = {
            let mut state = self.state.lock();
            state.closed = true;
            state.running = false;
            (state.current.take(), state.asked.take())
        };
        // It may have the last handle of anything.
        drop(asked);
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

/// A guest that calls: what lies in the host for its calls is on its account, and on the pool's.
pub(crate) struct Payer {
    account: Arc<Account>,
    budget: Budget,
}

impl Payer {
    pub(crate) fn new(account: &Arc<Account>, budget: &Budget) -> Payer {
        Payer {
            account: Arc::clone(account),
            budget: budget.clone(),
        }
    }

    pub(crate) fn load(&self, bytes: u64) -> Result<Load, LimitHit> {
        Load::take(&self.account, &self.budget, bytes)
    }
}

/// An answer to come.
pub(crate) struct Reply {
    coming: Mutex<Coming>,
    /// Who pays, if a guest called.
    payer: Option<Payer>,
}

#[derive(Default)]
struct Coming {
    answer: Option<Answer>,
    /// What the caller is charged with: the request, then the answer until it is taken.
    load: Option<Load>,
    done: bool,
    /// Lives that stand still until it comes.
    standing: Vec<Arc<Control>>,
    wakers: Vec<Waker>,
}

impl Default for Reply {
    fn default() -> Reply {
        Reply {
            coming: Mutex::new(Rank::Reply, Coming::default()),
            payer: None,
        }
    }
}

impl Reply {
    /// An answer to a guest, which is charged with `load` for the request.
    pub(crate) fn paid_by(payer: Payer, load: Load) -> Reply {
        let coming = Coming {
            load: Some(load),
            ..Coming::default()
        };
        Reply {
            coming: Mutex::new(Rank::Reply, coming),
            payer: Some(payer),
        }
    }

    fn fill(&self, answer: Answer) {
        // The request is done with.
        self.coming.lock().load = None;
        let load = self.payer.as_ref().map(|payer| payer.load(weight(&answer))).transpose();
        let (answer, load) = match load {
            Ok(load) => (answer, load),
            Err(hit) => (Err(ExecutionFailed::of_host("limit", hit.to_string())), None),
        };
        let wakers = {
            let mut coming = self.coming.lock();
            coming.load = load;
            coming.answer = Some(answer);
            coming.done = true;
            coming.standing.drain(..).for_each(|control| control.rouse());
            std::mem::take(&mut coming.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it has come.
    pub(crate) fn is_done(&self) -> bool {
        self.coming.lock().done
    }

    /// Takes the answer, once it has come; `None` when somebody has taken it.
    pub(crate) async fn take(&self) -> Option<Answer> {
        self.done(None).await;
        self.coming.lock().take()
    }

    /// [`take`](Reply::take), of a life that stands still until the interpreter `callee` answers.
    pub(crate) async fn take_standing(&self, caller: &Arc<Control>, callee: InterpreterId) -> Option<Answer> {
        self.done(Some((caller, callee))).await;
        self.coming.lock().take()
    }

    /// Waits until it has come, of a life that may stand still meanwhile: what stands behind a pollable. Calls `waits` each time
    /// that it has to wait.
    pub(crate) async fn watch(&self, control: &Arc<Control>, waits: impl Fn()) {
        let _roused = Roused::begin(self, control);
        poll_fn(|cx| {
            if self.coming.lock().is_pending(cx) {
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
            let mut coming = self.coming.lock();
            if coming.done {
                return Poll::Ready(());
            }
            if let Some((caller, callee)) = who {
                waits_for(WaitsFor::Call(callee));
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

/// What an answer takes in the host's memory.
fn weight(answer: &Answer) -> u64 {
    match answer {
        Ok(item) => item.weight(),
        Err(failed) => {
            let trace = failed.trace.iter().map(String::len).sum::<usize>();
            (failed.kind.len() + failed.message.len() + trace) as u64
        }
    }
}

impl Coming {
    fn take(&mut self) -> Option<Answer> {
        self.load = None;
        self.answer.take()
    }

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
        reply.coming.lock().standing.push(Arc::clone(control));
        Roused(reply, control)
    }
}

impl Drop for Roused<'_> {
    fn drop(&mut self) {
        let mut coming = self.0.coming.lock();
        if let Some(at) = coming.standing.iter().position(|control| Arc::ptr_eq(control, self.1)) {
            coming.standing.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytesize::ByteSize;

    use super::*;
    use crate::ledger::Ledger;
    use crate::limits::Limits;

    #[test]
    fn a_caller_pays_for_what_it_asks_and_for_the_answer_until_it_takes_it() {
        let limits = Limits {
            messages: ByteSize::b(1_000),
            ..Limits::default()
        };
        let account = Arc::new(Account::new(InterpreterId(1), &Ledger::new(&limits, None)));
        let budget = Budget::new(10_000);
        let ask = |bytes| {
            let payer = Payer::new(&account, &budget);
            let load = payer.load(bytes)?;
            Ok::<_, LimitHit>(Reply::paid_by(payer, load))
        };
        let answer = || Ok(Item::Bytes(vec![0; 436]));
        let (Ok(first), Ok(second)) = (ask(500), ask(500)) else {
            panic!("both fit");
        };
        assert!(ask(1).is_err());
        assert_eq!(budget.used(), 1_000);
        first.fill(answer());
        second.fill(answer());
        assert_eq!(budget.used(), 1_000);
        // There is no room for its answer while nobody takes the others.
        let Ok(third) = ask(0) else { panic!("it fits") };
        third.fill(answer());
        assert!(matches!(block(third.take()), Some(Err(failed)) if failed.kind == "limit"));
        assert!(matches!(block(first.take()), Some(Ok(_))));
        assert_eq!(budget.used(), 500);
        drop(second);
        assert_eq!(budget.used(), 0);
    }

    fn block<T>(future: impl Future<Output = T>) -> T {
        futures_util::FutureExt::now_or_never(future).unwrap_or_else(|| panic!("it is there"))
    }
}
