//! What a sender's account is charged with: what must hold in every order in which the threads get on.
#![allow(clippy::expect_used)] // a test that cannot go on fails

use models::budget::Budget;
use models::queue::{Got, Numbers, Sender, Unbound};
use models::world::{in_all_orders, thread};

const ROOM: u64 = 1 << 20;

/// Two queues have a lock each, and the account is all that stands between them.
#[test]
fn an_account_with_room_for_one_pays_for_one_wherever_it_is_put() {
    in_all_orders(3, || {
        let budget = Budget::new(ROOM);
        let sender = Sender::of(1);
        let (left, right) = (Numbers::new(0, &budget), Numbers::new(0, &budget));
        let putting = {
            let (left, sender) = (left.clone(), sender.clone());
            thread::spawn(move || left.try_put_of(&sender, 1, Unbound::Keep))
        };
        let put_right = right.try_put_of(&sender, 2, Unbound::Keep);
        let put_left = putting.join().expect("ends");
        assert!(put_left ^ put_right, "{put_left} and {put_right}");
        assert_eq!(sender.left(), 0);
        let got = (left.try_get(), right.try_get());
        assert_eq!(got, (put_left.then_some(1), put_right.then_some(2)));
        assert_eq!(sender.left(), 1);
    });
}

/// What is got while its sender ends is got or lost, and paid back once.
#[test]
fn what_is_got_while_its_sender_ends_is_paid_back_once() {
    in_all_orders(3, || {
        let budget = Budget::new(ROOM);
        let sender = Sender::of(2);
        let numbers = Numbers::new(0, &budget);
        assert!(numbers.try_put_of(&sender, 1, Unbound::Remove));
        assert!(numbers.try_put_of(&sender, 2, Unbound::Keep));
        let ending = {
            let sender = sender.clone();
            thread::spawn(move || sender.end())
        };
        let first = numbers.try_get();
        ending.join().expect("ends");
        // The first one was taken away, and the second one stays, or it was got before.
        let rest = if first == Some(1) { Some(2) } else { None };
        assert!(first.is_some());
        assert_eq!(numbers.try_get(), rest);
        assert_eq!(sender.left(), 2);
        drop(numbers);
        assert_eq!(budget.used(), 0);
    });
}

/// A number that goes back because who waited for it left, while its sender ends: it stays, and nobody pays for it twice or for ever.
#[test]
fn what_is_put_back_while_its_sender_ends_is_paid_for_at_most_once() {
    in_all_orders(3, || {
        let budget = Budget::new(ROOM);
        let sender = Sender::of(1);
        let numbers = Numbers::new(0, &budget);
        let leaves = Numbers::get(&[&numbers], None);
        assert!(numbers.try_put_of(&sender, 7, Unbound::Keep));
        let leaving = thread::spawn(move || drop(leaves));
        let ending = {
            let sender = sender.clone();
            thread::spawn(move || sender.end())
        };
        leaving.join().expect("ends");
        ending.join().expect("ends");
        assert_eq!(Numbers::get(&[&numbers], None).give_up(), Got::Number(0, 7));
        drop(numbers);
        assert_eq!((sender.left(), budget.used()), (1, 0));
    });
}

/// Who puts while its interpreter ends, as a call that was begun before: whatever comes first, nothing is owed in the end.
#[test]
fn what_is_put_while_its_sender_ends_is_paid_back_when_it_is_got() {
    in_all_orders(3, || {
        let budget = Budget::new(ROOM);
        let sender = Sender::of(2);
        let numbers = Numbers::new(0, &budget);
        let putting = {
            let (numbers, sender) = (numbers.clone(), sender.clone());
            thread::spawn(move || numbers.try_put_of(&sender, 1, Unbound::Keep))
        };
        sender.end();
        assert!(putting.join().expect("ends"));
        assert_eq!(numbers.try_get(), Some(1));
        drop(numbers);
        assert_eq!((sender.left(), budget.used()), (2, 0));
    });
}
