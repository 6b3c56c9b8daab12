//! Guests that make whatever host calls the bytes say, while the host kills, puts, gets and closes.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use wasm_pool::grants::InterpreterGrant;
use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::{
    ByteSize, CallError, Engine, Grants, Interpreter, Item, Limits, Outcome, Pool, Program, Queue, QueueId,
    QueueOptions, Setup, Unbound, Wait,
};

use crate::Target;
use crate::script::Script;

/// The interfaces `queues` and `interpreters`, from a guest's side and from the host's at once.
pub const TARGET: Target = Target {
    name: "actors",
    holds: actors,
    words: &[],
};

/// What ends one guest's part of the bytes and begins the next one's.
const NEXT: u8 = 0xff;

/// The most guests at once; the host's own part comes before theirs.
const GUESTS: usize = 4;

/// The names of the queues that all may open.
const NAMED: [&str; 3] = ["a", "b", "script"];

/// With which code a guest says that the host gave an answer that it cannot give.
const WRONG: i32 = 99;

/// How long a guest may take, waiting included.
const DEADLINE: Duration = Duration::from_millis(60);

/// Nothing of this takes longer, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(20);

static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
    let engine = Engine::builder().instances(24).build().expect("an engine");
    let bytes = include_bytes!("../../tests/guests/actor.wasm");
    Program::from_bytes(&engine, "actor", bytes, &Limits::default()).expect("a component")
});

/// Whatever they do, everybody comes to an end within the deadline, no answer was wrong, the host has not failed, and nothing is left: no life, no
/// queue, no byte.
pub fn actors(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == NEXT);
    let mut host = Script::of(parts.next().unwrap_or_default());
    let first = host.byte();
    let pool = Pool::builder(PROGRAM.engine())
        .workers(1 + usize::from(first & 1))
        .memory(ByteSize::mib(64))
        .queues(40)
        .switch_interval(Duration::from_millis(1))
        .build()
        .expect("a pool");
    let limits = limits(&mut host);
    let queues = NAMED.map(|name| {
        let options = QueueOptions {
            max_size: [1, 3, 100, 0][host.below(4)],
            max_bytes: ByteSize::b([100, 5_000, 1 << 20, 16 << 20][host.below(4)]),
            unbound: [Unbound::Keep, Unbound::Replace, Unbound::Error, Unbound::Remove][host.below(4)],
        };
        let options = if name == "script" {
            QueueOptions::default()
        } else {
            options
        };
        pool.queues().create_named(name, &options).expect("a queue")
    });
    // What a guest finds wrong.
    let stderr = OutputPipe::unbounded();
    let began = Instant::now();
    let mut lives: Vec<Interpreter> = Vec::new();
    for script in parts.take(GUESTS) {
        let script = Item::Bytes(script.to_vec());
        queues[2].put(script, Wait::No).expect("there is room");
        if let Ok(life) = pool.spawn(&PROGRAM, setup(&limits, &stderr)) {
            lives.push(life);
        }
    }
    act(&pool, &mut lives, &queues, (&limits, &stderr), &mut host);
    pool.all_started();
    // Nobody outside can help those who wait any more.
    let queues = if first & 2 == 0 { Some(queues) } else { None };
    for life in &lives {
        // One that waits to be called waits for us.
        let _ = life.close();
        let ending = life.join_timeout(PATIENCE).expect("comes to an end");
        match ending.outcome {
            Outcome::HostError(why) => panic!("{why}"),
            Outcome::Exited(WRONG) => panic!("{}", String::from_utf8_lossy(&stderr.take_all())),
            _ => {}
        }
    }
    drop((lives, queues));
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    nothing_left(&pool);
}

fn limits(host: &mut Script<'_>) -> Limits {
    Limits {
        deadline: Some(DEADLINE),
        cpu_time: Some(DEADLINE),
        memory: ByteSize::mib([8, 2, 32, 4][host.below(4)]),
        messages: ByteSize::b([64 << 20, 0, 1_000, 100_000][host.below(4)]),
        queues: [16, 0, 1, 4][host.below(4)],
        handles: [64, 16, 32, 1_024][host.below(4)],
        output: ByteSize::kib([1_024, 0, 1, 64][host.below(4)]),
        ..Limits::default()
    }
}

fn setup(limits: &Limits, stderr: &OutputPipe) -> Setup {
    Setup {
        limits: limits.clone(),
        grants: Grants {
            queues: NAMED.map(str::to_owned).to_vec(),
            interpreters: Some(InterpreterGrant {
                count: 4,
                depth: 2,
                programs: [("other".to_owned(), PROGRAM.clone())].into(),
            }),
            ..Grants::default()
        },
        stdio: Stdio {
            stderr: Output::Pipe(stderr.clone()),
            ..Stdio::default()
        },
        ..Setup::default()
    }
}

/// The host's own part.
fn act(
    pool: &Pool,
    lives: &mut Vec<Interpreter>,
    queues: &[Queue],
    (limits, stderr): (&Limits, &OutputPipe),
    host: &mut Script<'_>,
) {
    while !host.is_over() {
        let choice = host.byte();
        let queue = &queues[host.below(2)];
        let life = match lives.len() {
            0 => None,
            count => lives.get(host.below(count)),
        };
        match choice % 16 {
            0 | 1 => life.into_iter().for_each(Interpreter::kill),
            2 => queue.close(),
            3 | 4 => drop(queue.put(vec![0u8; host.below(200)], Wait::No)),
            5 => drop(queue.put(queue.clone(), Wait::No)),
            6 => drop(life.map(|life| queue.put(Item::Interpreter(life.clone()), Wait::No))),
            7 | 8 => drop(queue.get(Wait::No)),
            9 => drop(queue.get_many(host.below(9), Wait::For(Duration::from_micros(host.byte().into())))),
            10 => drop(Queue::select(
                &[queue, &queues[0]],
                Wait::For(Duration::from_micros(host.byte().into())),
            )),
            11 => drop(pool.queues().from_id(QueueId::new(host.number()))),
            12 if lives.len() < 2 * GUESTS => {
                if let Ok(callable) = pool.create(&PROGRAM, setup(limits, stderr)) {
                    lives.push(callable);
                }
            }
            13 => {
                let part: Vec<u8> = (0..host.below(40)).map(|_| host.byte()).collect();
                let called = life.map(|life| life.call("run", vec![Item::Bytes(part)]));
                if let Some(Err(CallError::Failed(failed))) = called {
                    let wrong = failed.kind == "host-error" || failed.kind == format!("exited({WRONG})");
                    assert!(!wrong, "{failed} {}", String::from_utf8_lossy(&stderr.take_all()));
                }
            }
            14 => drop(life.map(|life| life.join_timeout(Duration::from_micros(host.byte().into())))),
            15 if choice == 255 => pool.kill_all(),
            _ => std::thread::yield_now(),
        }
    }
}

/// Everybody is gone, and everything that they had.
fn nothing_left(pool: &Pool) {
    let until = Instant::now() + PATIENCE;
    let eventually = |what: &str, holds: &dyn Fn() -> bool| {
        while !holds() {
            assert!(
                Instant::now() < until,
                "never came: {what}; {pool:?}, {} used",
                pool.budget().used()
            );
            std::thread::park_timeout(Duration::from_micros(200));
        }
    };
    eventually("everybody is gone", &|| pool.alive() == 0);
    for queue in NAMED.map(|name| pool.queues().open(name).expect("lives as long as the pool")) {
        queue.close();
        while queue.get(Wait::No) != Err(wasm_pool::queue::GetError::Closed) {}
    }
    eventually("the queues of the guests are gone", &|| {
        pool.queues().len() == NAMED.len()
    });
    // A named queue keeps one step of the budget.
    eventually("the memory is back", &|| {
        pool.budget().used() <= NAMED.len() as u64 * 8_192
    });
}
