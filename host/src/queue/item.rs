//! What travels through a queue.

use super::Queue;
use crate::interpreter::Interpreter;
use crate::scheduler::Hub;

/// A message, as `wit/` has it. What is put is the receiver's alone: nothing is shared.
#[derive(Debug, Clone)]
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
    /// A queue; whoever gets the item may use it.
    Queue(Queue),
    /// An interpreter; whoever gets the item may use it.
    Interpreter(Interpreter),
    /// A value of a richer type.
    Encoded(Encoded),
}

/// A value and how it is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// A media type, such as [`CBOR`]; at most [`MAX_MEDIA_TYPE`] bytes.
    pub media_type: String,
    /// The value.
    pub bytes: Vec<u8>,
}

impl Encoded {
    /// The value as JSON, if it is [`CBOR`] and JSON can say it: bytes it cannot, nor keys that are neither text nor whole numbers.
    pub fn to_json(&self) -> Option<String> {
        match self.media_type.as_str() {
            CBOR => super::json::from_cbor(&self.bytes),
            _ => None,
        }
    }
}

/// The media type that the guest kits of all languages understand.
pub const CBOR: &str = "application/cbor";

/// The longest media type, in bytes, as in RFC 6838 (127 for each of its two names) and the slash.
pub const MAX_MEDIA_TYPE: usize = 255;

/// What an item counts beside its content, in bytes: its place in the host's memory.
pub const ITEM_OVERHEAD: u64 = 64;

/// What came out of a queue.
#[derive(Debug, Clone)]
pub enum Received {
    /// An item.
    Item(Item),
    /// An item whose sender ended before it was got, and whose [`Unbound`](super::Unbound) said
    /// [`Replace`](super::Unbound::Replace).
    Unbound,
}

impl Item {
    /// What it counts towards the bounds of a queue, in bytes.
    pub fn weight(&self) -> u64 {
        let content = match self {
            Item::None | Item::Bool(_) | Item::S64(_) | Item::F64(_) | Item::Queue(_) | Item::Interpreter(_) => 0,
            Item::String(text) => text.len(),
            Item::Bytes(bytes) => bytes.len(),
            Item::Encoded(encoded) => encoded.media_type.len() + encoded.bytes.len(),
        };
        content as u64 + ITEM_OVERHEAD
    }

    /// Whether it means something in the pool of this hub; queues and interpreters of another do not.
    pub(crate) fn belongs_to(&self, hub: &Hub) -> bool {
        match self {
            Item::Queue(queue) => queue.shared().is_of(hub),
            Item::Interpreter(interpreter) => interpreter.is_of(hub),
            _ => true,
        }
    }

    /// The same, inside the pool: a queue in it is no host's handle any more, an interpreter in it is lent.
    pub(crate) fn inside(self) -> Item {
        match self {
            Item::Queue(queue) => Item::Queue(queue.inside()),
            Item::Interpreter(interpreter) => Item::Interpreter(interpreter.lent()),
            item => item,
        }
    }

    /// The same in the host's hands.
    pub(crate) fn outside(self) -> Item {
        match self {
            Item::Queue(queue) => Item::Queue(queue.outside()),
            item => item,
        }
    }
}

impl Received {
    /// The item; `None` for one that was lost with its sender.
    pub fn item(self) -> Option<Item> {
        match self {
            Received::Item(item) => Some(item),
            Received::Unbound => None,
        }
    }

    pub(super) fn outside(self) -> Received {
        match self {
            Received::Item(item) => Received::Item(item.outside()),
            Received::Unbound => Received::Unbound,
        }
    }
}

/// Items are equal when their values are; queues and interpreters when they are the same ones.
impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        match (self, other) {
            (Item::None, Item::None) => true,
            (Item::Bool(a), Item::Bool(b)) => a == b,
            (Item::S64(a), Item::S64(b)) => a == b,
            (Item::F64(a), Item::F64(b)) => a == b,
            (Item::String(a), Item::String(b)) => a == b,
            (Item::Bytes(a), Item::Bytes(b)) => a == b,
            (Item::Queue(a), Item::Queue(b)) => a == b,
            (Item::Interpreter(a), Item::Interpreter(b)) => a.id() == b.id(),
            (Item::Encoded(a), Item::Encoded(b)) => a == b,
            _ => false,
        }
    }
}

impl PartialEq for Received {
    fn eq(&self, other: &Received) -> bool {
        match (self, other) {
            (Received::Item(a), Received::Item(b)) => a == b,
            (Received::Unbound, Received::Unbound) => true,
            _ => false,
        }
    }
}

impl From<bool> for Item {
    fn from(value: bool) -> Item {
        Item::Bool(value)
    }
}

impl From<i64> for Item {
    fn from(value: i64) -> Item {
        Item::S64(value)
    }
}

impl From<f64> for Item {
    fn from(value: f64) -> Item {
        Item::F64(value)
    }
}

impl From<&str> for Item {
    fn from(value: &str) -> Item {
        Item::String(value.to_owned())
    }
}

impl From<String> for Item {
    fn from(value: String) -> Item {
        Item::String(value)
    }
}

impl From<Vec<u8>> for Item {
    fn from(value: Vec<u8>) -> Item {
        Item::Bytes(value)
    }
}

impl From<Queue> for Item {
    fn from(value: Queue) -> Item {
        Item::Queue(value)
    }
}
