//! CBOR as JSON text. The text is all that there is of it in memory: a value takes one byte of CBOR and thirty-two as a tree.

use std::fmt::{self, Display, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value as JSON has it, with the members of its objects in the order in which they came.
pub(super) struct Json(pub(super) String);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Json, D::Error> {
        from.deserialize_any(Text)
    }
}

struct Text;

fn written(value: impl Display) -> Json {
    Json(value.to_string())
}

impl<'de> Visitor<'de> for Text {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(written(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(written(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(written(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        // What is no number is null, as everywhere.
        Ok(written(serde_json::Value::from(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(written(serde_json::Value::from(value)))
    }

    fn visit_none<E>(self) -> Result<Json, E> {
        Ok(written("null"))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(written("null"))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        Json::deserialize(from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut text = String::from("[");
        while let Some(Json(item)) = items.next_element()? {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&item);
        }
        text.push(']');
        Ok(Json(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut text = String::from("{");
        while let Some((name, Json(value))) = members.next_entry::<String, Json>()? {
            if text.len() > 1 {
                text.push(',');
            }
            // Writing to a string does not fail.
            let _ = write!(text, "{}:{value}", serde_json::Value::from(name));
        }
        text.push('}');
        Ok(Json(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cbor: &[u8]) -> Option<String> {
        ciborium::from_reader(cbor).ok().map(|Json(text)| text)
    }

    #[test]
    fn values_are_written_as_json_has_them() {
        let mut cbor = Vec::new();
        let value = serde_json::json!({"a": [1, -2, 0.5, null, true], "b": {"grüß \"": "\n"}, "c": u64::MAX});
        assert!(ciborium::into_writer(&value, &mut cbor).is_ok());
        assert_eq!(text(&cbor), Some(value.to_string()));
        // No number; a key that is no text; bytes; what is cut off.
        assert_eq!(text(b"\xf9\x7e\x00").as_deref(), Some("null"));
        assert_eq!(text(b"\xa1\x01\x02"), None);
        assert_eq!(text(b"\x41\x00"), None);
        assert_eq!(text(b"\x82\x01"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn many_small_values_take_no_more_than_their_text() {
        let peak = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            kib.unwrap_or_default()
        };
        let count = 4u32 << 20;
        let mut cbor = b"\x9a".to_vec();
        cbor.extend(count.to_be_bytes());
        cbor.resize(cbor.len() + count as usize, 0xf6);
        let before = peak();
        let text = text(&cbor).unwrap_or_default();
        assert_eq!(text.len(), count as usize * 5 + 1);
        assert!(before > 0 && peak() - before < 100 << 10, "{} KiB", peak() - before);
    }
}
