//! Whose an item is.

/// An interpreter, as an item has it: none is put here.
#[derive(Debug, Clone, PartialEq)]
pub enum Interpreter {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct InterpreterId(pub(crate) u64);
