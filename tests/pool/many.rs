//! Very many lives of every kind, one after the other and beside each other: nothing of them stays, and the last ones are as fast
//! as the first.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasm_pool::grants::InterpreterGrant;
use wasm_pool::queue::QueueOptions;
use wasm_pool::{Allocation, Engine, Limits, Pool, Program, Queue, Setup, Wait};

use crate::afters::Held;
use crate::{allocations, doing, harness, within};

/// In a process of its own: what other tests open and take is not counted.
const ALONE: &str = "WASM_POOL_TEST_IS_ALONE";

/// Lives of a crew, and how many of them are children.
const CREW: usize = 50;
const CHILDREN: usize = 2;

/// How one who gets ends: with what he got, or with the error that it was lost with whoever put it and ended first.
const GETS: &[&str] = &["exited(0)", "exited(1)"];

/// Crews on each allocator before anything is counted: what is made at first use is there then.
const WARM: usize = 4;

/// What is compared: the first of these parts with the last.
const TENTHS: usize = 10;

/// How fast the last tenth must be at least, of the first one's speed. By processor time: who else uses the machine does not count.
const SLOWEST: f64 = 0.8;

/// How many lives in all: 100,000 where a minute is given for each of the long tests.
fn lives() -> usize {
    let seconds = std::env::var("WASM_POOL_STRESS_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse::<usize>().ok()).unwrap_or(4);
    100_000 * seconds.min(3_600) / 60
}

/// A pool on one allocator, and what lives there.
struct Ship {
    pool: Pool,
    module: Program,
    component: Program,
    talker: Program,
    queue: Queue,
}

impl Ship {
    fn new(allocation: Allocation) -> Ship {
        let engine = Engine::builder().instances(64).allocation(allocation).build();
        let engine = engine.expect("an engine");
        let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
        let program = |path| Program::from_file(&engine, path, &Limits::default()).expect("a program");
        let queue = pool.queues().create_named("pass", &QueueOptions::default());
        let queue = queue.expect("a queue");
        // From its first item on a queue keeps a little of the budget; whether one lies in it in the first lives is chance.
        queue.put("x", Wait::No).expect("there is room");
        assert!(queue.get(Wait::No).is_ok());
        Ship {
            module: program(harness::probe_p1()),
            component: program(harness::probe_p2()),
            talker: program(harness::root().join("tests/guests/talker.wasm")),
            queue,
            pool,
        }
    }

    /// The lives of a crew: commands that end in every way, as modules and as components, talkers of which three get what one
    /// puts, and parents with a child.
    fn crew(&self) {
        let mut crew = Vec::with_capacity(CREW);
        let mut join = |program, setup, ends: &'static [&'static str]| {
            crew.push((self.pool.spawn(program, setup).expect("starts"), ends));
        };
        // A component has no codes but 0 and 1.
        for (program, rounds, code) in [(&self.module, 4, &["exited(3)"]), (&self.component, 3, &["exited(1)"])] {
            for _ in 0..rounds {
                join(program, doing(&["args", "x"]), &["exited(0)"]);
                join(program, doing(&["exit", "3"]), code);
                join(program, doing(&["allocate", "300000"]), &["exited(0)"]);
                let short = Duration::from_millis(2);
                join(program, within(short, doing(&["sleep", "1000"])), &["deadline"]);
            }
            join(program, doing(&["panic", "x"]), &["trapped"]);
        }
        for _ in 0..4 {
            for _ in 0..3 {
                join(&self.talker, talking(&["get-one", "pass"]), GETS);
            }
            join(
                &self.talker,
                talking(&["put-and-end", "pass", "replace"]),
                &["exited(0)"],
            );
        }
        for _ in 0..CHILDREN {
            join(&self.talker, talking(&["create"]), &["exited(0)"]);
        }
        assert_eq!(crew.len() + CHILDREN, CREW);
        for (life, ends) in crew {
            let ending = life.join();
            assert!(ends.contains(&&*ending.outcome.label()), "{ending:?}");
        }
        assert!(self.queue.is_empty());
    }
}

fn talking(words: &[&str]) -> Setup {
    let mut setup = doing(words);
    setup.grants.queues = vec!["pass".to_owned()];
    setup.grants.interpreters = Some(InterpreterGrant {
        count: 1,
        depth: 1,
        programs: BTreeMap::new(),
    });
    setup
}

/// Processor time of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().expect("since its start"),
        time.tv_nsec.try_into().expect("of a second"),
    )
}

#[test]
fn very_many_lives_leave_nothing_and_stay_as_fast() {
    if std::env::var_os(ALONE).is_none() {
        let status = std::process::Command::new(std::env::current_exe().expect("a path"))
            .args([
                "--exact",
                "many::very_many_lives_leave_nothing_and_stay_as_fast",
                "--nocapture",
            ])
            .env(ALONE, "1")
            .status()
            .expect("starts");
        assert!(status.success());
        return;
    }
    let ships = allocations().map(Ship::new);
    let crews = |count: usize| {
        let began = cpu();
        (0..count).for_each(|_| ships.iter().for_each(Ship::crew));
        cpu() - began
    };
    crews(WARM);
    let held = |ship: &Ship| Held::at_rest(&ship.pool).expect("they end");
    let before = ships.each_ref().map(held);
    let tenth = (lives() / TENTHS / CREW / ships.len()).max(1);
    let took: Vec<_> = (0..TENTHS).map(|_| crews(tenth)).collect();
    for (ship, before) in ships.iter().zip(before) {
        before.returns(&ship.pool).expect("nothing stays");
    }
    let (first, last) = (took[0], took[TENTHS - 1]);
    println!(
        "{} lives; a tenth took {first:?} of processor time at first and {last:?} in the end",
        tenth * TENTHS * CREW * ships.len()
    );
    assert!(last.mul_f64(SLOWEST) <= first, "{took:?}");
}
