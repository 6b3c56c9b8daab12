//! Items: what one guest puts, of whatever language, and another gets.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use wasm_pool::queue::{Encoded as HostEncoded, ITEM_OVERHEAD, PutError};
use wasm_pool::{Engine, Item as HostItem, Pool, QueueOptions, Received, Wait};
use wasm_pool_guest::{CBOR, Encoded, Item, Message};

use crate::script::Script;
use crate::{Target, presentable};

/// Items as the kit for guests reads and writes them, and through a queue of the host.
pub const TARGET: Target = Target {
    name: "items",
    holds: items,
    words: &[
        "\u{0}",
        "application/cbor",
        "Mix",
        "Red",
        "name",
        "parts",
        "age",
        "text/plain",
    ],
};

/// One of everything that serde knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    name: String,
    age: Option<u8>,
    parts: Vec<Record>,
    colour: Colour,
    #[serde(default)]
    by_name: BTreeMap<String, (i64, char)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Colour {
    Red,
    Mix(u8, i16),
    Named { name: String },
    One(Box<Colour>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

/// Floats are the same when their bits are, or when neither is a number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Float(f64);

impl PartialEq for Float {
    fn eq(&self, other: &Float) -> bool {
        self.0.to_bits() == other.0.to_bits() || (self.0.is_nan() && other.0.is_nan())
    }
}

static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let engine = Engine::builder().instances(1).build().expect("an engine");
    Pool::builder(&engine).workers(1).build().expect("a pool")
});

/// Any item is a value of a type or is refused in one line; a value is the same after it has travelled; what is put into a queue of
/// the host comes out of it, and counts for nothing afterwards.
pub fn items(bytes: &[u8]) {
    let mut script = Script::of(bytes);
    let item = an_item(&mut script);
    through_a_queue(&item);
    as_json(script.rest());
    // Debug of an item is what guests show of it.
    let _ = format!("{item:?}");
    type Numbers = (u8, i32, Float);
    as_value::<bool>(&item);
    as_value::<i8>(&item);
    as_value::<u64>(&item);
    as_value::<i64>(&item);
    as_value::<u128>(&item);
    as_value::<Float>(&item);
    as_value::<char>(&item);
    as_value::<String>(&item);
    as_value::<()>(&item);
    as_value::<Unit>(&item);
    as_value::<Wrapped>(&item);
    as_value::<Option<u32>>(&item);
    as_value::<Vec<u8>>(&item);
    as_value::<Vec<Option<String>>>(&item);
    as_value::<Numbers>(&item);
    as_value::<BTreeMap<String, Float>>(&item);
    as_value::<BTreeMap<u8, Vec<Float>>>(&item);
    as_value::<Colour>(&item);
    as_value::<Record>(&item);
    as_value::<serde_json::Value>(&item);
}

/// An item of any kind; mostly CBOR, of which the bytes are.
fn an_item(script: &mut Script<'_>) -> Item {
    match script.byte() % 16 {
        0 => Item::None,
        1 => Item::Bool(script.byte().is_multiple_of(2)),
        2 => Item::S64(script.number().cast_signed()),
        3 => Item::F64(f64::from_bits(script.number())),
        4 => Item::String(String::from_utf8_lossy(script.rest()).into_owned()),
        5 => Item::Bytes(script.rest().to_vec()),
        6 => Item::Encoded(Encoded {
            media_type: "text/plain".to_owned(),
            bytes: script.rest().to_vec(),
        }),
        _ => Item::Encoded(Encoded {
            media_type: CBOR.to_owned(),
            bytes: script.rest().to_vec(),
        }),
    }
}

/// The item as a value of this type, and that value on its way again.
fn as_value<T: Message + PartialEq + Debug>(item: &Item) {
    let copy = item.to_item().expect("an item travels");
    let value = match T::from_item(copy) {
        Ok(value) => value,
        Err(error) => {
            let message = error.to_string();
            return assert!(!message.is_empty() && message.len() < 1_010, "{message:?}");
        }
    };
    let sent = value.to_item().expect("what came from an item travels");
    assert_eq!(T::from_item(sent).expect("arrives"), value, "{item:?}");
}

/// What a queue prints of CBOR is what CBOR says.
fn as_json(cbor: &[u8]) {
    let encoded = HostEncoded {
        media_type: CBOR.to_owned(),
        bytes: cbor.to_vec(),
    };
    let said = encoded.to_json();
    if let Some(said) = &said {
        assert!(said.len() <= 100 + 24 * cbor.len(), "{} bytes", said.len());
        // JSON's own parser goes less deep.
        if said.matches(['[', '{']).count() < 100 {
            serde_json::from_str::<serde_json::Value>(said).expect("it is JSON");
        }
    }
    if let Ok(value) = ciborium::from_reader::<serde_json::Value, _>(cbor) {
        let said = said.expect("JSON can say it");
        if said.matches(['[', '{']).count() < 100 {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&said).ok(), Some(value));
        }
    }
}

/// There and back through the host.
fn through_a_queue(item: &Item) {
    let item = match item {
        Item::None => HostItem::None,
        Item::Bool(value) => HostItem::Bool(*value),
        Item::S64(value) => HostItem::S64(*value),
        Item::F64(value) => HostItem::F64(*value),
        Item::String(value) => HostItem::String(value.clone()),
        Item::Bytes(value) => HostItem::Bytes(value.clone()),
        Item::Encoded(encoded) => HostItem::Encoded(HostEncoded {
            media_type: encoded.media_type.clone(),
            bytes: encoded.bytes.clone(),
        }),
        Item::Queue(_) | Item::Interpreter(_) => return,
    };
    let before = POOL.budget().used();
    let queue = POOL.queues().create(&QueueOptions::default()).expect("a queue");
    let weight = item.weight();
    assert!(weight >= ITEM_OVERHEAD);
    match queue.put(item.clone(), Wait::No) {
        Ok(()) => {
            assert_eq!(queue.bytes(), weight);
            match (queue.get(Wait::No).expect("is there"), item) {
                (Received::Item(HostItem::F64(back)), HostItem::F64(sent)) => {
                    assert_eq!(back.to_bits(), sent.to_bits())
                }
                (back, sent) => assert_eq!(back, Received::Item(sent)),
            }
        }
        Err(error @ PutError::TooLarge { .. }) => presentable(&error.to_string()),
        Err(error) => panic!("{error}"),
    }
    drop(queue);
    assert_eq!(POOL.budget().used(), before);
}
