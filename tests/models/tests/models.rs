//! What must hold in every order in which the threads get on.
#![allow(clippy::expect_used)] // a test that cannot go on fails

use models::budget::Budget;
use models::scheduler::Idle;
use models::world::atomic::{AtomicUsize, Ordering::SeqCst};
use models::world::{Arc, in_all_orders, thread};
use models::{charge, release};

/// A lane of turns that workers take, and who of them sleeps.
struct Lane {
    idle: Idle,
    waiting: AtomicUsize,
    taken: AtomicUsize,
}

impl Lane {
    fn new(looks: u32) -> Arc<Lane> {
        Arc::new(Lane {
            idle: Idle::new(looks),
            waiting: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        })
    }

    fn push(&self) {
        self.waiting.fetch_add(1, SeqCst);
        self.idle.queued();
    }

    /// As a worker does: takes what there is, then waits.
    fn work(&self) {
        loop {
            while self
                .waiting
                .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
                .is_ok()
            {
                self.taken.fetch_add(1, SeqCst);
            }
            if !self.idle.wait(|| self.waiting.load(SeqCst) > 0) {
                return;
            }
        }
    }
}

/// A turn that all overlook leaves its worker asleep for ever, which loom reports as a deadlock.
#[test]
fn no_turn_is_overlooked_by_a_worker_that_falls_asleep() {
    in_all_orders(3, || {
        let lane = Lane::new(0);
        let worker = {
            let lane = Arc::clone(&lane);
            thread::spawn(move || {
                // One turn, then gone: nobody closes the lane.
                while lane
                    .waiting
                    .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
                    .is_err()
                {
                    assert!(lane.idle.wait(|| lane.waiting.load(SeqCst) > 0));
                }
            })
        };
        lane.push();
        worker.join().expect("ends");
    });
}

#[test]
fn two_turns_are_taken_whoever_of_two_workers_sleeps() {
    in_all_orders(2, || {
        let lane = Lane::new(1);
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let lane = Arc::clone(&lane);
                thread::spawn(move || lane.work())
            })
            .collect();
        lane.push();
        lane.push();
        lane.idle.close();
        for worker in workers {
            worker.join().expect("ends");
        }
        assert_eq!((lane.taken.load(SeqCst), lane.waiting.load(SeqCst)), (2, 0));
    });
}

/// A worker that runs for ever after its first turn must not keep the second from the one that sleeps.
#[test]
fn a_turn_behind_another_wakes_a_second_worker() {
    in_all_orders(2, || {
        let lane = Lane::new(0);
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let lane = Arc::clone(&lane);
                thread::spawn(move || {
                    while lane
                        .waiting
                        .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
                        .is_err()
                    {
                        assert!(lane.idle.wait(|| lane.waiting.load(SeqCst) > 0));
                    }
                })
            })
            .collect();
        lane.push();
        lane.push();
        for worker in workers {
            worker.join().expect("ends");
        }
    });
}

#[test]
fn a_budget_is_never_overdrawn_and_comes_back_whole() {
    in_all_orders(3, || {
        let budget = Budget::new(100);
        let takers: Vec<_> = [60, 50, 40]
            .into_iter()
            .map(|bytes| {
                let budget = budget.clone();
                thread::spawn(move || {
                    if charge(&budget, bytes) {
                        assert!(budget.used() <= 100);
                        release(&budget, bytes);
                    }
                })
            })
            .collect();
        for taker in takers {
            taker.join().expect("ends");
        }
        assert_eq!(budget.used(), 0);
        // Where 50 are taken first, 60 are refused.
        assert!((50..=100).contains(&budget.peak()));
    });
}
