//! What a life waits for, said by whoever makes it wait.
//!
//! A future that is not ready says why on the thread that polled it; when the slice ends, that is what the life waits for. So a
//! wait costs one store, whether anybody records it or not, and no future needs to know whose it is.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;

use crate::interpreter::InterpreterId;
use crate::queue::QueueId;

/// What an interpreter waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitsFor {
    /// An item of this queue; of several, the one that it asked last.
    Item(QueueId),
    /// Room in this queue.
    Room(QueueId),
    /// Time, or one of several things: it sleeps or polls.
    Poll,
    /// The end of a call in this interpreter.
    Call(InterpreterId),
    /// To be called.
    ToBeCalled,
    /// The end of another host call, such as one on a file or a stream.
    HostCall,
}

/// [`WaitsFor`], or a turn on a worker, as one word: what kind above, which one in the lower half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(u64);

const WHICH: u32 = 32;

impl Code {
    /// It gave way and could go on at once.
    pub(crate) const TURN: Code = Code(1 << WHICH);
    const HOST_CALL: Code = Code(2 << WHICH);
    const POLL: Code = Code(3 << WHICH);
    const TO_BE_CALLED: Code = Code(4 << WHICH);
    const ITEM: u64 = 5;
    const ROOM: u64 = 6;
    const CALL: u64 = 7;

    fn of(kind: u64, number: u64) -> Code {
        Code(kind << WHICH | number.min(u64::from(u32::MAX)))
    }

    pub(super) fn word(self) -> u64 {
        self.0
    }

    pub(super) fn from_word(word: u64) -> Code {
        Code(word)
    }

    /// `None` for a turn.
    pub(super) fn waits_for(self) -> Option<WaitsFor> {
        let number = self.0 & u64::from(u32::MAX);
        match self.0 >> WHICH {
            1 => None,
            3 => Some(WaitsFor::Poll),
            4 => Some(WaitsFor::ToBeCalled),
            Code::ITEM => Some(WaitsFor::Item(QueueId::new(number))),
            Code::ROOM => Some(WaitsFor::Room(QueueId::new(number))),
            Code::CALL => Some(WaitsFor::Call(InterpreterId(number))),
            _ => Some(WaitsFor::HostCall),
        }
    }
}

impl From<WaitsFor> for Code {
    fn from(waits: WaitsFor) -> Code {
        match waits {
            WaitsFor::Item(queue) => Code::of(Code::ITEM, queue.get()),
            WaitsFor::Room(queue) => Code::of(Code::ROOM, queue.get()),
            WaitsFor::Poll => Code::POLL,
            WaitsFor::Call(callee) => Code::of(Code::CALL, callee.0),
            WaitsFor::ToBeCalled => Code::TO_BE_CALLED,
            WaitsFor::HostCall => Code::HOST_CALL,
        }
    }
}

thread_local! {
    static SAID: Cell<Code> = const { Cell::new(Code::HOST_CALL) };
    static WORKER: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The life that runs on this thread is about to wait for this.
pub(crate) fn waits_for(what: WaitsFor) {
    SAID.set(what.into());
}

/// The life that runs on this thread is about to give way.
pub(crate) fn gives_way() {
    SAID.set(Code::TURN);
}

/// What was said last, once; a host call when nobody said anything.
pub(super) fn said() -> Code {
    SAID.replace(Code::HOST_CALL)
}

/// This thread is that worker from now on.
pub(crate) fn this_is_worker(number: usize) {
    WORKER.set(number);
}

/// Which worker this thread is; none: a number that no worker has.
pub(super) fn worker() -> usize {
    WORKER.get()
}

/// A future of a poll: what it waits for is said to be one, unless it says it better.
pub(crate) async fn as_poll<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() && SAID.get() == Code::HOST_CALL {
            SAID.set(Code::POLL);
        }
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_comes_out_as_it_went_in() {
        let all = [
            WaitsFor::Item(QueueId::new(7)),
            WaitsFor::Room(QueueId::new(8)),
            WaitsFor::Poll,
            WaitsFor::Call(InterpreterId(9)),
            WaitsFor::ToBeCalled,
            WaitsFor::HostCall,
        ];
        for waits in all {
            waits_for(waits);
            assert_eq!(said().waits_for(), Some(waits));
            assert_eq!(said().waits_for(), Some(WaitsFor::HostCall));
        }
        gives_way();
        assert_eq!(said().waits_for(), None);
    }
}
