//! What it does with queues.

use std::time::{Duration, Instant};

use wasm_pool_guest::{
    Child, Encoded, Interpreter, InterpreterId, Item, Queue, QueueError, Unbound, after, select, wait,
};

use crate::number;

/// Does what the words say; `false` when they say nothing of queues.
pub(crate) fn run(words: &[&str]) -> bool {
    match *words {
        ["smoke"] => show(smoke()),
        ["bounds"] => show(bounds()),
        ["timeouts"] => show(timeouts()),
        ["closing"] => show(closing()),
        ["kinds"] => show(kinds()),
        ["many"] => show(many()),
        ["selecting"] => show(selecting()),
        ["polling"] => show(polling()),
        ["mistaken"] => show(mistaken()),
        ["watching"] => show(watching()),
        ["guess", up_to] => guess(number(up_to)),
        ["time-guesses", theirs, none] => time_guesses(number(theirs), number(none)),
        ["hoard"] => hoard(),
        ["flood", queue, bytes] => flood(queue, number(bytes)),
        ["too-large"] => show(too_large()),
        ["produce", queue, count] => show(produce(queue, number(count))),
        ["consume", queue] => show(consume(queue)),
        ["relay", from, to] => show(relay(from, to)),
        ["ping", there, back, rounds] => show(ping(there, back, number(rounds))),
        ["put-and-end", queue, policy] => show(put_and_end(queue, policy)),
        ["get-one", queue] => show(get_one(queue)),
        ["wait", queue] => show(wait_for(queue)),
        ["wait-own"] => show(wait_own()),
        ["never-wait", queue] => show(never_wait(queue)),
        ["poll-wait", queue] => show(poll_wait(queue)),
        ["wait-some-time", queue, ms] => show(wait_some_time(queue, number(ms))),
        ["swap", first, second] => show(swap(first, second)),
        ["bytes-there-and-back", there, back] => show(bytes(there, back)),
        ["nest"] => show(nest()),
        ["bench-put", queue, count, size, batch] => show(bench_put(queue, number(count), number(size), number(batch))),
        ["bench-get", queue, batch] => show(bench_get(queue, number(batch))),
        ["get-then-wait", first, second] => show(get_then_wait(first, second)),
        ["bench-pong", there, back] => show(bench_pong(there, back)),
        ["directions", gets, puts] => show(directions(gets, puts)),
        ["close", queue] => show(Queue::<Item>::open(queue).map(|queue| queue.close())),
        _ => return false,
    }
    true
}

/// Prints how it ended; an error is the guest's failure.
fn show(done: Result<(), QueueError>) {
    if let Err(error) = done {
        println!("error: {error:?}");
        std::process::exit(1);
    }
}

fn smoke() -> Result<(), QueueError> {
    let queue: Queue<u32> = Queue::create()?;
    println!("id {} max {}", queue.id(), queue.max_size());
    println!("{:?}", queue.try_get());
    queue.put(&7)?;
    queue.try_put(&8)?;
    println!(
        "size {} empty {} full {}",
        queue.qsize(),
        queue.is_empty(),
        queue.is_full()
    );
    println!("{} {}", queue.get()?, queue.try_get()?);
    let again: Queue<u32> = Queue::from_id(queue.id())?;
    again.put(&9)?;
    println!("{}", queue.get()?);
    Ok(())
}

fn bounds() -> Result<(), QueueError> {
    let one: Queue<u32> = Queue::<u32>::builder().max_size(1).create()?;
    one.put(&1)?;
    println!("{:?} full {}", one.try_put(&2), one.is_full());
    let bytes: Queue<String> = Queue::<String>::builder().max_size(0).max_bytes(200).create()?;
    bytes.put(&"x".repeat(136))?;
    println!("{:?}", bytes.try_put(&String::new()));
    println!("{:?}", bytes.try_put(&"x".repeat(137)));
    println!("{:?}", Queue::<u32>::builder().max_bytes(1).create::<u32>().map(drop));
    Ok(())
}

fn timeouts() -> Result<(), QueueError> {
    let queue: Queue<u32> = Queue::<u32>::builder().max_size(1).create()?;
    let began = Instant::now();
    println!("{:?}", queue.get_timeout(Duration::from_millis(500)));
    let waited = began.elapsed();
    println!("half a second: {}", (450..1000).contains(&waited.as_millis()));
    println!("{:?}", queue.get_timeout(Duration::ZERO));
    queue.put_timeout(&1, Duration::MAX)?;
    println!("{:?}", queue.put_timeout(&2, Duration::from_millis(20)));
    println!("{:?}", queue.get_timeout(Duration::MAX));
    Ok(())
}

fn closing() -> Result<(), QueueError> {
    let queue: Queue<u32> = Queue::create()?;
    queue.put(&1)?;
    queue.close();
    queue.close();
    println!("{:?} {:?}", queue.put(&2), queue.try_put(&2));
    println!("{:?} {:?} {:?}", queue.get(), queue.get(), queue.try_get());
    println!("closed {} iter {:?}", queue.is_closed(), queue.iter().next());
    Ok(())
}

/// Every kind of item, there and back.
fn kinds() -> Result<(), QueueError> {
    let queue: Queue<Item> = Queue::create()?;
    let other: Queue<Item> = Queue::create()?;
    let items = [
        Item::None,
        Item::Bool(true),
        Item::S64(i64::MIN),
        Item::F64(f64::NEG_INFINITY),
        Item::String("grüß".to_owned()),
        Item::Bytes(vec![0, 255]),
        Item::Queue(other.clone()),
    ];
    for item in &items {
        queue.put(item)?;
    }
    for _ in &items {
        match queue.get()? {
            Item::Queue(queue) => println!("queue {}", queue.id() == other.id()),
            item => println!("{item:?}"),
        }
    }
    println!(
        "{:?}",
        queue.cast::<Vec<(String, f64)>>().put(&vec![("a".to_owned(), 0.5)])
    );
    Ok(())
}

fn many() -> Result<(), QueueError> {
    let queue: Queue<u32> = Queue::<u32>::builder().max_size(3).create()?;
    println!("{:?}", queue.put_many(&[1, 2, 3]));
    println!("{:?}", queue.get_many(2)?);
    queue.close();
    println!("{:?}", queue.put_many(&[4, 5]));
    println!("{:?} {:?}", queue.get_many(10)?, queue.get_many(10));
    Ok(())
}

fn selecting() -> Result<(), QueueError> {
    let (a, b) = (Queue::<u32>::create()?, Queue::<u32>::create()?);
    println!("{:?}", select(&[&a, &b], Some(Duration::from_millis(10))));
    b.put(&5)?;
    println!("{:?}", select(&[&a, &b], None));
    a.put(&1)?;
    b.put(&2)?;
    println!("{:?} {:?}", select(&[&a, &b], None), select(&[&a, &b], None));
    b.close();
    println!("{:?}", select(&[&a, &b], None));
    println!("{:?}", select::<u32>(&[], None));
    Ok(())
}

fn polling() -> Result<(), QueueError> {
    let queue: Queue<u32> = Queue::<u32>::builder().max_size(1).create()?;
    let (get, put) = (queue.ready_to_get(), queue.ready_to_put());
    println!("{:?}", wait(&[&get, &after(Duration::from_millis(10))]));
    println!("get {} put {}", get.is_ready(), put.is_ready());
    queue.put(&1)?;
    println!("get {} put {}", get.is_ready(), put.is_ready());
    println!("{:?}", wait(&[&after(Duration::from_secs(100)), &get]));
    queue.get()?;
    queue.close();
    println!("get {} put {}", get.is_ready(), put.is_ready());
    Ok(())
}

/// What came is not what was expected; the queue goes on.
fn mistaken() -> Result<(), QueueError> {
    let queue: Queue<Item> = Queue::create()?;
    let numbers: Queue<u32> = Queue::from_id(queue.id())?;
    let encoded = |media_type: &str, bytes: &[u8]| {
        Item::Encoded(Encoded {
            media_type: media_type.to_owned(),
            bytes: bytes.to_vec(),
        })
    };
    queue.put(&Item::String("seven".to_owned()))?;
    queue.put(&encoded("text/x-roman", b"VII"))?;
    queue.put(&encoded("application/cbor", b"\xff"))?;
    queue.put(&encoded("text/x-roman", b"VII"))?;
    println!("{:?}", queue.put(&encoded(&"x".repeat(256), b"")));
    println!("{:?}", queue.put(&Item::Interpreter(InterpreterId(u64::MAX))));
    queue.put(&Item::S64(7))?;
    for _ in 0..3 {
        println!("{:?}", numbers.get());
    }
    println!("{:?} {:?}", queue.get()?, numbers.get());
    Ok(())
}

/// Several queues, a time and the end of a call at once.
fn watching() -> Result<(), QueueError> {
    let (a, b): (Queue<Item>, Queue<Item>) = (Queue::create()?, Queue::create()?);
    let child = Interpreter::create().unwrap_or_else(|_| std::process::abort());
    let call = child.call_in_thread::<Item>("get", (a.clone(),));
    let call = call.unwrap_or_else(|_| std::process::abort());
    let (end, item, room) = (call.ready(), b.ready_to_get(), b.ready_to_put());
    println!("{:?}", wait(&[&end, &item, &after(Duration::from_millis(10))]));
    b.put(&Item::None)?;
    println!("{:?}", wait(&[&end, &item, &room, &after(Duration::from_secs(100))]));
    b.get()?;
    a.put(&Item::S64(5))?;
    println!("{:?}", wait(&[&end, &item, &after(Duration::from_secs(100))]));
    println!("{:?}", call.join());
    Ok(())
}

fn guess(up_to: u64) {
    let found = (0..up_to)
        .chain([u64::MAX])
        .filter(|id| Queue::<u32>::from_id(*id).is_ok());
    println!("found {}", found.count());
}

/// How long it takes to hear that there is no such queue, of one id and of another, in nanoseconds: the medians of many times.
fn time_guesses(theirs: u64, none: u64) {
    let once = |id: u64| {
        let began = Instant::now();
        let found = (0..100).filter(|_| Queue::<u32>::from_id(id).is_ok()).count();
        (began.elapsed().as_nanos() / 100, found)
    };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..1_001 {
        for (id, times) in [theirs, none].into_iter().zip(&mut times) {
            let (time, found) = once(id);
            times.push(time);
            if found > 0 {
                println!("found {id}");
            }
        }
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    println!("{} {}", times[0][500], times[1][500]);
}

fn hoard() {
    let mut queues = Vec::new();
    let why = loop {
        match Queue::<u32>::create() {
            Ok(queue) => queues.push(queue),
            Err(why) => break why,
        }
    };
    println!("{} queues, then: {why}", queues.len());
}

fn flood(queue: &str, bytes: u64) {
    let why = loop {
        let queue = match queue {
            "own" => Queue::<u32>::builder().max_size(0).max_bytes(1 << 40).create(),
            name => Queue::open(name),
        };
        let put = queue.and_then(|queue: Queue<String>| {
            let text = "x".repeat(usize::try_from(bytes).unwrap_or_default());
            loop {
                queue.put(&text)?;
            }
        });
        if let Err::<(), _>(why) = put {
            break why;
        }
    };
    println!("flooded until: {why}");
}

fn too_large() -> Result<(), QueueError> {
    let queue: Queue<String> = Queue::<u32>::builder().max_bytes(1 << 10).create()?;
    println!("{:?}", queue.put(&"x".repeat(1 << 20)));
    println!(
        "{:?} {:?}",
        queue.put(&"x".repeat(1024 - 64)),
        queue.get().map(|text| text.len())
    );
    println!("{:?} {:?}", queue.put(&String::new()), queue.get());
    Ok(())
}

fn produce(queue: &str, count: u64) -> Result<(), QueueError> {
    let queue: Queue<u64> = Queue::open(queue)?;
    (0..count).try_for_each(|number| queue.put(&number))
}

fn consume(queue: &str) -> Result<(), QueueError> {
    let queue: Queue<u64> = Queue::open(queue)?;
    let (count, sum) = queue
        .iter()
        .fold((0, 0), |(count, sum), number| (count + 1, sum + number));
    println!("{count} {sum}");
    Ok(())
}

fn relay(from: &str, to: &str) -> Result<(), QueueError> {
    let (from, to) = (Queue::<Item>::open(from)?, Queue::<Item>::open(to)?);
    from.iter().try_for_each(|item| to.put(&item))
}

fn ping(there: &str, back: &str, rounds: u64) -> Result<(), QueueError> {
    let (there, back) = (Queue::<u64>::open(there)?, Queue::<u64>::open(back)?);
    for round in 0..rounds {
        there.put(&round)?;
        if back.get()? != round {
            return Err(QueueError::Invalid("another answer".to_owned()));
        }
    }
    there.close();
    println!("{rounds} rounds");
    Ok(())
}

fn put_and_end(queue: &str, policy: &str) -> Result<(), QueueError> {
    let queue: Queue<u64> = Queue::open(queue)?;
    let unbound = match policy {
        "replace" => Some(Unbound::Replace),
        "error" => Some(Unbound::Error),
        "remove" => Some(Unbound::Remove),
        _ => None,
    };
    (1..=3).try_for_each(|number| queue.put_with(&number, None, unbound))
}

fn get_one(queue: &str) -> Result<(), QueueError> {
    println!("{:?}", Queue::<Item>::open(queue)?.get()?);
    Ok(())
}

fn wait_for(queue: &str) -> Result<(), QueueError> {
    println!("{:?}", Queue::<u64>::open(queue)?.get());
    Ok(())
}

fn wait_own() -> Result<(), QueueError> {
    println!("{:?}", Queue::<u64>::create()?.get());
    Ok(())
}

/// Looks again and again, until there is something.
fn never_wait(queue: &str) -> Result<(), QueueError> {
    let queue: Queue<u64> = Queue::open(queue)?;
    loop {
        match queue.try_get() {
            Err(QueueError::Empty) => {}
            other => return other.map(|number| println!("{number}")),
        }
    }
}

fn poll_wait(queue: &str) -> Result<(), QueueError> {
    println!("{:?}", wait(&[&Queue::<u64>::open(queue)?.ready_to_get()]));
    Ok(())
}

fn wait_some_time(queue: &str, ms: u64) -> Result<(), QueueError> {
    println!(
        "{:?}",
        Queue::<u64>::open(queue)?.get_timeout(Duration::from_millis(ms))
    );
    Ok(())
}

/// Waits for something from the first before it puts into the second.
fn swap(first: &str, second: &str) -> Result<(), QueueError> {
    let number = Queue::<u64>::open(first)?.get()?;
    Queue::<u64>::open(second)?.put(&number)
}

fn bytes(there: &str, back: &str) -> Result<(), QueueError> {
    let (there, back) = (Queue::<Item>::open(there)?, Queue::<Item>::open(back)?);
    there.iter().try_for_each(|item| back.put(&item))
}

/// A queue in itself, and a chain of queues.
fn nest() -> Result<(), QueueError> {
    let queue: Queue<Item> = Queue::create()?;
    queue.put(&Item::Queue(queue.clone()))?;
    let mut chain: Queue<Item> = Queue::create()?;
    for _ in 0..200 {
        let next = Queue::create()?;
        next.put(&Item::Queue(chain))?;
        chain = next;
    }
    println!("nested");
    Ok(())
}

/// Puts `count` items of so many bytes, `batch` in a call.
fn bench_put(queue: &str, count: u64, size: u64, batch: u64) -> Result<(), QueueError> {
    let queue: Queue<Item> = Queue::open(queue)?;
    let bytes = vec![7u8; usize::try_from(size).unwrap_or_default()];
    let mut left = count;
    while left > 0 {
        if batch <= 1 {
            queue.put_item(Item::Bytes(bytes.clone()))?;
            left -= 1;
        } else {
            let items: Vec<_> = (0..batch.min(left)).map(|_| Item::Bytes(bytes.clone())).collect();
            queue.put_items(items).map_err(|(_, error)| error)?;
            left -= batch.min(left);
        }
    }
    queue.close();
    Ok(())
}

/// Gets all that there is, `batch` in a call; prints how many bytes.
fn bench_get(queue: &str, batch: u64) -> Result<(), QueueError> {
    let queue: Queue<Item> = Queue::open(queue)?;
    let length = |item: &Item| match item {
        Item::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    let mut all = 0;
    if batch <= 1 {
        all += queue.iter().map(|item| length(&item)).sum::<usize>();
    } else {
        let batch = u32::try_from(batch).unwrap_or(1);
        while let Ok(items) = queue.get_many(batch) {
            all += items.iter().flatten().map(length).sum::<usize>();
        }
    }
    println!("{all}");
    Ok(())
}

/// Gets one item, and waits until the second queue is closed.
fn get_then_wait(first: &str, second: &str) -> Result<(), QueueError> {
    let (first, second) = (Queue::<Item>::open(first)?, Queue::<Item>::open(second)?);
    first.get()?;
    second.iter().for_each(drop);
    Ok(())
}

/// Everything that it may not do with a queue that it may only get from and one that it may only put into, and that the
/// other half works.
fn directions(gets: &str, puts: &str) -> Result<(), QueueError> {
    let (gets, puts) = (Queue::<Item>::open(gets)?, Queue::<Item>::open(puts)?);
    refused_puts(&gets);
    refused_gets(&puts);
    println!(
        "select {:?}",
        select(&[&gets, &puts], None).map(|(at, got)| (at, got.map(drop)))
    );
    // However it comes by another handle.
    let own: Queue<Item> = Queue::create()?;
    own.put(&Item::Queue(gets.clone()))?;
    own.put(&Item::Queue(puts.clone()))?;
    for (name, given) in [("gets", own.get()?), ("puts", own.get()?)] {
        let Item::Queue(given) = given else {
            return Err(QueueError::Empty);
        };
        let again = Queue::<Item>::from_id(given.id())?;
        let shared = given.clone();
        println!(
            "{name} {:?}",
            [&given, &again, &shared].map(|queue| match name {
                "gets" => queue.try_put(&Item::None).is_err(),
                _ => matches!(queue.try_get(), Err(QueueError::Invalid(_))),
            })
        );
    }
    // Neither waits for what will never be.
    let (room, item) = (gets.ready_to_put(), puts.ready_to_get());
    println!("ready {:?}", wait(&[&room, &item]));
    println!("{:?}", gets.get()?);
    puts.put(&Item::S64(2))?;
    puts.put_many(&[Item::S64(3)]).map_err(|(_, error)| error)?;
    let child = Child::default().with_queues().create();
    let child = child.unwrap_or_else(|_| std::process::abort());
    for name in ["gets", "puts"] {
        println!("child {:?}", child.call::<String>("try_named", (name.to_owned(),)));
    }
    puts.close();
    println!("closed {}", puts.is_closed());
    Ok(())
}

fn refused_puts(queue: &Queue<Item>) {
    println!("put {:?}", queue.put(&Item::None));
    println!("try {:?}", queue.try_put(&Item::None));
    println!("many {:?}", queue.put_many(&[Item::None, Item::None]));
    queue.close();
    println!("closed {}", queue.is_closed());
}

fn refused_gets(queue: &Queue<Item>) {
    println!("get {:?}", queue.get().map(drop));
    println!("try {:?}", queue.try_get().map(drop));
    println!("many {:?}", queue.get_many(5).map(drop));
    println!("time {:?}", queue.get_timeout(Duration::from_millis(1)).map(drop));
}

/// Answers whatever comes.
fn bench_pong(there: &str, back: &str) -> Result<(), QueueError> {
    let (there, back) = (Queue::<Item>::open(there)?, Queue::<Item>::open(back)?);
    for item in &there {
        back.put_item(item)?;
    }
    Ok(())
}
