//! CBOR as JSON, read and written piece by piece: what it takes in memory is the text.
//!
//! The CBOR is a guest's. A tree of values in between would take thirty times what the guest was charged for.

use std::fmt::Write as _;

use ciborium_ll::{Decoder, Header, simple, tag};

/// How deep values may lie in each other, as for whoever decodes CBOR with ciborium.
const DEEPEST: u32 = 256;

/// The JSON of the first value in `cbor`; `None` when there is none, or JSON cannot say it: bytes, and keys that are neither text nor
/// whole numbers.
pub(super) fn from_cbor(cbor: &[u8]) -> Option<String> {
    let mut said = Said {
        cbor: Decoder::from(cbor),
        json: String::new(),
    };
    let header = said.header()?;
    said.value(header, 0)?;
    Some(said.json)
}

struct Said<'a> {
    cbor: Decoder<&'a [u8]>,
    json: String,
}

impl Said<'_> {
    fn header(&mut self) -> Option<Header> {
        self.cbor.pull().ok()
    }

    /// What comes behind the tags that begin here, and the last of them.
    fn untagged(&mut self, mut header: Header) -> Option<(Option<u64>, Header)> {
        let mut last = None;
        while let Header::Tag(tag) = header {
            last = Some(tag);
            header = self.header()?;
        }
        Some((last, header))
    }

    /// The value that begins with this header.
    fn value(&mut self, header: Header, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        // Tags say what somebody is to make of a value. They are passed over, but for numbers that are written as bytes.
        let (tag, header) = self.untagged(header)?;
        match header {
            Header::Positive(number) => self.number(number),
            Header::Negative(number) => self.number(i128::from(number) ^ !0),
            Header::Bytes(Some(length @ 0..=16)) if matches!(tag, Some(tag::BIGPOS | tag::BIGNEG)) => {
                let number = self.large(length)?;
                match tag {
                    Some(tag::BIGPOS) => self.number(number),
                    _ => self.number(i128::try_from(number).ok()? ^ !0),
                }
            }
            // What is no number is null, as in JavaScript.
            Header::Float(number) => self.json.push_str(&serde_json::to_string(&number).ok()?),
            Header::Simple(simple::FALSE) => self.json.push_str("false"),
            Header::Simple(simple::TRUE) => self.json.push_str("true"),
            Header::Simple(simple::NULL | simple::UNDEFINED) => self.json.push_str("null"),
            Header::Text(length) => self.text(length)?,
            Header::Array(length) => {
                self.json.push('[');
                self.parts(length, |said, header| said.value(header, depth + 1))?;
                self.json.push(']');
            }
            Header::Map(length) => {
                self.json.push('{');
                self.parts(length, |said, header| {
                    said.key(header)?;
                    said.json.push(':');
                    let header = said.header()?;
                    said.value(header, depth + 1)
                })?;
                self.json.push('}');
            }
            Header::Simple(_) | Header::Tag(_) | Header::Bytes(_) | Header::Break => return None,
        }
        Some(())
    }

    fn number(&mut self, number: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.json, "{number}");
    }

    /// A number of so many bytes.
    fn large(&mut self, length: usize) -> Option<u128> {
        let mut buffer = [0; 16];
        let mut segments = self.cbor.bytes(Some(length));
        let mut number = 0;
        while let Some(mut segment) = segments.pull().ok()? {
            while let Some(part) = segment.pull(&mut buffer).ok()? {
                number = part
                    .iter()
                    .fold(number, |number, byte| (number << 8) | u128::from(*byte));
            }
        }
        Some(number)
    }

    /// JSON's keys are text.
    fn key(&mut self, header: Header) -> Option<()> {
        let (_, header) = self.untagged(header)?;
        let number = matches!(header, Header::Positive(_) | Header::Negative(_));
        if !number && !matches!(header, Header::Text(_)) {
            return None;
        }
        let quote = if number { "\"" } else { "" };
        self.json.push_str(quote);
        self.value(header, 0)?;
        self.json.push_str(quote);
        Some(())
    }

    /// What lies in an array or a map, with commas between.
    fn parts(&mut self, length: Option<usize>, mut part: impl FnMut(&mut Self, Header) -> Option<()>) -> Option<()> {
        let mut done = 0;
        while length.is_none_or(|length| done < length) {
            let header = self.header()?;
            if length.is_none() && header == Header::Break {
                break;
            }
            if done > 0 {
                self.json.push(',');
            }
            part(self, header)?;
            done += 1;
        }
        Some(())
    }

    /// Text, which may come in segments.
    fn text(&mut self, length: Option<usize>) -> Option<()> {
        let mut buffer = [0; 1_024];
        let mut text = String::new();
        let mut segments = self.cbor.text(length);
        while let Some(mut segment) = segments.pull().ok()? {
            while let Some(part) = segment.pull(&mut buffer).ok()? {
                text.push_str(part);
            }
        }
        self.json.push_str(&serde_json::to_string(&text).ok()?);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_can_say_is_said_and_the_rest_is_not() {
        for (cbor, json) in [
            (&b"\x83\x01\x38\x63\xf6"[..], Some("[1,-100,null]")),
            (b"\xbf\x61a\xf5\x01\x80\xff", Some(r#"{"a":true,"1":[]}"#)),
            (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", Some("-18446744073709551616")),
            (b"\xf9\x7e\x00", Some("null")),
            (b"\x7f\x61\"\x62\xc3\xbc\xff", Some("\"\\\"ü\"")),
            // A date is text with a tag.
            (b"\xc0\x642026", Some("\"2026\"")),
            (b"\xa1\xc1\x61a\x00", Some(r#"{"a":0}"#)),
            (b"\xc2\x42\x01\x00", Some("256")),
            (b"\xc3\x40", Some("-1")),
            (b"\x42\x00\x01", None),
            (b"\xa1\xf5\x00", None),
            (b"\x62\xc3\x28", None),
            (b"\x82\x00", None),
            (b"\xff", None),
            (b"", None),
            (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(from_cbor(cbor).as_deref(), json, "{cbor:02x?}");
        }
        let deep = |levels: usize| [vec![0x81; levels], vec![0]].concat();
        assert!(from_cbor(&deep(200)).is_some() && from_cbor(&deep(100_000)).is_none());
    }
}
