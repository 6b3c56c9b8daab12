//! Values that travel as they are, without an encoding: what serde calls primitives.

use std::fmt::{self, Write as _};

use serde::de::value::{BytesDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::ser::{Impossible, Serialize, Serializer};

use crate::error::MessageError;
use crate::item::{CBOR, Item};

/// Makes an item of a value, or gives up on one that has parts.
pub(crate) struct ToItem;

/// The value has parts: it must be encoded.
#[derive(Debug)]
pub(crate) struct HasParts;

type No = Impossible<Item, HasParts>;
type Plain = Result<Item, HasParts>;

impl Serializer for ToItem {
    type Ok = Item;
    type Error = HasParts;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    fn serialize_bool(self, v: bool) -> Plain {
        Ok(Item::Bool(v))
    }
    fn serialize_i8(self, v: i8) -> Plain {
        Ok(Item::S64(v.into()))
    }
    fn serialize_i16(self, v: i16) -> Plain {
        Ok(Item::S64(v.into()))
    }
    fn serialize_i32(self, v: i32) -> Plain {
        Ok(Item::S64(v.into()))
    }
    fn serialize_i64(self, v: i64) -> Plain {
        Ok(Item::S64(v))
    }
    fn serialize_u8(self, v: u8) -> Plain {
        Ok(Item::S64(v.into()))
    }
    fn serialize_u16(self, v: u16) -> Plain {
        Ok(Item::S64(v.into()))
    }
    fn serialize_u32(self, v: u32) -> Plain {
        Ok(Item::S64(v.into()))
    }
    fn serialize_u64(self, v: u64) -> Plain {
        // A larger one travels as CBOR.
        i64::try_from(v).map(Item::S64).map_err(|_| HasParts)
    }
    fn serialize_f32(self, v: f32) -> Plain {
        Ok(Item::F64(v.into()))
    }
    fn serialize_f64(self, v: f64) -> Plain {
        Ok(Item::F64(v))
    }
    fn serialize_char(self, v: char) -> Plain {
        Ok(Item::String(v.into()))
    }
    fn serialize_str(self, v: &str) -> Plain {
        Ok(Item::String(v.to_owned()))
    }
    fn serialize_bytes(self, v: &[u8]) -> Plain {
        Ok(Item::Bytes(v.to_owned()))
    }
    fn serialize_none(self) -> Plain {
        Ok(Item::None)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Plain {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Plain {
        Ok(Item::None)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Plain {
        Ok(Item::None)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Plain {
        Ok(Item::String(variant.to_owned()))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Plain {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Plain {
        Err(HasParts)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<No, HasParts> {
        Err(HasParts)
    }
    fn serialize_tuple(self, _: usize) -> Result<No, HasParts> {
        Err(HasParts)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<No, HasParts> {
        Err(HasParts)
    }
    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<No, HasParts> {
        Err(HasParts)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<No, HasParts> {
        Err(HasParts)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<No, HasParts> {
        Err(HasParts)
    }
    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<No, HasParts> {
        Err(HasParts)
    }
}

impl fmt::Display for HasParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with parts")
    }
}

impl std::error::Error for HasParts {}

impl serde::ser::Error for HasParts {
    fn custom<T: fmt::Display>(_: T) -> HasParts {
        HasParts
    }
}

/// The value of an item.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, MessageError> {
    match item {
        Item::Encoded(encoded) if encoded.media_type == CBOR => {
            ciborium::from_reader(&*encoded.bytes).map_err(|error| MessageError(shortened(error)))
        }
        Item::Encoded(encoded) => Err(MessageError(format!(
            "a value encoded as {:?}, where {CBOR} is what this kit understands",
            encoded.media_type
        ))),
        item => T::deserialize(FromItem(item)).map_err(|Unlike(why)| MessageError(why)),
    }
}

/// Why an item is not the value that was expected. serde quotes what it found, and that can be as long as a message.
#[derive(Debug)]
struct Unlike(String);

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unlike {}

impl serde::de::Error for Unlike {
    fn custom<T: fmt::Display>(why: T) -> Unlike {
        Unlike(shortened(why))
    }
}

/// What a message of an error has room for, in bytes.
const LONGEST: usize = 1_000;

/// The beginning of what there is to say; the rest is never written.
fn shortened(what: impl fmt::Display) -> String {
    struct Short(String);
    impl fmt::Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = LONGEST.saturating_sub(self.0.len());
            if text.len() <= room {
                self.0.push_str(text);
                return Ok(());
            }
            let fits = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= room);
            self.0.push_str(&text[..fits.last().unwrap_or(0)]);
            self.0.push('…');
            Err(fmt::Error)
        }
    }
    let mut short = Short(String::new());
    let _ = write!(short, "{what}");
    short.0
}

/// An item that travelled as it is.
struct FromItem(Item);

impl<'de> Deserializer<'de> for FromItem {
    type Error = Unlike;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        match self.0 {
            Item::None => visitor.visit_unit(),
            Item::Bool(value) => visitor.visit_bool(value),
            Item::S64(value) => visitor.visit_i64(value),
            Item::F64(value) => visitor.visit_f64(value),
            Item::String(value) => visitor.visit_string(value),
            Item::Bytes(value) => visitor.visit_byte_buf(value),
            other => Err(Unlike::custom(format!("{} where a value was expected", other.name()))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        match self.0 {
            Item::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unlike> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unlike> {
        match self.0 {
            Item::String(value) => {
                let variant: StringDeserializer<Unlike> = value.into_deserializer();
                variant.deserialize_enum(name, variants, visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        match self.0 {
            // Bytes of another language for a list of numbers here.
            Item::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unlike> {
        match self.0 {
            Item::Bytes(bytes) => BytesDeserializer::<Unlike>::new(&bytes).deserialize_any(visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unlike> {
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string byte_buf unit tuple tuple_struct map
        struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::item::Message;

    fn round<T: Message + PartialEq + std::fmt::Debug>(value: T) -> &'static str {
        let item = value.to_item().expect("travels");
        let name = item.name();
        assert_eq!(T::from_item(item).expect("arrives"), value);
        name
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Point {
        x: f64,
        tags: Vec<String>,
        inner: Option<Box<Point>>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Colour {
        Red,
        Mix(u8, u8),
    }

    #[test]
    fn plain_values_travel_as_they_are_and_others_as_cbor() {
        assert_eq!(round(()), "nothing");
        assert_eq!(round(None::<u32>), "nothing");
        assert_eq!(round(Some(7u32)), "a whole number");
        assert_eq!(round(true), "a truth value");
        assert_eq!(round(i64::MIN), "a whole number");
        assert_eq!(round(u64::MAX), "an encoded value");
        assert_eq!(round(2.5f32), "a number");
        assert_eq!(round("text".to_owned()), "text");
        assert_eq!(round('c'), "text");
        assert_eq!(round(Colour::Red), "text");
        assert_eq!(round(Colour::Mix(1, 2)), "an encoded value");
        assert_eq!(round(vec![1u8, 2, 3]), "an encoded value");
        let inner = Some(Box::new(Point {
            x: f64::INFINITY,
            tags: Vec::new(),
            inner: None,
        }));
        let tags = vec!["a".to_owned()];
        assert_eq!(round(Point { x: 1.5, tags, inner }), "an encoded value");
    }

    #[test]
    fn an_item_of_another_kind_is_refused_with_what_was_expected() {
        let refused = u8::from_item(Item::S64(256)).expect_err("too large");
        assert!(refused.0.contains("u8"), "{refused}");
        let refused = u8::from_item(Item::String("x".to_owned())).expect_err("text");
        assert!(refused.0.contains("string"), "{refused}");
        let refused = Queue::<u8>::from_item(Item::None).expect_err("nothing");
        assert!(refused.0.contains("nothing where a queue"), "{refused}");
        assert_eq!(Vec::<u8>::from_item(Item::Bytes(vec![1, 2])), Ok(vec![1, 2]));
        let refused = u8::from_item(Item::String("é".repeat(1 << 20))).expect_err("text");
        assert!(
            refused.0.ends_with('…') && refused.0.len() < 1_010,
            "{}",
            refused.0.len()
        );
    }

    use crate::queue::Queue;
}
