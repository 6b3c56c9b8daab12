//! JSON, both ways.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error as _, Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::Value;
use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::{Bytes, Mismatch};
use crate::program::{Function, wit};

/// The arguments of a call, from one JSON value: the argument itself of a function with one parameter; an array by position or
/// an object by name for several; nothing, `null`, `[]` or `{}` for none.
///
/// # Errors
/// [`Mismatch`]
pub fn arguments(function: &Function, json: &Value, bytes: Bytes) -> Result<Vec<Val>, Mismatch> {
    let params = function.params();
    match (params, json) {
        ([(name, ty)], json) => Ok(vec![from_json(ty, json, bytes).map_err(|why| why.in_field(name))?]),
        ([], Value::Null) => Ok(Vec::new()),
        (params, Value::Array(values)) => {
            if values.len() != params.len() {
                return Err(Mismatch::new(
                    format!("{} arguments", params.len()),
                    format!("an array of {}", values.len()),
                ));
            }
            let both = params.iter().zip(values);
            both.map(|((name, ty), json)| from_json(ty, json, bytes).map_err(|why| why.in_field(name)))
                .collect()
        }
        (params, Value::Object(object)) => {
            known(object, || params.iter().map(|(name, _)| name.as_str()))?;
            let get = |(name, ty): &(String, Type)| field(object, name, ty, bytes);
            params.iter().map(get).collect()
        }
        (params, json) => Err(Mismatch::new(
            format!("{} arguments, as an array or an object", params.len()),
            found(json),
        )),
    }
}

/// A value of this type from JSON.
///
/// # Errors
/// [`Mismatch`]
pub fn from_json(ty: &Type, json: &Value, bytes: Bytes) -> Result<Val, Mismatch> {
    let mismatch = || Mismatch::new(wit(ty), found(json));
    Ok(match ty {
        Type::Bool => Val::Bool(json.as_bool().ok_or_else(mismatch)?),
        Type::S8 => Val::S8(whole(json).ok_or_else(mismatch)?),
        Type::U8 => Val::U8(whole(json).ok_or_else(mismatch)?),
        Type::S16 => Val::S16(whole(json).ok_or_else(mismatch)?),
        Type::U16 => Val::U16(whole(json).ok_or_else(mismatch)?),
        Type::S32 => Val::S32(whole(json).ok_or_else(mismatch)?),
        Type::U32 => Val::U32(whole(json).ok_or_else(mismatch)?),
        Type::S64 => Val::S64(json.as_i64().ok_or_else(mismatch)?),
        Type::U64 => Val::U64(json.as_u64().ok_or_else(mismatch)?),
        Type::Float32 => Val::Float32(single(json).ok_or_else(mismatch)?),
        Type::Float64 => Val::Float64(float(json).ok_or_else(mismatch)?),
        Type::Char => {
            let mut chars = json.as_str().ok_or_else(mismatch)?.chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) => Val::Char(char),
                _ => return Err(mismatch()),
            }
        }
        Type::String => Val::String(json.as_str().ok_or_else(mismatch)?.to_owned()),
        Type::List(list) => match (list.ty(), json) {
            (Type::U8, Value::String(text)) if bytes == Bytes::Base64 => {
                let decoded = STANDARD
                    .decode(text)
                    .map_err(|error| Mismatch::new("base64 text", format!("text that is none: {error}")))?;
                Val::List(decoded.into_iter().map(Val::U8).collect())
            }
            // As an empty list is written.
            (Type::U8, Value::Array(values)) if values.is_empty() => Val::List(Vec::new()),
            (Type::U8, _) if bytes == Bytes::Base64 => return Err(Mismatch::new("base64 text", found(json))),
            (ty, json) => Val::List(items(&ty, json.as_array().ok_or_else(mismatch)?, bytes)?),
        },
        Type::FixedLengthList(list) => {
            let values = json.as_array().ok_or_else(mismatch)?;
            if values.len() != list.len() as usize {
                return Err(mismatch());
            }
            Val::FixedLengthList(items(&list.ty(), values, bytes)?)
        }
        Type::Map(map) => {
            let pairs = json.as_array().ok_or_else(mismatch)?.iter().enumerate();
            let pair = |(at, pair): (usize, &Value)| match pair.as_array().map(Vec::as_slice) {
                Some([key, value]) => Ok((
                    from_json(&map.key(), key, bytes).map_err(|why| why.at(0).at(at))?,
                    from_json(&map.value(), value, bytes).map_err(|why| why.at(1).at(at))?,
                )),
                _ => Err(Mismatch::new("a pair", found(pair)).at(at)),
            };
            Val::Map(pairs.map(pair).collect::<Result<_, _>>()?)
        }
        Type::Record(record) => {
            let object = json.as_object().ok_or_else(mismatch)?;
            known(object, || record.fields().map(|field| field.name))?;
            let get = |part: wasmtime::component::types::Field<'_>| {
                Ok((part.name.to_owned(), field(object, part.name, &part.ty, bytes)?))
            };
            Val::Record(record.fields().map(get).collect::<Result<_, _>>()?)
        }
        Type::Tuple(tuple) => {
            let values = json.as_array().ok_or_else(mismatch)?;
            if values.len() != tuple.types().len() {
                return Err(mismatch());
            }
            let both = tuple.types().zip(values).enumerate();
            let get = |(at, (ty, json)): (usize, (Type, &Value))| from_json(&ty, json, bytes).map_err(|why| why.at(at));
            Val::Tuple(both.map(get).collect::<Result<_, _>>()?)
        }
        Type::Variant(variant) => {
            let (name, payload) = case(json).ok_or_else(mismatch)?;
            let case = variant.cases().find(|case| case.name == name).ok_or_else(mismatch)?;
            Val::Variant(
                name.to_owned(),
                self::payload(case.ty.as_ref(), name, payload, ty, bytes)?,
            )
        }
        Type::Enum(names) => {
            let name = json.as_str().ok_or_else(mismatch)?;
            names.names().find(|known| *known == name).ok_or_else(mismatch)?;
            Val::Enum(name.to_owned())
        }
        Type::Flags(names) => {
            let mut set: Vec<String> = Vec::new();
            for (at, flag) in json.as_array().ok_or_else(mismatch)?.iter().enumerate() {
                let name = flag.as_str().filter(|name| names.names().any(|known| known == *name));
                let name = name.ok_or_else(|| Mismatch::new(wit(ty), found(flag)).at(at))?;
                if set.iter().any(|set| set == name) {
                    return Err(Mismatch::new("each flag once", format!("{name:?} again")).at(at));
                }
                set.push(name.to_owned());
            }
            Val::Flags(set)
        }
        Type::Option(option) => {
            let inner = option.ty();
            match json {
                Value::Null => Val::Option(None),
                json if may_be_null(&inner) => {
                    let (_, some) = case(json).filter(|(name, _)| *name == "some").ok_or_else(mismatch)?;
                    let some = some.ok_or_else(mismatch)?;
                    let value = from_json(&inner, some, bytes).map_err(|why| why.in_field("some"))?;
                    Val::Option(Some(Box::new(value)))
                }
                json => Val::Option(Some(Box::new(from_json(&inner, json, bytes)?))),
            }
        }
        Type::Result(result) => {
            let (name, payload) = case(json).ok_or_else(mismatch)?;
            match name {
                "ok" => Val::Result(Ok(self::payload(result.ok().as_ref(), name, payload, ty, bytes)?)),
                "err" => Val::Result(Err(self::payload(result.err().as_ref(), name, payload, ty, bytes)?)),
                _ => return Err(mismatch()),
            }
        }
        Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
            return Err(mismatch());
        }
    })
}

fn items(ty: &Type, values: &[Value], bytes: Bytes) -> Result<Vec<Val>, Mismatch> {
    let each = values.iter().enumerate();
    each.map(|(at, json)| from_json(ty, json, bytes).map_err(|why| why.at(at)))
        .collect()
}

type Object = serde_json::Map<String, Value>;

/// A field of an object; one that is left out is `none` where that fits.
fn field(object: &Object, name: &str, ty: &Type, bytes: Bytes) -> Result<Val, Mismatch> {
    match (object.get(name), ty) {
        (Some(json), ty) => from_json(ty, json, bytes).map_err(|why| why.in_field(name)),
        (None, Type::Option(_)) => Ok(Val::Option(None)),
        (None, ty) => Err(Mismatch::new(wit(ty), "nothing").in_field(name)),
    }
}

/// Everything in the object has one of these names.
fn known<'a, I: Iterator<Item = &'a str>>(object: &Object, names: impl Fn() -> I) -> Result<(), Mismatch> {
    match object.keys().find(|key| !names().any(|name| name == *key)) {
        Some(key) => {
            let names: Vec<_> = names().collect();
            Err(Mismatch::new(
                format!("one of the fields {}", names.join(", ")),
                format!("{key:?}"),
            ))
        }
        None => Ok(()),
    }
}

/// `"name"` or `{"name": payload}`.
fn case(json: &Value) -> Option<(&str, Option<&Value>)> {
    match json {
        Value::String(name) => Some((name, None)),
        Value::Object(object) if object.len() == 1 => object.iter().next().map(|(name, json)| (&**name, Some(json))),
        _ => None,
    }
}

fn payload(
    ty: Option<&Type>,
    name: &str,
    json: Option<&Value>,
    whole: &Type,
    bytes: Bytes,
) -> Result<Option<Box<Val>>, Mismatch> {
    match (ty, json) {
        (None, None | Some(Value::Null)) => Ok(None),
        (Some(ty), Some(json)) => {
            let value = from_json(ty, json, bytes).map_err(|why| why.in_field(name))?;
            Ok(Some(Box::new(value)))
        }
        (None, Some(json)) => Err(Mismatch::new(format!("{name:?} without a payload"), found(json)).in_field(name)),
        // An option may be left out here too.
        (Some(Type::Option(_)), None) => Ok(Some(Box::new(Val::Option(None)))),
        (Some(ty), None) => Err(Mismatch::new(
            format!("{{{name:?}: {}}} of {}", wit(ty), wit(whole)),
            format!("{name:?} without a payload"),
        )),
    }
}

/// Whether `null` is a value of this type.
fn may_be_null(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}

fn whole<T: TryFrom<i64>>(json: &Value) -> Option<T> {
    json.as_i64().and_then(|number| T::try_from(number).ok())
}

fn float(json: &Value) -> Option<f64> {
    match json {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// A number that an `f32` can have, rounded to the nearest one.
fn single(json: &Value) -> Option<f32> {
    let wide = float(json)?;
    let narrow = wide as f32;
    (narrow.is_finite() || !wide.is_finite()).then_some(narrow)
}

/// What a JSON value is, for a message.
fn found(json: &Value) -> String {
    const SHOWN: usize = 40;
    match json {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= SHOWN => format!("the string {text:?}"),
        Value::String(text) => {
            let start: String = text.chars().take(SHOWN).collect();
            format!("a string of {} bytes, {start:?}…", text.len())
        }
        Value::Array(values) => format!("an array of {}", values.len()),
        Value::Object(object) => {
            let keys: Vec<_> = object.keys().take(4).map(String::as_str).collect();
            let more = if object.len() > keys.len() { ", …" } else { "" };
            format!("an object with {{{}{more}}}", keys.join(", "))
        }
    }
}

/// A value as JSON, for any serializer.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a>(pub &'a Val, pub Bytes);

impl Json<'_> {
    fn float<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_nan() {
            serializer.serialize_str("NaN")
        } else if value == f64::INFINITY {
            serializer.serialize_str("Infinity")
        } else if value == f64::NEG_INFINITY {
            serializer.serialize_str("-Infinity")
        } else {
            serializer.serialize_f64(value)
        }
    }

    /// `"name"` or `{"name": payload}`.
    fn case<S: Serializer>(&self, name: &str, payload: Option<&Val>, serializer: S) -> Result<S::Ok, S::Error> {
        match payload {
            None => serializer.serialize_str(name),
            Some(payload) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(name, &Json(payload, self.1))?;
                map.end()
            }
        }
    }

    fn list<S: Serializer>(&self, values: &[Val], serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(values.len()))?;
        for value in values {
            list.serialize_element(&Json(value, self.1))?;
        }
        list.end()
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Json(value, bytes) = *self;
        match value {
            Val::Bool(value) => serializer.serialize_bool(*value),
            Val::S8(value) => serializer.serialize_i8(*value),
            Val::U8(value) => serializer.serialize_u8(*value),
            Val::S16(value) => serializer.serialize_i16(*value),
            Val::U16(value) => serializer.serialize_u16(*value),
            Val::S32(value) => serializer.serialize_i32(*value),
            Val::U32(value) => serializer.serialize_u32(*value),
            Val::S64(value) => serializer.serialize_i64(*value),
            Val::U64(value) => serializer.serialize_u64(*value),
            Val::Float32(value) if value.is_finite() => serializer.serialize_f32(*value),
            Val::Float32(value) => Json::float(f64::from(*value), serializer),
            Val::Float64(value) => Json::float(*value, serializer),
            Val::Char(value) => serializer.serialize_char(*value),
            Val::String(value) => serializer.serialize_str(value),
            Val::List(values) => match base64(values, bytes) {
                Some(text) => serializer.serialize_str(&text),
                None => self.list(values, serializer),
            },
            Val::FixedLengthList(values) | Val::Tuple(values) => self.list(values, serializer),
            Val::Map(pairs) => {
                let mut list = serializer.serialize_seq(Some(pairs.len()))?;
                for (key, value) in pairs {
                    list.serialize_element(&(Json(key, bytes), Json(value, bytes)))?;
                }
                list.end()
            }
            Val::Record(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, &Json(value, bytes))?;
                }
                map.end()
            }
            Val::Variant(name, payload) => self.case(name, payload.as_deref(), serializer),
            Val::Enum(name) => serializer.serialize_str(name),
            Val::Option(None) => serializer.serialize_none(),
            Val::Option(Some(value)) => match &**value {
                Val::Option(_) => self.case("some", Some(value), serializer),
                value => Json(value, bytes).serialize(serializer),
            },
            Val::Result(Ok(value)) => self.outcome("ok", value.as_deref(), serializer),
            Val::Result(Err(value)) => self.outcome("err", value.as_deref(), serializer),
            Val::Flags(names) => names.serialize(serializer),
            Val::Resource(_) | Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => {
                Err(S::Error::custom("a value that means nothing outside its instance"))
            }
        }
    }
}

impl Json<'_> {
    fn outcome<S: Serializer>(&self, name: &str, payload: Option<&Val>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match payload {
            Some(payload) => map.serialize_entry(name, &Json(payload, self.1))?,
            None => map.serialize_entry(name, &())?,
        }
        map.end()
    }
}

/// Bytes as text, if that is how they are wanted and they are bytes. An empty list may be one of anything; as such it stays.
fn base64(values: &[Val], bytes: Bytes) -> Option<String> {
    if bytes == Bytes::Array || values.is_empty() {
        return None;
    }
    let raw: Option<Vec<u8>> = values
        .iter()
        .map(|value| match value {
            Val::U8(byte) => Some(*byte),
            _ => None,
        })
        .collect();
    raw.map(|raw| STANDARD.encode(raw))
}
