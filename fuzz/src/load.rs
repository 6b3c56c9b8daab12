//! Programs: bytes that somebody says are WebAssembly.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use wasm_pool::{ByteSize, Engine, ErrorKind, Limits, Outcome, Pool, Program, Setup};

use crate::{Target, presentable};

/// `Program::from_bytes`.
pub const TARGET: Target = Target {
    name: "load",
    holds: load,
    words: &[
        "\0asm\x01\0\0\0",
        "\0asm\x0d\0\x01\0",
        "(module ",
        "(component ",
        "(func ",
        "(export \"_start\")",
        "(memory 65536)",
        "(import \"wasi_snapshot_preview1\" \"fd_write\" ",
        "(core module ",
        "(start 0)",
        "(;",
        ";)",
        "unreachable",
        "(loop (br 0))",
        "i64",
        "(param f64)",
        "(table 10000000 funcref)",
        "(type (list string))",
    ],
};

/// Small enough that a case is over soon.
static LIMITS: LazyLock<Limits> = LazyLock::new(|| Limits {
    memory: ByteSize::mib(4),
    tables: 10_000,
    deadline: Some(Duration::from_millis(20)),
    output: ByteSize::kib(64),
    compile_time: Duration::from_secs(20),
    module_size: ByteSize::kib(64),
    ..Limits::default()
});

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    Engine::builder()
        .instances(4)
        .limits(&LIMITS)
        .build()
        .expect("an engine")
});

static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::builder(&ENGINE).workers(1).build().expect("a pool"));

/// A program or a refusal of one line; a program can be looked at from all sides, and a command runs to an end that is its own
/// doing, and leaves nothing behind.
pub fn load(bytes: &[u8]) {
    let program = match Program::from_bytes(&ENGINE, "guest", bytes, &LIMITS) {
        Ok(program) => program,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            return presentable(&error.to_string());
        }
    };
    look(&program);
    if program.require_command().is_err() {
        return;
    }
    let setup = Setup {
        limits: LIMITS.clone(),
        ..Setup::default()
    };
    let began = Instant::now();
    match POOL.run(&program, setup) {
        Ok(ending) => assert!(!matches!(ending.outcome, Outcome::HostError(_)), "{}", ending.outcome),
        Err(error) => assert_ne!(error.kind(), ErrorKind::Host, "{error}"),
    }
    assert!(began.elapsed() < Duration::from_secs(10), "a deadline of 20 ms");
    assert_eq!((POOL.alive(), POOL.budget().used()), (0, 0));
}

/// Everything that `inspect` says.
fn look(program: &Program) {
    let exports = program.exports();
    for item in program.imports().iter().chain(&exports) {
        presentable(&format!("{item:?}"));
    }
    for item in &exports {
        match program.function(&item.name) {
            Ok(function) => presentable(&function.to_string()),
            Err(error) => presentable(&error.to_string()),
        }
    }
    for refused in [
        program.require_command(),
        program.require_task(),
        program.function("f").map(drop),
    ] {
        if let Err(error) = refused {
            presentable(&error.to_string());
        }
    }
    let _ = (program.needs(), program.blocking(), program.path(), program.kind());
    let _ = (program.initial_memory(), program.memories());
}
