//! From bytes to compiled code: the cache first, then the compiler, on a thread of its own and for a bounded time.
//!
//! A compilation cannot be stopped from outside. One that takes too long is left to itself: its thread ends when it is
//! done, and nobody waits for it. What bounds the harm is the size limit; a process that must bound it harder compiles
//! in a child process.

use std::sync::OnceLock;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::sniff::{Looks, looks_like};
use super::{Code, Kind, Precompiled, endless};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::machine;
use crate::precompiled;
use crate::units::show_duration;

/// Where a program's compiled code came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiled {
    /// From the cache.
    Cached,
    /// Compiled now, in this time.
    Now(Duration),
    /// It was compiled code already.
    Before,
}

/// The compiler recurses into nested expressions of the text format and of types.
const COMPILER_STACK: usize = 64 << 20;

pub(super) fn compile(
    engine: &Engine,
    bytes: Vec<u8>,
    limits: &Limits,
    precompiled: Precompiled,
) -> Result<(Code, Compiled)> {
    match looks_like(&bytes) {
        Looks::Module | Looks::Component | Looks::Text => {}
        Looks::Precompiled if precompiled == Precompiled::Trust => {
            let code = precompiled::from_bytes(engine.wasmtime(), &bytes).map_err(|error| {
                Error::refused(format!(
                    "this compiled code is damaged, or not for this host: {error:#}"
                ))
            })?;
            return Ok((code, Compiled::Before));
        }
        Looks::Precompiled => {
            return Err(Error::refused(
                "this is compiled native code, which nothing can check; \
                 --allow-precompiled runs it, if nobody else could have changed it",
            ));
        }
        Looks::Other(what) => {
            return Err(Error::refused(format!(
                "expected a WebAssembly module or component, binary or text; this looks like {what}"
            )));
        }
    }
    let key = engine.cache().map(|cache| cache.key(engine.wasmtime(), &bytes));
    if let (Some(cache), Some(key)) = (engine.cache(), &key)
        && let Some(code) = cache.load(engine.wasmtime(), key)
    {
        return Ok((code, Compiled::Cached));
    }
    let began = std::time::Instant::now();
    let code = in_time(engine, bytes, limits.compile_time)?;
    let took = began.elapsed();
    if let (Some(cache), Some(key)) = (engine.cache(), &key) {
        cache.store(key, &code);
    }
    Ok((code, Compiled::Now(took)))
}

/// The threads that functions are compiled on, in parallel; Wasmtime would make them itself, and panic where the system
/// gives none.
fn compiler_threads() -> Result<()> {
    static READY: OnceLock<Result<(), String>> = OnceLock::new();
    let ready = READY.get_or_init(|| {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(machine::cores())
            .thread_name(|number| format!("wasm-pool-compile-{number}"));
        match threads.build_global() {
            Ok(()) => Ok(()),
            // The service that this is part of made its own before.
            Err(error) if std::error::Error::source(&error).is_none() => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    });
    ready
        .clone()
        .map_err(|error| Error::host(format!("the compiler's threads cannot be started: {error}")))
}

fn in_time(engine: &Engine, bytes: Vec<u8>, limit: Duration) -> Result<Code> {
    compiler_threads()?;
    let (sender, receiver) = bounded(1);
    let engine = engine.clone();
    std::thread::Builder::new()
        .name("wasm-pool-compile".to_owned())
        .stack_size(COMPILER_STACK)
        .spawn(move || {
            // Nobody listens any more when the time was up.
            let _ = sender.send(translate(&engine, &bytes));
        })
        .map_err(|error| Error::host(format!("the compiler's thread cannot be started: {error}")))?;
    match receiver.recv_timeout(limit) {
        Ok(code) => code,
        Err(RecvTimeoutError::Timeout) => Err(Error::refused(format!(
            "compile-time limit of {} reached (--compile-time raises it)",
            show_duration(limit)
        ))),
        Err(RecvTimeoutError::Disconnected) => Err(Error::host("the compiler panicked; this is a bug")),
    }
}

fn translate(engine: &Engine, bytes: &[u8]) -> Result<Code> {
    let wasm = wat::parse_bytes(bytes).map_err(|error| Error::refused(text_error(&error.to_string())))?;
    let wasm = endless::unnamed(wasm);
    let kind = match looks_like(&wasm) {
        Looks::Component => Kind::Component,
        _ => Kind::Module,
    };
    match kind {
        Kind::Module => wasmtime::Module::from_binary(engine.wasmtime(), &wasm).map(Code::Module),
        Kind::Component => wasmtime::component::Component::from_binary(engine.wasmtime(), &wasm).map(Code::Component),
    }
    .map_err(|error| {
        Error::refused(format!(
            "not valid WebAssembly, or a feature that is off: {}",
            root(&error)
        ))
    })
}

/// The innermost reason: the outer ones repeat that a module could not be parsed.
fn root(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}

/// The text parser shows the source with an arrow; one line keeps the reason and the place.
fn text_error(message: &str) -> String {
    let mut lines = message.lines();
    let reason = lines.next().unwrap_or("unknown");
    let place = lines
        .find_map(|line| line.trim().strip_prefix("--> "))
        .and_then(|place| {
            let mut parts = place.rsplit(':');
            let (column, line) = (parts.next()?, parts.next()?);
            Some(format!(" at line {line}, column {column}"))
        });
    format!("not valid WebAssembly text: {reason}{}", place.unwrap_or_default())
}
