//! Functions' names that have no end.
//!
//! Each trap copies the names of the functions on the stack before anybody can cut them, and a name may be as long as its file:
//! twenty copies of 100 MB. A module with such a name is compiled as one that names nothing.

use std::borrow::Cow;

use wasmtime_environ::wasmparser::{KnownCustom, Name, Parser, Payload};

/// The longest name that somebody wrote, or a compiler made of generic types, in bytes.
const LONGEST: usize = 16 << 10;

/// What a section of names is called.
const NAMES: &[u8] = b"name";

/// The module or component, in which the names of modules that name a function endlessly are no names.
pub(super) fn unnamed(wasm: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let found = endless(&wasm);
    if found.is_empty() {
        return wasm;
    }
    let mut wasm = wasm.into_owned();
    for data in found {
        // A custom section of any other name means nothing.
        if let Some(name) = data
            .checked_sub(NAMES.len())
            .and_then(|start| wasm.get_mut(start..data))
        {
            name.fill(b'-');
        }
    }
    Cow::Owned(wasm)
}

/// Where the contents of such sections begin, in modules of any depth. What cannot be read is for the compiler to refuse.
fn endless(wasm: &[u8]) -> Vec<usize> {
    let payloads = Parser::new(0).parse_all(wasm).map_while(Result::ok);
    let sections = payloads.filter_map(|payload| match payload {
        Payload::CustomSection(section) => Some(section),
        _ => None,
    });
    sections
        .filter(|section| match section.as_known() {
            KnownCustom::Name(names) => names.into_iter().map_while(Result::ok).any(|names| match names {
                Name::Function(names) => names
                    .into_iter()
                    .map_while(Result::ok)
                    .any(|naming| naming.name.len() > LONGEST),
                _ => false,
            }),
            _ => false,
        })
        .map(|section| section.data_offset())
        .collect()
}
