//! Values that go into functions and come out, and how people write them: as JSON, as WAVE, or as a table's cells.
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, `string`, `char` | `true`, `"text"`, `"c"` |
//! | `s8` … `u64` | a whole number, exact to its last digit |
//! | `f32`, `f64` | a number; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `list<T>`, `tuple<…>` | an array |
//! | `list<u8>` | an array of numbers, or base64 text: [`Bytes`] |
//! | `record` | an object by field; an `option` field may be left out |
//! | `variant` | `"case"`, or `{"case": payload}` |
//! | `enum`, `flags` | `"name"`, an array of names |
//! | `option<T>` | `null` or the value; where the value may be `null` itself, `{"some": value}` |
//! | `result<T, E>` | `{"ok": value}`, `{"err": value}` |
//! | `map<K, V>` | an array of pairs |
//!
//! WAVE is the component model's own notation: `{x: 1, y: 2}`, `some("a")`, `%if`.

mod cells;
mod check;
mod json;
mod wave;

use std::fmt;

pub use wasmtime::component::Val;
pub use wasmtime::component::types::Type;

pub use self::cells::{from_cell, from_cells, to_cell};
pub(crate) use self::check::check;
pub use self::json::{Json, arguments, from_json};
pub use self::wave::{from_wave, parse_call, to_wave};

/// How JSON has bytes, which WIT calls `list<u8>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bytes {
    /// As an array of numbers.
    #[default]
    Array,
    /// As text in base64 (RFC 4648, with padding).
    Base64,
}

/// A value that is not what a function takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the value: `points[3].x`; empty for the value itself.
    pub path: String,
    /// What was expected there, in WIT's words.
    pub expected: String,
    /// What was found there.
    pub found: String,
}

impl Mismatch {
    fn new(expected: impl Into<String>, found: impl Into<String>) -> Mismatch {
        Mismatch {
            path: String::new(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The same, one field further out.
    fn in_field(mut self, field: &str) -> Mismatch {
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{field}{dot}{}", self.path);
        self
    }

    /// The same, one place of a list further out.
    fn at(mut self, index: usize) -> Mismatch {
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("[{index}]{dot}{}", self.path);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", crate::text::one_line(&self.path))?;
        }
        write!(
            f,
            "expected {}, found {}",
            crate::text::one_line(&self.expected),
            crate::text::one_line(&self.found)
        )
    }
}

impl std::error::Error for Mismatch {}
