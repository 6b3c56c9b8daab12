//! The one unsafe thing this crate does: run native code that a compiler wrote earlier.
//!
//! Wasmtime checks a header (its version, its settings) and nothing else: whoever can write such a file can run any
//! code in this process. So it comes from two places only: the [cache](crate::Cache), a folder that only this user can
//! write, behind a checksum that catches accidents; or a file that the caller says he trusts
//! ([`Precompiled::Trust`](crate::Precompiled)).
#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::component::Component;
use wasmtime::{Engine, Module, Precompiled};

use crate::program::Code;

/// Maps the compiled code in a file.
pub(crate) fn from_file(engine: &Engine, path: &Path) -> wasmtime::Result<Code> {
    match Engine::detect_precompiled_file(path)? {
        // SAFETY: the file was written by this host, see the module's text; the cache never changes a file in place.
        Some(Precompiled::Module) => unsafe { Module::deserialize_file(engine, path) }.map(Code::Module),
        // SAFETY: as above.
        Some(Precompiled::Component) => unsafe { Component::deserialize_file(engine, path) }.map(Code::Component),
        None => wasmtime::bail!("not compiled code"),
    }
}

/// Copies compiled code out of bytes.
pub(crate) fn from_bytes(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Code> {
    match Engine::detect_precompiled(bytes) {
        // SAFETY: the caller was told to trust it, see the module's text.
        Some(Precompiled::Module) => unsafe { Module::deserialize(engine, bytes) }.map(Code::Module),
        // SAFETY: as above.
        Some(Precompiled::Component) => unsafe { Component::deserialize(engine, bytes) }.map(Code::Component),
        None => wasmtime::bail!("not compiled code"),
    }
}
