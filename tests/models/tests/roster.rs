//! Who may begin, and who is waited for: what must hold in every order in which the threads get on.
#![allow(clippy::expect_used)] // a test that cannot go on fails

use models::scheduler::{Life, Roster};
use models::world::{Arc, in_all_orders, thread};

/// Executors that keep places, and lives that take them: never more than there are.
#[test]
fn places_are_given_once_to_executors_and_to_lives() {
    in_all_orders(3, || {
        let roster = Arc::new(Roster::new());
        let executor = {
            let roster = Arc::clone(&roster);
            thread::spawn(move || {
                if !roster.reserve(2, 3) {
                    return;
                }
                let call = Life::called();
                assert!(roster.list(&call, 3), "its place is kept");
                assert!(roster.len() <= 3);
                roster.strike(&call);
                roster.release(2);
            })
        };
        let lives: Vec<_> = (0..2).map(|_| Life::new()).collect();
        let listed: Vec<_> = lives.iter().filter(|life| roster.list(life, 3)).collect();
        assert!(!listed.is_empty(), "an executor leaves one place of three");
        assert!(roster.len() <= 3);
        listed.into_iter().for_each(|life| roster.strike(life));
        executor.join().expect("ends");
        assert_eq!(roster.len(), 0);
        assert!(roster.reserve(3, 3), "all places came back");
    });
}

/// A life that begins while all are ended is ended too, or does not begin.
#[test]
fn nobody_begins_unseen_beside_the_end_of_all() {
    in_all_orders(3, || {
        let roster = Arc::new(Roster::new());
        let beginning: Vec<_> = (0..2)
            .map(|_| {
                let roster = Arc::clone(&roster);
                thread::spawn(move || {
                    let life = Life::new();
                    (roster.list(&life, 2), life)
                })
            })
            .collect();
        roster.end_all();
        for beginning in beginning {
            let (listed, life) = beginning.join().expect("ends");
            assert_eq!(listed, life.was_ended());
        }
    });
}

/// Whoever waits for the last life to go and overlooks that it went waits for ever, which loom reports as a deadlock.
#[test]
fn who_waits_for_the_last_life_hears_of_its_end() {
    in_all_orders(3, || {
        let roster = Arc::new(Roster::new());
        let lives: Vec<_> = (0..2).map(|_| Life::new()).collect();
        assert!(lives.iter().all(|life| roster.list(life, 2)));
        let going: Vec<_> = lives
            .into_iter()
            .map(|life| {
                let roster = Arc::clone(&roster);
                thread::spawn(move || roster.strike(&life))
            })
            .collect();
        roster.wait_until_none();
        assert_eq!(roster.len(), 0);
        for going in going {
            going.join().expect("ends");
        }
    });
}
