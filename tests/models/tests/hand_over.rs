//! A queue's wake-ups and hand-overs: what must hold in every order in which the threads get on.
#![allow(clippy::expect_used)] // a test that cannot go on fails

use models::budget::Budget;
use models::queue::{Got, Numbers};
use models::scheduler::Life;
use models::world::{in_all_orders, thread};

fn queue(max_size: u32) -> Numbers {
    Numbers::new(max_size, &Budget::new(1 << 20))
}

/// Whoever falls asleep beside a number that all overlook sleeps for ever, which loom reports as a deadlock.
#[test]
fn a_number_that_comes_while_somebody_falls_asleep_wakes_him() {
    in_all_orders(3, || {
        let numbers = queue(1);
        let getting = {
            let numbers = numbers.clone();
            thread::spawn(move || Numbers::get(&[&numbers], None).wait())
        };
        assert!(numbers.try_put(7));
        assert_eq!(getting.join().expect("ends"), Got::Number(0, 7));
    });
}

#[test]
fn whoever_came_first_is_served_first() {
    in_all_orders(2, || {
        let numbers = queue(0);
        let getting: Vec<_> = (0..2)
            .map(|_| Numbers::get(&[&numbers], None))
            .map(|getting| thread::spawn(move || getting.wait()))
            .collect();
        assert!(numbers.try_put(0));
        assert!(numbers.try_put(1));
        for (number, getting) in (0..).zip(getting) {
            assert_eq!(getting.join().expect("ends"), Got::Number(0, number));
        }
    });
}

/// Two who put and two who get: each number once, and those of one who puts in his order.
#[test]
fn no_number_is_lost_or_doubled_between_those_who_put_and_those_who_get() {
    in_all_orders(2, || {
        let numbers = queue(1);
        let getting = {
            let numbers = numbers.clone();
            thread::spawn(move || {
                let get = || Numbers::get(&[&numbers], None).wait();
                [get(), get()]
            })
        };
        let putting = {
            let numbers = numbers.clone();
            thread::spawn(move || numbers.put(10, None).put_in_the_end())
        };
        assert!(numbers.put(20, None).put_in_the_end());
        assert!(putting.join().expect("ends"));
        let mut got = getting.join().expect("ends");
        got.sort_by_key(|got| matches!(got, Got::Number(0, 20)));
        assert_eq!(got, [Got::Number(0, 10), Got::Number(0, 20)]);
        assert_eq!(numbers.try_get(), None);
    });
}

/// A wait that is dropped while its number is handed over gives it to the next who waits.
#[test]
fn who_leaves_takes_no_number_along_and_the_next_one_gets_it() {
    in_all_orders(3, || {
        let numbers = queue(0);
        let (leaves, stays) = (Numbers::get(&[&numbers], None), Numbers::get(&[&numbers], None));
        let leaving = thread::spawn(move || drop(leaves));
        let staying = thread::spawn(move || stays.wait());
        assert!(numbers.try_put(7));
        leaving.join().expect("ends");
        assert_eq!(staying.join().expect("ends"), Got::Number(0, 7));
    });
}

#[test]
fn who_leaves_with_nobody_behind_puts_the_number_back() {
    in_all_orders(3, || {
        let numbers = queue(0);
        let leaves = Numbers::get(&[&numbers], None);
        let leaving = thread::spawn(move || drop(leaves));
        assert!(numbers.try_put(7));
        assert!(numbers.try_put(8));
        leaving.join().expect("ends");
        assert_eq!((numbers.try_get(), numbers.try_get()), (Some(7), Some(8)));
    });
}

/// Whose time is over has the number or leaves it, and knows which.
#[test]
fn who_gives_up_knows_whether_he_was_served() {
    in_all_orders(3, || {
        let numbers = queue(0);
        let life = Life::new();
        let getting = Numbers::get(&[&numbers], Some(&life));
        let giving_up = thread::spawn(move || getting.give_up());
        assert!(numbers.try_put(7));
        let given_up = giving_up.join().expect("ends");
        match given_up {
            Got::Nothing => assert_eq!(numbers.try_get(), Some(7)),
            got => assert_eq!((got, numbers.try_get()), (Got::Number(0, 7), None)),
        }
        assert!(!life.stands_still());
    });
}

#[test]
fn room_that_comes_while_somebody_falls_asleep_wakes_him() {
    in_all_orders(3, || {
        let numbers = queue(1);
        assert!(numbers.try_put(1));
        let putting = {
            let numbers = numbers.clone();
            thread::spawn(move || numbers.put(2, None).put_in_the_end())
        };
        assert_eq!(numbers.try_get(), Some(1));
        assert!(putting.join().expect("ends"));
        assert_eq!(numbers.try_get(), Some(2));
    });
}

/// Who gives up waiting for room has put his number or not; who stands behind him is let in.
#[test]
fn who_leaves_the_line_for_room_leaves_no_hole() {
    in_all_orders(2, || {
        let numbers = queue(1);
        assert!(numbers.try_put(1));
        let leaves = numbers.put(2, None).expect_err("it is full");
        let stays = numbers.put(3, None).expect_err("it is full");
        let leaving = thread::spawn(move || leaves.give_up());
        let staying = thread::spawn(move || stays.wait());
        assert_eq!(numbers.try_get(), Some(1));
        let put = leaving.join().expect("ends");
        if put {
            assert_eq!(numbers.try_get(), Some(2));
        }
        assert!(staying.join().expect("ends"));
        assert_eq!((numbers.try_get(), numbers.try_get()), (Some(3), None));
    });
}

/// A batch makes room for several at once.
#[test]
fn a_batch_lets_in_everybody_who_has_room_then() {
    in_all_orders(2, || {
        let numbers = queue(1);
        assert!(numbers.try_put(0));
        let putting: Vec<_> = (1..3)
            .map(|number| numbers.put(number, None).expect_err("it is full"))
            .map(|putting| thread::spawn(move || putting.wait()))
            .collect();
        assert_eq!(numbers.try_get_many(3), [0, 1, 2]);
        assert!(putting.into_iter().all(|putting| putting.join().expect("ends")));
    });
}

#[test]
fn closing_wakes_whoever_waits_or_is_about_to() {
    in_all_orders(2, || {
        let numbers = queue(0);
        let waits = Numbers::get(&[&numbers], None);
        let waiting = thread::spawn(move || waits.wait());
        let coming = {
            let numbers = numbers.clone();
            thread::spawn(move || Numbers::get(&[&numbers], None).wait())
        };
        numbers.close();
        assert_eq!(waiting.join().expect("ends"), Got::Closed(0));
        assert_eq!(coming.join().expect("ends"), Got::Closed(0));
        assert!(!numbers.try_put(1));
    });
}

#[test]
fn closing_wakes_who_waits_for_room_and_keeps_what_was_put() {
    in_all_orders(3, || {
        let numbers = queue(1);
        assert!(numbers.try_put(1));
        let waits = numbers.put(2, None).expect_err("it is full");
        let putting = thread::spawn(move || waits.wait());
        let getting = {
            let numbers = numbers.clone();
            thread::spawn(move || numbers.try_get())
        };
        numbers.close();
        let (put, got) = (putting.join().expect("ends"), getting.join().expect("ends"));
        assert_eq!(got, Some(1));
        assert_eq!(numbers.try_get(), put.then_some(2));
        assert_eq!(Numbers::get(&[&numbers], None).wait(), Got::Closed(0));
    });
}

/// Who waits at two queues is served by one of them; what comes to the other stays there.
#[test]
fn who_waits_at_two_queues_gets_one_number() {
    in_all_orders(2, || {
        let (left, right) = (queue(0), queue(0));
        let selecting = {
            let (left, right) = (left.clone(), right.clone());
            thread::spawn(move || Numbers::get(&[&left, &right], None).wait())
        };
        let putting = {
            let right = right.clone();
            thread::spawn(move || assert!(right.try_put(2)))
        };
        assert!(left.try_put(1));
        putting.join().expect("ends");
        match selecting.join().expect("ends") {
            Got::Number(0, 1) => assert_eq!((left.try_get(), right.try_get()), (None, Some(2))),
            Got::Number(1, 2) => assert_eq!((left.try_get(), right.try_get()), (Some(1), None)),
            got => panic!("{got:?}"),
        }
    });
}

#[test]
fn who_leaves_two_queues_takes_nothing_of_either_along() {
    in_all_orders(2, || {
        let (left, right) = (queue(0), queue(0));
        let leaves = Numbers::get(&[&left, &right], None);
        let leaving = thread::spawn(move || drop(leaves));
        let putting = {
            let right = right.clone();
            thread::spawn(move || assert!(right.try_put(2)))
        };
        assert!(left.try_put(1));
        putting.join().expect("ends");
        leaving.join().expect("ends");
        assert_eq!((left.try_get(), right.try_get()), (Some(1), Some(2)));
    });
}

/// A life that was served and still counts as one that stands still would be ended as deadlocked.
#[test]
fn who_was_served_does_not_stand_still() {
    in_all_orders(2, || {
        let numbers = queue(1);
        let (gets, puts) = (Life::new(), Life::new());
        assert!(numbers.try_put(0));
        let putting = {
            let (numbers, life) = (numbers.clone(), puts.clone());
            thread::spawn(move || numbers.put(1, Some(&life)).put_in_the_end())
        };
        let getting = {
            let (numbers, life) = (numbers.clone(), gets.clone());
            thread::spawn(move || {
                let get = || Numbers::get(&[&numbers], Some(&life)).wait();
                [get(), get()]
            })
        };
        assert!(putting.join().expect("ends"));
        let got = getting.join().expect("ends");
        assert_eq!(got, [Got::Number(0, 0), Got::Number(0, 1)]);
        assert_eq!((gets.stands_still(), puts.stands_still()), (false, false));
    });
}

/// Put at once, or waited for until it was.
trait PutInTheEnd {
    fn put_in_the_end(self) -> bool;
}

impl PutInTheEnd for Result<(), models::queue::Putting> {
    fn put_in_the_end(self) -> bool {
        match self {
            Ok(()) => true,
            Err(putting) => putting.wait(),
        }
    }
}
