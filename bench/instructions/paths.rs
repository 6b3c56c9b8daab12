//! The hot paths whose instructions `check` beside this file counts: `paths PATH COUNT` goes so often down one of them.
//!
//! One worker, and work that is handed over at once, so that as little as may be depends on who runs first.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::os::unix::process::CommandExt;
use std::path::Path as FilePath;
use std::process::Command;
use std::sync::Arc;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use wasm_pool::calls::{Batch, Returned};
use wasm_pool::stdio::{Output, Stdio};
use wasm_pool::value::Val;
use wasm_pool::{
    ByteSize, Cache, Engine, Executor, Grants, Limits, Outcome, Path, Pool, Program, QueueOptions, Reuse, Setup,
    Unbound, Wait,
};

/// A command that does nothing.
const EMPTY: &[u8] = br#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// As many as Valgrind has addresses for.
const INSTANCES: u32 = 8;

/// Calls that are handed over at once, as a map does.
const BATCH: u32 = 256;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (path, count) = match words.as_slice() {
        ["count", profile, path, count] => return count_instructions(profile, &[path, count]),
        [path, count] => (*path, count.parse().expect("a number")),
        _ => return println!("`bench/instructions/check` runs this"),
    };
    match path {
        "life" => lives(count),
        "direct-call" => direct_calls(count),
        "fiber-call" => fiber_calls(count),
        "queue-hand-over" => hand_overs(count),
        "map-item" => map_items(count, Reuse::Fresh),
        "map-item-reused" => map_items(count, Reuse::ALWAYS),
        other => panic!("there is no path `{other}`"),
    }
}

/// Becomes Valgrind that runs this program with these words, counts, and leaves where they were executed in a file.
fn count_instructions(profile: &str, words: &[&str]) {
    // Engines reserve addresses by this limit, and Valgrind 3.19 has no more of them.
    const ADDRESSES: u64 = 64 << 30;
    let addresses = rustix::process::Rlimit {
        current: Some(ADDRESSES),
        maximum: Some(ADDRESSES),
    };
    rustix::process::setrlimit(rustix::process::Resource::As, addresses).expect("a lower limit");
    refuse_auxv();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no"]);
    valgrind.arg(format!("--cachegrind-out-file={profile}"));
    valgrind.arg(std::env::current_exe().expect("its own path")).args(words);
    panic!("valgrind: {}", valgrind.exec());
}

/// The kernel tells by `prctl` where its vDSO is, which is not there under Valgrind; without that answer rustix reads a file that
/// Valgrind makes up.
fn refuse_auxv() {
    const PR_GET_AUXV: u64 = 0x4155_5856;
    let asked = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, PR_GET_AUXV).expect("a condition");
    let rules = [(libc::SYS_prctl, vec![SeccompRule::new(vec![asked]).expect("a rule")])].into();
    let refused = SeccompAction::Errno(libc::EINVAL.cast_unsigned());
    let here = std::env::consts::ARCH.try_into().expect("a known processor");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, here).expect("a filter");
    let filter: BpfProgram = filter.try_into().expect("compiles");
    seccompiler::apply_filter(&filter).expect("holds");
}

/// Compiled code is kept beside the program: under Valgrind the compiler takes seconds.
fn engine() -> Engine {
    let program = std::env::current_exe().expect("its own path");
    let folder = program.with_file_name("instructions-cache");
    let cache = Cache::open(folder).expect("a cache");
    Engine::builder()
        .instances(INSTANCES)
        .cache(cache)
        .build()
        .expect("an engine")
}

fn program(engine: &Engine, bytes: &[u8]) -> Program {
    Program::from_bytes(engine, "guest", bytes, &Limits::default()).expect("loads")
}

/// A guest of the tests.
fn guest(engine: &Engine, name: &str) -> Program {
    let path = FilePath::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/guests")
        .join(name);
    program(engine, &std::fs::read(path).expect("reads the guest"))
}

fn pool(engine: &Engine) -> Pool {
    Pool::builder(engine).workers(1).build().expect("a pool")
}

/// Spawn, run, end; each is spawned at the end of the one before, by the worker.
fn lives(count: u32) {
    let engine = engine();
    let (pool, program) = (pool(&engine), program(&engine, EMPTY));
    live(pool.clone(), program, Arc::new(Setup::default()), count);
    pool.join_all();
}

fn live(pool: Pool, program: Program, setup: Arc<Setup>, left: u32) {
    let (next, same) = (pool.clone(), program.clone());
    let again = Arc::clone(&setup);
    let then = move |_, ending: &wasm_pool::Ending| {
        assert!(ending.outcome.is_success());
        if left > 1 {
            live(next, same, again, left - 1);
        }
    };
    pool.spawn_then(&program, setup, then).expect("starts");
}

fn executor(pool: &Pool, program: &Program, path: Path, reuse: Reuse) -> Executor {
    let builder = Executor::builder(pool, program).path(path).reuse(reuse);
    builder.interpreters(1).build().expect("an executor")
}

fn direct_calls(count: u32) {
    let engine = engine();
    let (pool, program) = (pool(&engine), guest(&engine, "plugin.wasm"));
    let executor = executor(&pool, &program, Path::Direct, Reuse::ALWAYS);
    let bind = |store: &mut wasmtime::Store<wasm_pool::Guest>, instance: &wasmtime::component::Instance| {
        instance.get_typed_func::<(i32, i32), (i32,)>(store, "add")
    };
    let mut caller = executor.caller(bind).expect("a caller");
    for call in 0..count.cast_signed() {
        let sum = caller.call(|store, add| add.call(store, (call, 1)));
        assert_eq!(sum.expect("adds"), (call + 1,));
    }
}

/// So many calls, one after the other.
struct Calls {
    next: u32,
    end: u32,
}

impl Batch for Calls {
    type Output = ();

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        let more = self.next < self.end;
        if more {
            arguments.extend([Val::S32(self.next.cast_signed()), Val::S32(1)]);
            self.next += 1;
        }
        more
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        assert_eq!(result, Ok(Some(Val::S32(self.next.cast_signed()))));
    }

    fn finish(self) {}
}

fn fiber_calls(count: u32) {
    let engine = engine();
    let (pool, program) = (pool(&engine), guest(&engine, "plugin.wasm"));
    let executor = executor(&pool, &program, Path::Fiber, Reuse::ALWAYS);
    let add = executor.function("add").expect("it exports `add`");
    let calls = Calls { next: 0, end: count };
    let calls = executor.submit_batch(&add, calls).expect("is taken");
    calls.into_result(Wait::Forever).expect("adds");
}

fn map_items(count: u32, reuse: Reuse) {
    let engine = engine();
    let (pool, program) = (pool(&engine), guest(&engine, "plugin.wasm"));
    let executor = executor(&pool, &program, Path::Direct, reuse);
    let add = executor.function("add").expect("it exports `add`");
    for next in (0..count).step_by(BATCH as usize) {
        let calls = Calls {
            next,
            end: count.min(next + BATCH),
        };
        let calls = executor.submit_batch(&add, calls).expect("is taken");
        calls.into_result(Wait::Forever).expect("adds");
    }
}

/// 16 bytes from a guest into a queue and to another guest.
fn hand_overs(count: u32) {
    let engine = engine();
    let (pool, talker) = (pool(&engine), guest(&engine, "talker.wasm"));
    let options = QueueOptions {
        max_size: 1_024,
        max_bytes: ByteSize::mib(16),
        unbound: Unbound::Keep,
    };
    let _queue = pool.queues().create_named("queue", &options).expect("a queue");
    let count = count.to_string();
    let talk = |words: &[&str]| {
        let setup = Setup {
            grants: Grants {
                args: words.iter().map(|word| (*word).to_owned()).collect(),
                queues: vec!["queue".to_owned()],
                ..Grants::default()
            },
            stdio: Stdio {
                stdout: Output::Discard,
                ..Stdio::default()
            },
            ..Setup::default()
        };
        pool.spawn(&talker, setup).expect("starts")
    };
    let both = [
        talk(&["bench-put", "queue", &count, "16", "1"]),
        talk(&["bench-get", "queue", "1"]),
    ];
    for life in both {
        let ending = life.join();
        assert!(ending.outcome.is_success(), "{ending:?}");
    }
}
