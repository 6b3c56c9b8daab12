//! What one language puts into a queue, another one gets as the same value: through every pair of those that are here.

use std::thread;

use wasm_pool::queue::{Received, Wait};
use wasm_pool::{Outcome, Pool, Queue, QueueOptions, Unbound};

use crate::harness::PATIENCE;
use crate::languages::{Relay, engine, relays};
use crate::values;

const LONG: Wait = Wait::For(PATIENCE);

#[test]
fn every_value_comes_through_every_pair_of_languages_as_it_was() {
    let engine = engine(16);
    let relays = relays(&engine);
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    for first in &relays {
        for second in &relays {
            through(&pool, first, second);
        }
    }
}

fn named(pool: &Pool, name: &str) -> Queue {
    let options = QueueOptions {
        unbound: Unbound::Keep,
        ..QueueOptions::default()
    };
    pool.queues().create_named(name, &options).expect("a queue")
}

/// Host, first, second, host.
fn through(pool: &Pool, first: &Relay, second: &Relay) {
    let way = format!("{} to {}", first.name, second.name);
    let names = ["there", "between", "back"].map(|name| format!("{way} {name}"));
    let [there, between, back] = names.each_ref().map(|name| named(pool, name));
    let sent = values::all(&back);
    let (one, two) = (
        first.start(pool, &names[0], &names[1]),
        second.start(pool, &names[1], &names[2]),
    );
    let feed = there.into_feed();
    let items = sent.clone();
    let fed = thread::spawn(move || items.into_iter().for_each(|item| feed.put(item, LONG).expect("puts")));
    let numbers_are_one = [first, second].iter().any(|relay| relay.name == "js");
    for item in &sent {
        match back.get(LONG) {
            Ok(Received::Item(came)) => values::assert_same(&way, item, &came, numbers_are_one),
            other => panic!(
                "{way}: {other:?} in place of {item:?}; {:?}, {:?}",
                one.join_timeout(PATIENCE / 60),
                two.join_timeout(PATIENCE / 60)
            ),
        }
    }
    fed.join().expect("feeds");
    pool.queues().open(&names[0]).expect("is there").close();
    assert_eq!((&way, one.join().outcome), (&way, Outcome::Exited(0)));
    between.close();
    assert_eq!((&way, two.join().outcome), (&way, Outcome::Exited(0)));
}
