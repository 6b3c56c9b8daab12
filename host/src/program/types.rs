//! Types in words, up to a bound.
//!
//! A type shares its parts, and written out it does not: what takes 100 KB in a file may be gigabytes of text. So each is written
//! until it is long enough, and cut there.

use std::fmt::{self, Write};

use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::{ExternType, FuncType};

/// The longest text of one type, in bytes.
const LONGEST: usize = 2_000;

/// What stands for the rest.
pub(super) const CUT: &str = "…";

/// Text that ends with an error when it is long enough.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = LONGEST.saturating_sub(self.0.len());
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(&text[..text.floor_char_boundary(left)]);
        Err(fmt::Error)
    }
}

/// What `write` writes, cut where it is long enough.
fn bounded(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> String {
    let mut out = Bounded(String::new());
    if write(&mut out).is_err() {
        out.0.push_str(CUT);
    }
    out.0
}

/// Several things with commas between them.
fn list<T>(
    out: &mut Bounded,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Bounded, T) -> fmt::Result,
) -> fmt::Result {
    for (number, item) in items.enumerate() {
        if number > 0 {
            out.write_str(", ")?;
        }
        write(out, item)?;
    }
    Ok(())
}

/// The type of what a core module imports or exports.
pub(super) fn extern_type(ty: &ExternType) -> String {
    match ty {
        ExternType::Func(func) => core_function_type(func),
        ExternType::Global(global) => format!("global {}", global.content()),
        ExternType::Table(table) => match table.maximum() {
            Some(maximum) => format!("table of {} to {maximum} elements", table.minimum()),
            None => format!("table of {} elements and more", table.minimum()),
        },
        ExternType::Memory(memory) => match memory.maximum() {
            Some(maximum) => format!("memory of {} to {maximum} pages", memory.minimum()),
            None => format!("memory of {} pages and more", memory.minimum()),
        },
        ExternType::Tag(_) => "tag".to_owned(),
    }
}

/// `func(i32, i32) -> f64`
pub(super) fn core_function_type(func: &FuncType) -> String {
    bounded(|out| {
        out.write_str("func(")?;
        list(out, func.params(), |out, ty| write!(out, "{ty}"))?;
        out.write_str(")")?;
        if func.results().len() > 0 {
            out.write_str(" -> ")?;
            list(out, func.results(), |out, ty| write!(out, "{ty}"))?;
        }
        Ok(())
    })
}

/// `func(a: f64, b: list<u8>) -> string`
pub(super) fn function_type(func: &ComponentFunc) -> String {
    bounded(|out| {
        out.write_str("func(")?;
        list(out, func.params(), |out, (name, ty)| {
            write!(out, "{name}: ")?;
            write_wit(out, &ty)
        })?;
        out.write_str(")")?;
        if func.results().len() > 0 {
            out.write_str(" -> ")?;
            list(out, func.results(), |out, ty| write_wit(out, &ty))?;
        }
        Ok(())
    })
}

/// A type in WIT's words. Component types carry no names of their own, so records and variants are spelled out.
pub(crate) fn wit(ty: &Type) -> String {
    bounded(|out| write_wit(out, ty))
}

/// `name<ty>`
fn write_of(out: &mut Bounded, name: &str, ty: &Type) -> fmt::Result {
    write!(out, "{name}<")?;
    write_wit(out, ty)?;
    out.write_str(">")
}

fn write_names<'a>(out: &mut Bounded, what: &str, names: impl Iterator<Item = &'a str>) -> fmt::Result {
    write!(out, "{what} {{ ")?;
    list(out, names, |out, name| out.write_str(name))?;
    out.write_str(" }")
}

fn write_wit(out: &mut Bounded, ty: &Type) -> fmt::Result {
    match ty {
        Type::Bool => out.write_str("bool"),
        Type::S8 => out.write_str("s8"),
        Type::U8 => out.write_str("u8"),
        Type::S16 => out.write_str("s16"),
        Type::U16 => out.write_str("u16"),
        Type::S32 => out.write_str("s32"),
        Type::U32 => out.write_str("u32"),
        Type::S64 => out.write_str("s64"),
        Type::U64 => out.write_str("u64"),
        Type::Float32 => out.write_str("f32"),
        Type::Float64 => out.write_str("f64"),
        Type::Char => out.write_str("char"),
        Type::String => out.write_str("string"),
        Type::List(inner) => write_of(out, "list", &inner.ty()),
        Type::FixedLengthList(inner) => {
            out.write_str("list<")?;
            write_wit(out, &inner.ty())?;
            write!(out, ", {}>", inner.len())
        }
        Type::Map(map) => {
            out.write_str("map<")?;
            write_wit(out, &map.key())?;
            out.write_str(", ")?;
            write_wit(out, &map.value())?;
            out.write_str(">")
        }
        Type::Record(record) => {
            out.write_str("record { ")?;
            list(out, record.fields(), |out, field| {
                write!(out, "{}: ", field.name)?;
                write_wit(out, &field.ty)
            })?;
            out.write_str(" }")
        }
        Type::Tuple(tuple) => {
            out.write_str("tuple<")?;
            list(out, tuple.types(), |out, ty| write_wit(out, &ty))?;
            out.write_str(">")
        }
        Type::Variant(variant) => {
            out.write_str("variant { ")?;
            list(out, variant.cases(), |out, case| {
                out.write_str(case.name)?;
                match &case.ty {
                    Some(ty) => {
                        out.write_str("(")?;
                        write_wit(out, ty)?;
                        out.write_str(")")
                    }
                    None => Ok(()),
                }
            })?;
            out.write_str(" }")
        }
        Type::Enum(names) => write_names(out, "enum", names.names()),
        Type::Flags(names) => write_names(out, "flags", names.names()),
        Type::Option(inner) => write_of(out, "option", &inner.ty()),
        Type::Result(result) => match (result.ok(), result.err()) {
            (None, None) => out.write_str("result"),
            (Some(ok), None) => write_of(out, "result", &ok),
            (ok, Some(err)) => {
                out.write_str("result<")?;
                match ok {
                    Some(ok) => write_wit(out, &ok)?,
                    None => out.write_str("_")?,
                }
                out.write_str(", ")?;
                write_wit(out, &err)?;
                out.write_str(">")
            }
        },
        Type::Own(_) => out.write_str("resource"),
        Type::Borrow(_) => out.write_str("borrow<resource>"),
        Type::Future(inner) => match inner.ty() {
            Some(ty) => write_of(out, "future", &ty),
            None => out.write_str("future<>"),
        },
        Type::Stream(inner) => match inner.ty() {
            Some(ty) => write_of(out, "stream", &ty),
            None => out.write_str("stream<>"),
        },
        Type::ErrorContext => out.write_str("error-context"),
    }
}
