//! Those who wait at a queue, as futures; and threads that wait on such a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use smallvec::SmallVec;

use super::entry::Entry;
use super::line::Ticket;
use super::shared::{Shared, Side};
use super::{Item, PutError};
use crate::scheduler::control::Control;
use crate::scheduler::standing::Waiting;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, Thread};
use crate::sync::{Mutex, Rank};
use crate::timeline::{WaitsFor, waits_for};

/// Somebody who waits for an item, at one queue or at several. Only one of them serves him.
pub(super) struct Getter {
    claimed: AtomicBool,
    /// Locked within the lock of a queue, never around it.
    slot: Mutex<GetSlot>,
    /// The life that stands still meanwhile, if it is one and waits without end.
    standing: Option<Arc<Control>>,
}

#[derive(Default)]
struct GetSlot {
    got: Option<(usize, Delivery)>,
    waker: Option<Waker>,
}

/// What a getter wakes with.
pub(super) enum Delivery {
    Entry(Entry),
    Closed,
}

impl Getter {
    fn new(standing: Option<Arc<Control>>) -> Getter {
        Getter {
            claimed: AtomicBool::new(false),
            slot: Mutex::new(Rank::Slot, GetSlot::default()),
            standing,
        }
    }

    /// Wins the right to serve him; whoever wins calls [`fill`](Getter::fill).
    pub(super) fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn fill(&self, index: usize, delivery: Delivery) -> Option<Waker> {
        let mut slot = self.slot.lock();
        slot.got = Some((index, delivery));
        self.rouse();
        slot.waker.take()
    }

    /// He stands in every line: his life stands still, unless he was served meanwhile.
    fn stand_still(&self, queues: &[Arc<Shared>]) {
        let Some(control) = &self.standing else { return };
        let slot = self.slot.lock();
        if slot.got.is_none() {
            control.stand_still(Waiting::at(queues, Side::Get));
        }
    }

    fn rouse(&self) {
        if let Some(control) = &self.standing {
            control.rouse();
        }
    }
}

/// The wait of a getter. Dropping it before it is over leaves every line; an item that was already handed over goes back.
pub(super) struct GetWait {
    getter: Arc<Getter>,
    queues: SmallVec<[Arc<Shared>; 1]>,
    /// At which of them he stands in line, with his ticket.
    places: SmallVec<[(usize, Ticket); 1]>,
    over: bool,
}

impl GetWait {
    /// Takes from the first of `queues` that has something, or stands in line at all of them.
    pub(super) fn begin(queues: SmallVec<[Arc<Shared>; 1]>, standing: Option<Arc<Control>>) -> GetWait {
        let getter = Arc::new(Getter::new(standing));
        let mut places = SmallVec::new();
        for (index, queue) in queues.iter().enumerate() {
            match queue.get_or_join(&getter, index) {
                Some(ticket) => places.push((index, ticket)),
                None => break,
            }
        }
        getter.stand_still(&queues);
        GetWait {
            getter,
            places,
            queues,
            over: false,
        }
    }

    fn leave(&mut self) {
        for (index, ticket) in self.places.drain(..) {
            self.queues[index].leave_getters(ticket);
        }
    }

    /// Where it waits first.
    pub(super) fn first(&self) -> Option<&Arc<Shared>> {
        self.queues.first()
    }

    /// Ends the wait; what came before that.
    pub(super) fn cancel(&mut self) -> Option<(usize, Delivery)> {
        self.over = true;
        self.leave();
        // Nobody can win him any more who did not before he left.
        if self.getter.claim() {
            self.getter.rouse();
            return None;
        }
        self.getter.slot.lock().got.take()
    }
}

impl Future for GetWait {
    type Output = (usize, Delivery);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(usize, Delivery)> {
        let got = {
            let mut slot = self.getter.slot.lock();
            if slot.got.is_none() {
                slot.waker = Some(cx.waker().clone());
            }
            slot.got.take()
        };
        let Some(got) = got else {
            self.queues
                .last()
                .into_iter()
                .for_each(|queue| waits_for(WaitsFor::Item(queue.id())));
            return Poll::Pending;
        };
        self.over = true;
        // He still stands in line where he was not served.
        if self.places.len() > 1 {
            self.leave();
        }
        Poll::Ready(got)
    }
}

impl Drop for GetWait {
    fn drop(&mut self) {
        if !self.over
            && let Some((index, Delivery::Entry(entry))) = self.cancel()
        {
            self.queues[index].put_back([entry]);
        }
    }
}

/// Somebody who waits for room.
pub(super) struct Putter {
    /// Locked within the lock of a queue, never around it.
    slot: Mutex<PutSlot>,
    /// The life that stands still meanwhile, and where.
    standing: Option<(Arc<Control>, Arc<Shared>)>,
}

#[derive(Default)]
struct PutSlot {
    done: Option<Result<(), PutError>>,
    waker: Option<Waker>,
}

impl Putter {
    pub(super) fn new(queue: &Arc<Shared>, standing: Option<Arc<Control>>) -> Putter {
        Putter {
            slot: Mutex::new(Rank::Slot, PutSlot::default()),
            standing: standing.map(|control| (control, Arc::clone(queue))),
        }
    }

    /// Stands in line from now on.
    pub(super) fn begin(&self) {
        if let Some((control, queue)) = &self.standing {
            control.stand_still(Waiting::at(std::slice::from_ref(queue), Side::Put));
        }
    }

    pub(super) fn finish(&self, done: Result<(), PutError>) -> Option<Waker> {
        if let Some((control, _)) = &self.standing {
            control.rouse();
        }
        let mut slot = self.slot.lock();
        slot.done = Some(done);
        slot.waker.take()
    }
}

/// The wait of a putter. Dropping it before it is over takes the item along.
pub(super) struct PutWait {
    queue: Arc<Shared>,
    putter: Arc<Putter>,
    ticket: Option<Ticket>,
}

impl PutWait {
    pub(super) fn new(queue: Arc<Shared>, putter: Arc<Putter>, ticket: Ticket) -> PutWait {
        PutWait {
            queue,
            putter,
            ticket: Some(ticket),
        }
    }

    /// Ends the wait: the item, if it was not put, or what came before that.
    pub(super) fn cancel(&mut self) -> Result<Item, Result<(), PutError>> {
        let item = self.ticket.take().and_then(|ticket| self.queue.leave_putters(ticket));
        match item {
            Some(item) => {
                if let Some((control, _)) = &self.putter.standing {
                    control.rouse();
                }
                Ok(item)
            }
            // He was served before he left.
            None => Err(self.putter.slot.lock().done.take().unwrap_or(Ok(()))),
        }
    }
}

impl Future for PutWait {
    type Output = Result<(), PutError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PutError>> {
        let done = {
            let mut slot = self.putter.slot.lock();
            if slot.done.is_none() {
                slot.waker = Some(cx.waker().clone());
            }
            slot.done.take()
        };
        match done {
            Some(done) => {
                self.ticket = None;
                Poll::Ready(done)
            }
            None => {
                waits_for(WaitsFor::Room(self.queue.id()));
                Poll::Pending
            }
        }
    }
}

impl Drop for PutWait {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            // The item goes with who wanted to put it.
            drop(self.cancel());
        }
    }
}

/// Becomes ready when there may be something to get, or room: what stands behind a pollable. Calls `waits` each time that it has
/// to wait.
pub(crate) struct Watch<'a, F> {
    queue: &'a Shared,
    side: Side,
    control: &'a Arc<Control>,
    waits: F,
    ticket: Option<Ticket>,
}

impl<'a, F: Fn() + Unpin> Watch<'a, F> {
    pub(crate) fn new(queue: &'a Shared, side: Side, control: &'a Arc<Control>, waits: F) -> Watch<'a, F> {
        Watch {
            queue,
            side,
            control,
            waits,
            ticket: None,
        }
    }
}

impl<F: Fn() + Unpin> Future for Watch<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(ticket) = self.ticket.take() {
            self.queue.unwatch(self.side, ticket);
        }
        self.ticket = self.queue.watch(self.side, cx.waker(), self.control);
        if self.ticket.is_none() {
            return Poll::Ready(());
        }
        (self.waits)();
        waits_for(self.side.waits_for(self.queue.id()));
        Poll::Pending
    }
}

impl<F> Drop for Watch<'_, F> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.queue.unwatch(self.side, ticket);
        }
    }
}

/// Blocks this thread until the future is ready or the time has come.
pub(crate) fn block_until<F: Future + Unpin>(future: &mut F, until: Option<Instant>) -> Option<F::Output> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut *future).poll(&mut cx) {
            return Some(output);
        }
        match until {
            None => thread::park(),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
    }
}
