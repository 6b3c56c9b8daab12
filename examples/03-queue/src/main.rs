//! A producer and a consumer that share nothing but queues.
//!
//! Instance 0 makes a queue of its own, sends it through `work`, and puts numbers into it; instance 1 opens it by its id and
//! answers through `done`. Any other instance tries to find that queue, and cannot.
use wasm_pool_guest::{Instance, Queue, QueueError};

fn main() -> Result<(), QueueError> {
    match Instance::current().number {
        0 => produce(),
        1 => consume(),
        number => {
            let found = (3..1000).filter(|id| Queue::<u64>::from_id(*id).is_ok()).count();
            println!("instance {number} guessed {found} queues");
            Ok(())
        }
    }
}

fn produce() -> Result<(), QueueError> {
    let numbers = Queue::create()?;
    Queue::open("work")?.put(&numbers)?;
    for number in 1..=1000 {
        numbers.put(&number)?;
    }
    numbers.close();
    // What nobody has got yet would be lost with us: wait for the answer.
    let sum: u64 = Queue::open("done")?.get()?;
    println!("produced 1 to 1000 in queue {}, the answer is {sum}", numbers.id());
    Ok(())
}

fn consume() -> Result<(), QueueError> {
    // Whoever is sent a queue may use it, by its id too.
    let sent: Queue<u64> = Queue::open("work")?.get()?;
    let numbers: Queue<u64> = Queue::from_id(sent.id())?;
    let sum: u64 = numbers.iter().sum();
    println!("consumed queue {}", numbers.id());
    Queue::open("done")?.put(&sum)
}
