//! Locks, atomics and threads of what is model-checked: the models in `tests/models` put loom's in their place.

pub(crate) use std::sync::{Arc, atomic};
pub(crate) use std::{hint, thread};

pub(crate) use parking_lot::Mutex;
