//! Who goes on and who stands still, and when everybody stands still for good.
//!
//! A life stands still while it waits, without a time, for something that only another life or the host can give it: an item,
//! room, the end of a call, a call. Whoever gives it rouses it before he wakes it. When nobody goes on any more, the clock
//! looks at what they wait for: where neither a handle of the host nor a life to come could help, that is a deadlock.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::time::Duration;

use smallvec::SmallVec;

use super::control::Control;
use crate::interpreter::InterpreterId;
use crate::queue::{QueueId, Shared, Side};
use crate::units::show_duration;

/// How many lives of a scheduler go on.
#[derive(Default)]
pub(crate) struct Activity {
    going: AtomicUsize,
    /// How many times one was roused.
    roused: AtomicU64,
    /// Nobody goes on, or something changed since that was looked at.
    suspicion: AtomicBool,
    /// The host has promised not to start lives while all others wait.
    all_started: AtomicBool,
    /// Things that the host is about to do.
    expected: AtomicUsize,
}

/// What a life that stands still waits for.
pub(crate) struct Waiting(What);

enum What {
    /// Their ids too: when the report is made, they may be gone.
    Queues(SmallVec<[(QueueId, Weak<Shared>, Side); 1]>),
    /// The end of a call in another interpreter.
    Call(InterpreterId),
    /// A call. Whether the host can make one.
    ToBeCalled { by_host: bool },
    /// The first of these.
    Any(Vec<Waiting>),
}

impl Waiting {
    pub(crate) fn at(queues: &[Arc<Shared>], side: Side) -> Waiting {
        let named = queues.iter().map(|queue| (queue.id(), Arc::downgrade(queue), side));
        Waiting(What::Queues(named.collect()))
    }

    pub(crate) fn any(waits: Vec<Waiting>) -> Waiting {
        Waiting(What::Any(waits))
    }

    pub(crate) fn call(callee: InterpreterId) -> Waiting {
        Waiting(What::Call(callee))
    }

    pub(crate) fn to_be_called(by_host: bool) -> Waiting {
        Waiting(What::ToBeCalled { by_host })
    }

    /// Somebody who is no life of the pool could help.
    fn has_hope(&self, lives_may_start: bool) -> bool {
        match &self.0 {
            What::Queues(queues) => queues.iter().any(|(_, queue, side)| {
                let queue = queue.upgrade();
                queue.is_some_and(|queue| queue.has_hope(*side, lives_may_start))
            }),
            What::Call(_) => false,
            What::ToBeCalled { by_host } => *by_host,
            What::Any(waits) => waits.iter().any(|wait| wait.has_hope(lives_may_start)),
        }
    }

    /// Nobody misses it: it waits for work.
    fn is_idle(&self) -> bool {
        matches!(self.0, What::ToBeCalled { .. })
    }

    /// For the report, with how long it has waited: `waits to get from queue "work" for 12ms`.
    pub(crate) fn describe(&self, since: Duration) -> String {
        let mut text = format!("waits {}", self.aim());
        let _ = write!(text, " for {}", show_duration(since));
        text
    }

    fn aim(&self) -> String {
        match &self.0 {
            What::Queues(queues) => {
                let aims: Vec<_> = queues
                    .iter()
                    .map(|(id, queue, side)| {
                        let label = queue.upgrade().map_or(format!("queue {id}"), |queue| queue.label());
                        match side {
                            Side::Get => format!("get from {label}"),
                            Side::Put => format!("put into {label}"),
                        }
                    })
                    .collect();
                format!("to {}", aims.join(" or "))
            }
            What::Call(callee) => format!("for a call of interpreter {callee}"),
            What::ToBeCalled { .. } => "to be called".to_owned(),
            What::Any(waits) => waits.iter().map(Waiting::aim).collect::<Vec<_>>().join(" or "),
        }
    }
}

impl Activity {
    /// A life begins, or goes on.
    pub(super) fn goes_on(&self) {
        self.going.fetch_add(1, SeqCst);
        self.roused.fetch_add(1, SeqCst);
    }

    /// A life ends, or stands still; whether it was the last that went on.
    pub(super) fn stops(&self) -> bool {
        let last = self.going.fetch_sub(1, SeqCst) == 1;
        if last {
            self.suspicion.store(true, SeqCst);
        }
        last
    }

    /// Something changed that somebody could have hoped for; whether anybody must look.
    pub(super) fn hope_went(&self) -> bool {
        let nobody = self.going.load(SeqCst) == 0;
        if nobody {
            self.suspicion.store(true, SeqCst);
        }
        nobody
    }

    pub(super) fn all_started(&self) {
        self.all_started.store(true, SeqCst);
    }

    pub(super) fn expect(&self) {
        self.expected.fetch_add(1, SeqCst);
    }

    pub(super) fn expect_no_more(&self) {
        self.expected.fetch_sub(1, SeqCst);
    }

    pub(super) fn is_suspicious(&self) -> bool {
        self.suspicion.load(SeqCst)
    }

    /// The lives that wait for each other for good, among all lives; nobody, mostly.
    pub(super) fn deadlocked(
        &self,
        lives: impl FnOnce() -> Vec<Arc<Control>>,
        is_closed: impl FnOnce() -> bool,
    ) -> Vec<Arc<Control>> {
        self.suspicion.store(false, SeqCst);
        let before = self.roused.load(SeqCst);
        if self.going.load(SeqCst) != 0 {
            return Vec::new();
        }
        let open = !self.all_started.load(SeqCst) && !is_closed();
        let (lives, may_start) = (lives(), open || self.expected.load(SeqCst) > 0);
        let hope = lives
            .iter()
            .any(|life| life.waiting(|waiting| waiting.is_some_and(|waiting| waiting.has_hope(may_start))));
        // Nobody was roused while we looked: what we saw was so all the time.
        if hope || self.going.load(SeqCst) != 0 || self.roused.load(SeqCst) != before {
            return Vec::new();
        }
        lives
            .into_iter()
            .filter(|life| life.waiting(|waiting| waiting.is_some_and(|waiting| !waiting.is_idle())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::control::Span;
    use crate::{Engine, Limits, Pool};

    #[test]
    fn nobody_sees_a_life_stand_still_whose_poll_has_been_answered() -> crate::Result<()> {
        let engine = Engine::builder().instances(2).build()?;
        let pool = Pool::builder(&engine).workers(1).build()?;
        let hub = &pool.commons().hub;
        let life = Arc::new(Control::new(hub, &Limits::default(), Span::Life));
        let seen = || {
            let lives = || vec![Arc::clone(&life)];
            hub.activity.deadlocked(lives, || true).len()
        };
        let waiting = || Waiting::any(vec![Waiting::call(InterpreterId(1))]);
        life.set_out();
        // It came before: who looks in between, sees one that goes on.
        let mut between = None;
        life.stand_still_unless(waiting(), || {
            between = Some(seen());
            true
        });
        assert_eq!((between, seen()), (Some(0), 0));
        // It has not come: a deadlock, but not before that is known.
        life.stand_still_unless(waiting(), || {
            between = Some(seen());
            false
        });
        assert_eq!((between, seen()), (Some(0), 1));
        life.set_down();
        Ok(())
    }
}
