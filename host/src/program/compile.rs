//! From bytes to compiled code: the cache first, then the compiler, on [threads of its own](super::flight) and for a bounded time.
//!
//! What bounds the harm of a compilation that takes too long is the size limit; a process that must bound it harder compiles in a
//! child process. What the compiler holds grows with the functions that it has in work, by some hundred bytes for each of theirs: so
//! of large ones it has [few at once](at_once).

use std::time::Duration;

use bytesize::ByteSize;
use sha2::{Digest as _, Sha256};
use wasmtime_environ::wasmparser::{Parser, Payload};

use super::flight::Flights;
use super::sniff::{Looks, looks_like};
use super::{Code, Kind, Precompiled, endless};
use crate::cache::Origin;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::units::show_size;
use crate::{machine, precompiled};

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
    let threads = at_once(&bytes);
    let code = engine
        .flights()
        .join(digest, limits.compile_time, threads, move || translate(&here, &bytes))?;
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
    Flights::default().join([0; 32], limit, machine::cores(), work)
}

/// The largest function that is compiled, in bytes: the compiler holds up to 700 for each of them, a gigabyte and a half at the worst.
/// The largest ones of CPython and of JavaScript engines have some hundred thousand.
const LARGEST: usize = 2 << 20;

/// Bytes of functions that are compiled at the same time.
const AT_ONCE: usize = 2 * LARGEST;

/// How many functions of a program are compiled at the same time. Of text it is not known yet how large they are: as if it were
/// one function, which is at most half as long.
fn at_once(bytes: &[u8]) -> usize {
    let largest = match looks_like(bytes) {
        Looks::Text => bytes.len() / 2,
        _ => largest(bytes),
    };
    (AT_ONCE / largest.max(1)).clamp(1, machine::cores())
}

/// How large the largest function is, in bytes; what cannot be read is refused later.
fn largest(wasm: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(wasm).map_while(std::result::Result::ok);
    let sizes = payloads.map(|payload| match payload {
        Payload::CodeSectionEntry(body) => body.range().len(),
        _ => 0,
    });
    sizes.max().unwrap_or(0)
}

fn translate(engine: &Engine, bytes: &[u8]) -> Result<Code> {
    let wasm = wat::parse_bytes(bytes).map_err(|error| Error::refused(text_error(&error.to_string())))?;
    let largest = largest(&wasm);
    if largest > LARGEST {
        let (is, most) = (
            show_size(ByteSize::b(largest as u64)),
            show_size(ByteSize::b(LARGEST as u64)),
        );
        return Err(Error::refused(format!(
            "a function of it is {is} long, and {most} are the most"
        )));
    }
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::Barrier;
    use std::time::Instant;

    use super::*;

    const CLIENTS: usize = 32;

    /// Functions of long straight lines: the compiler takes much longer for it than a thread to start.
    fn bomb(functions: usize) -> Vec<u8> {
        let line = "(i32.add (i32.const 1)".repeat(400) + "(i32.const 1)" + &")".repeat(400);
        let mut text = "(module".to_owned();
        for number in 0..functions {
            let _ = write!(text, "(func (export \"f{number}\") (result i32) {line})");
        }
        text.push(')');
        text.into_bytes()
    }

    /// What each of the clients got, who all begin at once, and after how long.
    fn submitted(engine: &Engine, bomb: &[u8], limits: &Limits) -> Vec<(Result<(Code, Compiled)>, Duration)> {
        let begin = Barrier::new(CLIENTS);
        let client = || {
            let bytes = bomb.to_vec();
            begin.wait();
            let began = Instant::now();
            (
                compile(engine, bytes, None, limits, Precompiled::Refuse),
                began.elapsed(),
            )
        };
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            clients.into_iter().filter_map(|client| client.join().ok()).collect()
        })
    }

    #[test]
    fn of_large_functions_few_are_compiled_at_once() -> Result<()> {
        let cores = machine::cores();
        assert_eq!(at_once(b"\0asm\x01\0\0\0"), cores);
        assert_eq!(at_once(&[b'x'; 100]), cores);
        for (large, expected) in [(1_000, cores), (AT_ONCE / 4, cores.min(3)), (AT_ONCE / 2, 1)] {
            let body = "nop ".repeat(large);
            let text = format!("(module (func) (func {body}) (func nop))");
            let module = wat::parse_str(&text).map_err(|error| Error::refused(error.to_string()))?;
            assert_eq!(at_once(&module), expected, "{large}");
            // In a component too.
            let text = format!("(component (core module {}", &text["(module".len()..]) + ")";
            let component = wat::parse_str(&text).map_err(|error| Error::refused(error.to_string()))?;
            assert_eq!(at_once(&component), expected, "{large}");
        }
        assert_eq!(at_once(format!("(module {}", " ".repeat(2 * AT_ONCE)).as_bytes()), 1);
        Ok(())
    }

    #[test]
    fn many_clients_with_the_same_bomb_at_once_compile_it_once_and_wait_no_longer_than_each_may() -> Result<()> {
        let engine = Engine::builder().instances(1).build()?;
        let limits = Limits::default();
        let all = submitted(&engine, &bomb(400), &limits);
        assert_eq!(all.len(), CLIENTS);
        let mut places = std::collections::BTreeSet::new();
        for (compiled, took) in all {
            assert!(took < limits.compile_time, "{took:?}");
            match compiled? {
                (Code::Module(module), Compiled::Now(_)) => places.insert(module.image_range().start),
                _ => panic!("a module, compiled now"),
            };
        }
        // All have the same code.
        assert_eq!(places.len(), 1);

        let short = Limits {
            compile_time: Duration::from_millis(1),
            ..limits
        };
        for (compiled, took) in submitted(&engine, &bomb(401), &short) {
            let why = compiled
                .map(|(_, compiled)| compiled)
                .err()
                .map(|error| error.to_string());
            assert!(why.is_some_and(|why| why.starts_with("compile-time limit of 1ms")));
            assert!(took < Duration::from_secs(10), "{took:?}");
        }
        // One compilation runs on, and not one for each.
        assert!(engine.flights().len() <= 1);
        Ok(())
    }
}
