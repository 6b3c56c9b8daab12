//! What travels: items, and the values that become them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::wasm_pool::interpreters::queues as wit;
use crate::error::MessageError;
use crate::interpreter::{Interpreter, InterpreterId};
use crate::plain;
use crate::queue::Queue;

/// A message as it travels.
#[derive(Debug)]
pub enum Item {
    /// Nothing, as a message.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    S64(i64),
    /// A number.
    F64(f64),
    /// Text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A queue.
    Queue(Queue<Item>),
    /// An interpreter.
    Interpreter(InterpreterId),
    /// A value of a richer type.
    Encoded(Encoded),
}

/// A value and how it is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// A media type, such as [`CBOR`].
    pub media_type: String,
    /// The value.
    pub bytes: Vec<u8>,
}

/// The media type that the kits of all languages understand.
pub const CBOR: &str = "application/cbor";

/// A value that can travel.
///
/// Every serde type is one: truth values, whole numbers, floats, text and `()` (or `None`) travel as they are, everything else as
/// CBOR, so a struct that one guest puts is a dict for a Python guest. Queues, interpreters and [`Item`]s are messages too.
pub trait Message: Sized {
    /// The item for this value.
    ///
    /// # Errors
    /// [`MessageError`] for a value that cannot be encoded.
    fn to_item(&self) -> Result<Item, MessageError>;

    /// The value of an item.
    ///
    /// # Errors
    /// [`MessageError`] for an item that is no such value.
    fn from_item(item: Item) -> Result<Self, MessageError>;
}

impl<T: Serialize + DeserializeOwned> Message for T {
    fn to_item(&self) -> Result<Item, MessageError> {
        if let Ok(item) = self.serialize(plain::ToItem) {
            return Ok(item);
        }
        let mut bytes = Vec::new();
        ciborium::into_writer(self, &mut bytes).map_err(|error| MessageError(error.to_string()))?;
        Ok(Item::Encoded(Encoded {
            media_type: CBOR.to_owned(),
            bytes,
        }))
    }

    fn from_item(item: Item) -> Result<T, MessageError> {
        plain::from_item(item)
    }
}

impl Message for Item {
    fn to_item(&self) -> Result<Item, MessageError> {
        Ok(match self {
            Item::None => Item::None,
            Item::Bool(value) => Item::Bool(*value),
            Item::S64(value) => Item::S64(*value),
            Item::F64(value) => Item::F64(*value),
            Item::String(value) => Item::String(value.clone()),
            Item::Bytes(value) => Item::Bytes(value.clone()),
            Item::Queue(queue) => Item::Queue(queue.clone()),
            Item::Interpreter(id) => Item::Interpreter(*id),
            Item::Encoded(encoded) => Item::Encoded(encoded.clone()),
        })
    }

    fn from_item(item: Item) -> Result<Item, MessageError> {
        Ok(item)
    }
}

impl<T: Message> Message for Queue<T> {
    fn to_item(&self) -> Result<Item, MessageError> {
        Ok(Item::Queue(self.clone().cast()))
    }

    fn from_item(item: Item) -> Result<Queue<T>, MessageError> {
        match item {
            Item::Queue(queue) => Ok(queue.cast()),
            other => Err(MessageError(format!("{} where a queue was expected", other.name()))),
        }
    }
}

impl Message for Interpreter {
    fn to_item(&self) -> Result<Item, MessageError> {
        Ok(Item::Interpreter(self.id()))
    }

    fn from_item(item: Item) -> Result<Interpreter, MessageError> {
        match item {
            Item::Interpreter(id) => Interpreter::from_id(id).map_err(|error| MessageError(error.to_string())),
            other => Err(MessageError(format!(
                "{} where an interpreter was expected",
                other.name()
            ))),
        }
    }
}

impl Item {
    /// What it is, for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Item::None => "nothing",
            Item::Bool(_) => "a truth value",
            Item::S64(_) => "a whole number",
            Item::F64(_) => "a number",
            Item::String(_) => "text",
            Item::Bytes(_) => "bytes",
            Item::Queue(_) => "a queue",
            Item::Interpreter(_) => "an interpreter",
            Item::Encoded(_) => "an encoded value",
        }
    }

    pub(crate) fn into_wit(self) -> wit::Item {
        match self {
            Item::None => wit::Item::None,
            Item::Bool(value) => wit::Item::Bool(value),
            Item::S64(value) => wit::Item::S64(value),
            Item::F64(value) => wit::Item::F64(value),
            Item::String(value) => wit::Item::String(value),
            Item::Bytes(value) => wit::Item::Bytes(value),
            Item::Queue(queue) => wit::Item::Queue(queue.into_wit()),
            Item::Interpreter(id) => wit::Item::Interpreter(id.0),
            Item::Encoded(encoded) => wit::Item::Encoded(wit::Encoded {
                media_type: encoded.media_type,
                bytes: encoded.bytes,
            }),
        }
    }

    pub(crate) fn from_wit(item: wit::Item) -> Item {
        match item {
            wit::Item::None => Item::None,
            wit::Item::Bool(value) => Item::Bool(value),
            wit::Item::S64(value) => Item::S64(value),
            wit::Item::F64(value) => Item::F64(value),
            wit::Item::String(value) => Item::String(value),
            wit::Item::Bytes(value) => Item::Bytes(value),
            wit::Item::Queue(queue) => Item::Queue(Queue::from_wit(queue)),
            wit::Item::Interpreter(id) => Item::Interpreter(InterpreterId(id)),
            wit::Item::Encoded(encoded) => Item::Encoded(Encoded {
                media_type: encoded.media_type,
                bytes: encoded.bytes,
            }),
        }
    }
}
