//! Loading programs through the library.

use wasm_pool::program::{Blocking, Compiled, Need};
use wasm_pool::{ByteSize, Cache, Engine, ErrorKind, Kind, Limits, Program};

use crate::harness::{folder, probe_p1, probe_p2};

#[test]
fn a_program_knows_what_it_is() {
    let engine = Engine::new().expect("an engine");
    let module = Program::from_file(&engine, probe_p1(), &Limits::default()).expect("loads");
    assert_eq!((module.kind(), module.name()), (Kind::Module, "probe-p1"));
    assert!(module.initial_memory() >= 64 << 10 && module.needs().contains(&Need::Files));
    let component = Program::from_file(&engine, probe_p2(), &Limits::default()).expect("loads");
    assert_eq!(component.kind(), Kind::Component);
    assert!(
        matches!(component.blocking(), Blocking::Through(imports) if imports.iter().any(|name| name.starts_with("wasi:io/poll")))
    );
}

#[test]
fn loading_without_blocking() {
    let engine = Engine::new().expect("an engine");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let program = runtime
        .block_on(Program::from_file_async(&engine, probe_p1(), &Limits::default()))
        .expect("loads");
    assert_eq!(program.name(), "probe-p1");
    let missing = runtime.block_on(Program::from_file_async(
        &engine,
        "/surely/not/there",
        &Limits::default(),
    ));
    assert_eq!(missing.expect_err("is missing").kind(), ErrorKind::Unreadable);
}

#[test]
fn the_cache_serves_every_engine_with_the_same_settings() {
    let place = folder();
    let load = |limits: &Limits| {
        let cache = Cache::open(place.path().join("cache")).expect("a cache");
        let engine = Engine::builder()
            .limits(limits)
            .cache(cache)
            .build()
            .expect("an engine");
        Program::from_file(&engine, probe_p1(), limits)
            .expect("loads")
            .compiled()
    };
    let plain = Limits::default();
    assert!(matches!(load(&plain), Compiled::Now(_)));
    assert_eq!(load(&plain), Compiled::Cached);
    // Counting fuel is other code.
    let fuel = Limits {
        fuel: Some(1_000),
        ..Limits::default()
    };
    assert!(matches!(load(&fuel), Compiled::Now(_)));
    assert_eq!(load(&fuel), Compiled::Cached);
}

#[test]
fn a_cache_that_is_full_forgets_what_was_not_used_for_longest() {
    let place = folder();
    let limit = ByteSize::kib(200);
    let cache = Cache::open(place.path()).expect("a cache").within(limit);
    let engine = Engine::builder().cache(cache.clone()).build().expect("an engine");
    let load = |number: u32| {
        let source = format!(r#"(module (func (export "f") (result i32) (i32.const {number})))"#);
        let program = Program::from_bytes(&engine, "one", source.as_bytes(), &Limits::default());
        program.expect("compiles").compiled()
    };
    let files = || {
        let files = std::fs::read_dir(place.path()).expect("reads").flatten();
        files.map(|file| file.path()).collect::<Vec<_>>()
    };
    let age = |path: &std::path::Path| {
        let hours = std::time::SystemTime::now() - std::time::Duration::from_secs(7_200);
        let file = std::fs::File::options().write(true).open(path).expect("opens");
        file.set_modified(hours).expect("ages");
    };
    for number in 0..3 {
        assert!(matches!(load(number), Compiled::Now(_)));
    }
    files().iter().for_each(|path| age(path));
    // Of a process that was killed, and of one that is about to finish.
    let (dead, alive) = (place.path().join(".new-dead"), place.path().join(".new-alive"));
    for path in [&dead, &alive] {
        std::fs::write(path, "half").expect("writes");
    }
    age(&dead);
    assert_eq!(load(0), Compiled::Cached);
    for number in 100..130 {
        assert!(matches!(load(number), Compiled::Now(_)));
        assert_eq!(load(0), Compiled::Cached);
        assert!(cache.info().bytes <= limit.as_u64() + 4, "{:?}", cache.info());
    }
    assert!(matches!(load(1), Compiled::Now(_)));
    assert!(!dead.exists() && alive.exists());
}
