//! Everything that a pool does, behind a wall.

use std::path::Path;
use std::time::Duration;

use wasm_pool::grants::{Access, DirGrant};
use wasm_pool::program::Compiled;
use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::value::Val;
use wasm_pool::{Cache, Engine, Executor, FileCalls, Grants, Limits, Pool, Program, Setup, Wait};

use crate::{harness, raise};
use wasm_pool::lockdown::{Lockdown, Rights};

pub(crate) fn everything(folder: &Path) {
    let [cache, data] = ["cache", "data"].map(|name| folder.join(name));
    std::fs::create_dir(&data).expect("makes a folder");
    std::fs::write(data.join("file"), "hello\n").expect("writes");
    let cache = Cache::open(&cache).expect("a cache");
    let engine = Engine::builder()
        .cache(cache.clone())
        .instances(8)
        .build()
        .expect("an engine");
    let grants = Grants {
        dirs: vec![DirGrant {
            host: data.clone(),
            guest: "/d".to_owned(),
            access: Access::ReadWrite,
            folder: None,
        }],
        ..Grants::default()
    };
    let guests = [harness::probe_p1(), harness::probe_p2(), harness::plugin()];
    let lockdown = Lockdown::new().cache(&engine).grants(&grants);
    let _ = raise(
        guests
            .iter()
            .fold(lockdown, |lockdown, guest| lockdown.allow(guest, Rights::Read)),
    );

    let limits = Limits::default();
    let load = |guest: &Path| Program::from_file(&engine, guest, &limits).expect("a program");
    // Compiled on threads of their own, and found again by the next who asks.
    let cold = guests.each_ref().map(|guest| load(guest));
    assert!(
        cold.iter()
            .all(|program| matches!(program.compiled(), Compiled::Now(_)))
    );
    // By a handle from before: what was not used for long can be removed.
    assert_eq!(cache.info().entries, 3);
    let [p1, p2, plugin] = guests.each_ref().map(|guest| load(guest));
    assert!(
        [&p1, &p2, &plugin]
            .iter()
            .all(|program| program.compiled() == Compiled::Cached)
    );

    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    for program in [&p1, &p2] {
        for calls in [FileCalls::Apart, FileCalls::Inline] {
            for (act, expected) in [
                (&["read", "/d/file"][..], "hello\n"),
                (&["write", "/d/new", "x"], "written\n"),
                (&["list", "/d"], "file\nnew\n"),
                (&["remove", "/d/new"], "removed\n"),
                (&["sleep", "1"], ""),
            ] {
                assert_eq!(printed(&pool, program, &grants, act, calls), expected, "{act:?}");
            }
        }
    }
    // More than slots: they are cleaned and used again.
    for round in 0..40 {
        let outputs = [0, 1, 2, 3].map(|_| start(&pool, &p1, &grants, &["args", "x"], FileCalls::Apart));
        for (guest, output) in outputs {
            assert!(guest.join().outcome.is_success(), "{round}");
            assert_eq!(output.take_all(), b"x\n");
        }
    }
    // On rayon's threads, which start only now, and on fibers.
    for path in [wasm_pool::Path::Direct, wasm_pool::Path::Fiber] {
        let executor = Executor::builder(&pool, &plugin)
            .path(path)
            .build()
            .expect("an executor");
        let function = plugin.function("add").expect("a function");
        let sum = executor
            .submit(&function, vec![Val::S32(1), Val::S32(2)])
            .expect("a call");
        assert_eq!(
            sum.result(Wait::For(Duration::from_secs(30))).ok(),
            Some(Some(Val::S32(3)))
        );
    }
}

fn start(
    pool: &Pool,
    program: &Program,
    grants: &Grants,
    act: &[&str],
    file_calls: FileCalls,
) -> (wasm_pool::Interpreter, OutputPipe) {
    let output = OutputPipe::unbounded();
    let setup = Setup {
        grants: Grants {
            args: act.iter().map(|arg| (*arg).to_owned()).collect(),
            ..grants.clone()
        },
        stdio: Stdio {
            stdout: Output::Pipe(output.clone()),
            ..Stdio::default()
        },
        file_calls,
        ..Setup::default()
    };
    (pool.spawn(program, setup).expect("a guest"), output)
}

fn printed(pool: &Pool, program: &Program, grants: &Grants, act: &[&str], calls: FileCalls) -> String {
    let (guest, output) = start(pool, program, grants, act, calls);
    assert!(guest.join().outcome.is_success(), "{act:?}");
    String::from_utf8(output.take_all().to_vec()).expect("text")
}
