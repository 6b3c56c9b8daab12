//! The second wall, from inside: a wall never comes down again, so each case has a process of its own.
//!
//! This test is its own harness. Without a case's name in its environment it runs every case as a process of itself, and with
//! one it is that process: it has one thread when it begins, as a service has that locks itself down.
//!
//! What the kernel here lacks is not checked, and said so: a line `not checked` is no success.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

#[path = "../harness/mod.rs"]
mod harness;

mod calls;
mod files;
mod guests;
mod lacking;
mod threads;

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use wasm_pool::lockdown::{self, Lockdown, Wall};
use wasm_pool::{Engine, Limits, Pool, Program, Setup};

/// What a case does in a folder of its own.
type Case = fn(&Path);

const CASES: &[(&str, Case)] = &[
    ("files_that_nobody_allowed_are_gone_for_workers", files::gone),
    ("each_right_allows_what_it_says_and_no_more", files::rights),
    ("a_second_wall_only_takes_away", files::twice),
    ("nothing_is_started_and_nobody_is_reached", calls::nothing_starts),
    ("a_service_may_keep_its_network", calls::network),
    ("guests_are_compiled_cached_and_run_behind_it", guests::everything),
    ("a_kernel_without_it_stops_nobody_and_is_reported", lacking::kernel),
    ("other_threads_are_bound_too_or_it_is_refused", threads::others),
    ("a_service_that_does_not_ask_is_left_alone", threads::unasked),
];

/// The case of a process.
const CASE: &str = "WASM_POOL_LOCKDOWN_CASE";
/// Its folder.
const FOLDER: &str = "WASM_POOL_LOCKDOWN_FOLDER";

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(CASE) {
        let folder = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
        let (_, case) = CASES.iter().find(|(case, _)| *case == name).expect("a case");
        case(&folder);
        return ExitCode::SUCCESS;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let chosen = |name: &str| {
        let mut words = args.iter().filter(|arg| !arg.starts_with('-')).peekable();
        words.peek().is_none() || words.any(|word| name.contains(word.as_str()))
    };
    let cases = CASES.iter().map(|(name, _)| *name).filter(|name| chosen(name));
    if args.iter().any(|arg| arg == "--list") {
        cases.for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let failed = cases.filter(|name| !passes(name)).count();
    println!("lockdown: {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

/// Runs a case as a process, and prints what it has to say.
fn passes(name: &str) -> bool {
    let folder = harness::folder();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.env(CASE, name).env(FOLDER, folder.path());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let began = Instant::now();
    let done = harness::finish(command.spawn().expect("starts"), began);
    let passed = done.code == Some(0);
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    print!("{}", done.stdout);
    if !passed {
        println!("exit code {:?}\n{}", done.code, done.stderr);
    }
    passed
}

/// Brings a wall up, which holds as far as this kernel was said to have one, and says what is checked.
fn raise(lockdown: Lockdown) -> Wall {
    let expected = lockdown::support();
    let wall = lockdown.apply().expect("a wall");
    assert_eq!(wall, expected);
    match &wall.landlock {
        Ok(version) => println!("  checked: files, behind Landlock {version}"),
        Err(missing) => println!("  not checked: files, {missing}"),
    }
    match &wall.seccomp {
        Ok(()) => println!("  checked: system calls, behind seccomp"),
        Err(missing) => println!("  not checked: system calls, {missing}"),
    }
    let _ = io::stdout().flush();
    wall
}

/// What is tried, and how that ends.
fn kind<T>(result: io::Result<T>) -> Result<(), ErrorKind> {
    result.map(drop).map_err(|error| error.kind())
}

/// The answer to whoever is behind a wall.
const DENIED: Result<(), ErrorKind> = Err(ErrorKind::PermissionDenied);

/// A guest that ends at once.
const NOTHING: &str = r#"(module (func (export "_start")))"#;

/// Does something on a thread that runs guests, just when a guest has ended there.
fn on_a_worker<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let engine = Engine::builder().instances(1).build().expect("an engine");
    let program = Program::from_bytes(&engine, "nothing", NOTHING.as_bytes(), &Limits::default()).expect("a program");
    let pool = Pool::builder(&engine).workers(1).build().expect("a pool");
    let (tell, hear) = mpsc::channel();
    let guest = pool.spawn_then(&program, Setup::default(), move |_, _| {
        let worker = std::thread::current().name() == Some("wasm-pool-0");
        let _ = tell.send((worker, act()));
    });
    assert!(guest.expect("a guest").join().outcome.is_success());
    let (worker, done) = hear.recv().expect("it has done it");
    assert!(worker, "it was done on a worker");
    done
}
