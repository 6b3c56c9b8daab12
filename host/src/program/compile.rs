//! From bytes to compiled code: the cache first, then the compiler, on [threads of its own](super::flight) and for a bounded time.
//!
//! What bounds the harm of a compilation that takes too long is the size limit; a process that must bound it harder compiles in a
//! child process.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::flight::Flights;
use super::sniff::{Looks, looks_like};
use super::{Code, Kind, Precompiled, endless};
use crate::cache::Origin;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::precompiled;

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

/// The compiled code of a file whose content is known without reading it.
pub(super) fn recall(engine: &Engine, origin: &Origin) -> Option<Code> {
    let cache = engine.cache()?;
    cache.load(engine.wasmtime(), &cache.recall(engine.wasmtime(), origin)?)
}

pub(super) fn compile(
    engine: &Engine,
    bytes: Vec<u8>,
    origin: Option<&Origin>,
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
        if let Some(origin) = origin {
            cache.note(engine.wasmtime(), origin, key);
        }
        return Ok((code, Compiled::Cached));
    }
    let began = std::time::Instant::now();
    let (digest, here) = (Sha256::digest(&bytes).into(), engine.clone());
    let code = engine
        .flights()
        .join(digest, limits.compile_time, move || translate(&here, &bytes))?;
    let took = began.elapsed();
    if let (Some(cache), Some(key)) = (engine.cache(), &key) {
        cache.store(key, &code);
    }
    Ok((code, Compiled::Now(took)))
}

/// Does a compiler's work on the compiler's threads, for a bounded time.
pub(crate) fn aside<T: Clone + Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    Flights::default().join([0; 32], limit, work)
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
