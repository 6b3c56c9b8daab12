//! Values of every kind, and whether two are the same to people who write in different languages.

use ciborium::Value;
use wasm_pool::queue::{CBOR, Encoded};
use wasm_pool::{Item, Queue};

/// The largest whole number that a float of 64 bits, which is JavaScript's only number, tells from its neighbours.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// A value of every kind, small and large.
pub(crate) fn all(queue: &Queue) -> Vec<Item> {
    let mut all = plain();
    all.push(Item::Queue(queue.clone()));
    all.extend(nested().iter().map(encoded));
    all
}

fn plain() -> Vec<Item> {
    let numbers = [0, 1, -1, i64::MIN, i64::MAX, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1];
    let floats = [
        0.5,
        -0.0,
        -1.5,
        1e300,
        5e-324,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e19,
    ];
    let texts = [
        "",
        "text",
        "Grüße, 世界 😀",
        "\u{feff}after a mark",
        "a\0b\n\r",
        "\u{10ffff}\u{7f}",
    ];
    let mut plain = vec![Item::None, Item::Bool(true), Item::Bool(false)];
    plain.extend(numbers.map(Item::S64));
    plain.extend(floats.map(Item::F64));
    plain.extend(texts.map(Item::from));
    plain.push(Item::String("ä€😀".repeat(100_000)));
    plain.push(Item::Bytes(Vec::new()));
    plain.push(Item::Bytes((0..=255).collect()));
    plain.push(Item::Bytes(vec![7; 1 << 20]));
    plain
}

fn nested() -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let number = |number: i128| Value::Integer(number.try_into().expect("65 bits"));
    let numbers = [
        0,
        23,
        24,
        255,
        256,
        -1,
        -257,
        1 << 53,
        1 << 62,
        u64::MAX.into(),
        -1 - i128::from(u64::MAX),
    ];
    let floats = [
        0.1,
        1.5,
        -0.0,
        1e-310,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        65_504.0,
        1e300,
    ];
    let all = Value::Array(vec![
        Value::Null,
        Value::Bool(true),
        Value::Bytes(vec![0, 255]),
        text("ß"),
        Value::Array(numbers.map(number).to_vec()),
        Value::Array(floats.map(Value::Float).to_vec()),
        Value::Array(Vec::new()),
        Value::Map(Vec::new()),
    ]);
    let keys = ["b", "a", "", "constructor", "__proto__", "ключ"];
    let object = Value::Map(keys.map(|key| (text(key), all.clone())).to_vec());
    let deep = (0..60).fold(Value::Null, |inner, level| match level % 2 {
        0 => Value::Array(vec![inner]),
        _ => Value::Map(vec![(text("in"), inner)]),
    });
    vec![
        // More than 64 bits, of both signs.
        Value::Array(vec![
            Value::Tag(2, Box::new(Value::Bytes(vec![1; 9]))),
            Value::Tag(3, Box::new(Value::Bytes(vec![9; 20]))),
        ]),
        Value::Map(vec![
            (number(1), text("one")),
            (number(-7), object.clone()),
            (text("k"), Value::Bool(false)),
        ]),
        Value::Tag(258, Box::new(Value::Array(vec![text("of a set")]))),
        Value::Array((0..20_000).map(number).collect()),
        all,
        object,
        deep,
    ]
}

fn encoded(value: &Value) -> Item {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("encodes");
    Item::Encoded(Encoded {
        media_type: CBOR.to_owned(),
        bytes,
    })
}

/// Checks that what came is what was sent. `numbers_are_one` when somebody on the way tells no 1.0 from 1.
#[track_caller]
pub(crate) fn assert_same(way: &str, sent: &Item, came: &Item, numbers_are_one: bool) {
    let same = match (sent, came) {
        (Item::Queue(sent), Item::Queue(came)) => sent.id() == came.id(),
        _ => canonical(value(sent), numbers_are_one) == canonical(value(came), numbers_are_one),
    };
    let short = |item: &Item| format!("{item:?}").chars().take(300).collect::<String>();
    assert!(same, "{way}: {} became {}", short(sent), short(came));
}

fn value(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Bool(value) => Value::Bool(*value),
        Item::S64(value) => Value::Integer((*value).into()),
        Item::F64(value) => Value::Float(*value),
        Item::String(value) => Value::Text(value.clone()),
        Item::Bytes(value) => Value::Bytes(value.clone()),
        Item::Encoded(value) if value.media_type == CBOR => ciborium::from_reader(&*value.bytes).expect("CBOR"),
        other => panic!("{other:?} is no value"),
    }
}

/// The same text for the same value: floats by their bits (any NaN is one), maps without an order.
fn canonical(value: Value, numbers_are_one: bool) -> String {
    let inner = |value| canonical(value, numbers_are_one);
    match value {
        Value::Float(number) if number.is_nan() => "NaN".to_owned(),
        Value::Float(number) if numbers_are_one && whole(number) => format!("{number:.0}"),
        Value::Float(number) => format!("float {:x}", number.to_bits()),
        Value::Integer(number) => i128::from(number).to_string(),
        Value::Array(parts) => format!("[{}]", parts.into_iter().map(inner).collect::<Vec<_>>().join(",")),
        Value::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| inner(key) + ":" + &inner(value));
            let mut entries: Vec<_> = entries.collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
        Value::Tag(tag, part) => format!("{tag}({})", inner(*part)),
        other => format!("{other:?}"),
    }
}

fn whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() <= SAFE && !(number == 0.0 && number.is_sign_negative())
}
