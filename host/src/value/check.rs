//! Whether values are of the types that a function takes, before it is called with them.

use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::Mismatch;
use crate::program::{Function, wit};

/// Checks the arguments of a call, as many as there are parameters.
pub(crate) fn check(function: &Function, arguments: &[Val]) -> Result<(), Mismatch> {
    let mut both = function.params().iter().zip(arguments);
    both.try_for_each(|((name, ty), value)| fits(ty, value).map_err(|why| why.in_field(name)))
}

fn fits(ty: &Type, value: &Val) -> Result<(), Mismatch> {
    let mismatch = || Err(Mismatch::new(wit(ty), kind(value)));
    match (ty, value) {
        (Type::Bool, Val::Bool(_))
        | (Type::S8, Val::S8(_))
        | (Type::U8, Val::U8(_))
        | (Type::S16, Val::S16(_))
        | (Type::U16, Val::U16(_))
        | (Type::S32, Val::S32(_))
        | (Type::U32, Val::U32(_))
        | (Type::S64, Val::S64(_))
        | (Type::U64, Val::U64(_))
        | (Type::Float32, Val::Float32(_))
        | (Type::Float64, Val::Float64(_))
        | (Type::Char, Val::Char(_))
        | (Type::String, Val::String(_)) => Ok(()),
        (Type::List(list), Val::List(values)) => all(&list.ty(), values),
        (Type::FixedLengthList(list), Val::FixedLengthList(values)) if values.len() == list.len() as usize => {
            all(&list.ty(), values)
        }
        (Type::Map(map), Val::Map(pairs)) => {
            let (key, of) = (map.key(), map.value());
            pairs.iter().enumerate().try_for_each(|(at, (name, value))| {
                fits(&key, name)
                    .and_then(|()| fits(&of, value))
                    .map_err(|why| why.at(at))
            })
        }
        (Type::Record(record), Val::Record(fields)) => {
            let names = record.fields().map(|field| field.name);
            if !names.eq(fields.iter().map(|(name, _)| name.as_str())) {
                return mismatch();
            }
            let mut both = record.fields().zip(fields);
            both.try_for_each(|(field, (name, value))| fits(&field.ty, value).map_err(|why| why.in_field(name)))
        }
        (Type::Tuple(tuple), Val::Tuple(values)) if values.len() == tuple.types().len() => {
            let mut both = tuple.types().zip(values).enumerate();
            both.try_for_each(|(at, (ty, value))| fits(&ty, value).map_err(|why| why.at(at)))
        }
        (Type::Variant(variant), Val::Variant(name, payload)) => match variant.cases().find(|case| case.name == name) {
            Some(case) => held(ty, case.ty, name, payload.as_deref(), value),
            None => mismatch(),
        },
        (Type::Enum(names), Val::Enum(name)) if names.names().any(|known| known == name) => Ok(()),
        (Type::Flags(names), Val::Flags(set)) if set.iter().all(|name| names.names().any(|known| known == name)) => {
            Ok(())
        }
        (Type::Option(_), Val::Option(None)) => Ok(()),
        (Type::Option(option), Val::Option(Some(value))) => fits(&option.ty(), value),
        (Type::Result(result), Val::Result(Ok(payload))) => held(ty, result.ok(), "ok", payload.as_deref(), value),
        (Type::Result(result), Val::Result(Err(payload))) => held(ty, result.err(), "err", payload.as_deref(), value),
        // Whose they are is Wasmtime's to say.
        (Type::Own(_) | Type::Borrow(_), Val::Resource(_))
        | (Type::Future(_), Val::Future(_))
        | (Type::Stream(_), Val::Stream(_))
        | (Type::ErrorContext, Val::ErrorContext(_)) => Ok(()),
        _ => mismatch(),
    }
}

fn all(ty: &Type, values: &[Val]) -> Result<(), Mismatch> {
    let mut each = values.iter().enumerate();
    each.try_for_each(|(at, value)| fits(ty, value).map_err(|why| why.at(at)))
}

/// What a case of a type holds.
fn held(whole: &Type, ty: Option<Type>, case: &str, payload: Option<&Val>, value: &Val) -> Result<(), Mismatch> {
    match (ty, payload) {
        (Some(ty), Some(payload)) => fits(&ty, payload).map_err(|why| why.in_field(case)),
        (None, None) => Ok(()),
        _ => Err(Mismatch::new(wit(whole), kind(value))),
    }
}

/// What a value is, without what is in it.
fn kind(value: &Val) -> &'static str {
    match value {
        Val::Bool(_) => "bool",
        Val::S8(_) => "s8",
        Val::U8(_) => "u8",
        Val::S16(_) => "s16",
        Val::U16(_) => "u16",
        Val::S32(_) => "s32",
        Val::U32(_) => "u32",
        Val::S64(_) => "s64",
        Val::U64(_) => "u64",
        Val::Float32(_) => "f32",
        Val::Float64(_) => "f64",
        Val::Char(_) => "char",
        Val::String(_) => "string",
        Val::List(_) => "another list",
        Val::FixedLengthList(_) => "another list of a fixed length",
        Val::Map(_) => "another map",
        Val::Record(_) => "another record",
        Val::Tuple(_) => "another tuple",
        Val::Variant(..) => "another variant",
        Val::Enum(_) => "another enum",
        Val::Flags(_) => "other flags",
        Val::Option(_) => "an option",
        Val::Result(_) => "another result",
        Val::Resource(_) => "a resource",
        Val::Future(_) => "a future",
        Val::Stream(_) => "a stream",
        Val::ErrorContext(_) => "an error context",
    }
}
