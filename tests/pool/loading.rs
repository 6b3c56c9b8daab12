//! Loading programs through the library.

use wasm_pool::program::{Blocking, Compiled, Need};
use wasm_pool::{Cache, Engine, ErrorKind, Kind, Limits, Program};

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
