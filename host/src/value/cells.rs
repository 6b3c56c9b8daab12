//! Cells of a table, which are text: what a CSV file holds.

use serde_json::Value;
use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::json::{Json, from_json};
use super::{Bytes, Mismatch};
use crate::program::Function;

/// The arguments of a call, from a row of a table and the names of its columns: the parameters, or the fields of the one
/// parameter that is a record. Columns that nobody asks for are passed over, a row that has more
/// cells than there are columns is none.
///
/// # Errors
/// [`Mismatch`], whose path is the column's name.
pub fn from_cells(function: &Function, columns: &[String], row: &[&str], bytes: Bytes) -> Result<Vec<Val>, Mismatch> {
    if row.len() > columns.len() {
        return Err(Mismatch::new(
            format!("a row of at most {}", columns.len()),
            format!("a row of {}", row.len()),
        ));
    }
    let cell = |name: &str, ty: &Type| {
        let at = columns.iter().position(|column| column == name);
        match (at, at.and_then(|at| row.get(at))) {
            (_, Some(text)) => from_cell(ty, text, bytes).map_err(|why| why.in_field(name)),
            (_, None) if matches!(ty, Type::Option(_)) => Ok(Val::Option(None)),
            (Some(at), None) => Err(Mismatch::new(
                format!("a cell {} for the column {name:?}", at + 1),
                format!("a row of {}", row.len()),
            )),
            (None, None) => Err(Mismatch::new(
                format!("a column {name:?}"),
                format!("the columns {}", columns.join(", ")),
            )),
        }
    };
    match function.params() {
        [(_, Type::Record(record))] => {
            let fields = record
                .fields()
                .map(|field| Ok((field.name.to_owned(), cell(field.name, &field.ty)?)));
            Ok(vec![Val::Record(fields.collect::<Result<_, Mismatch>>()?)])
        }
        // Whatever its only column is called.
        [(name, ty)] if columns.len() == 1 => {
            let text = row.first().copied().unwrap_or_default();
            Ok(vec![from_cell(ty, text, bytes).map_err(|why| why.in_field(name))?])
        }
        params => params.iter().map(|(name, ty)| cell(name, ty)).collect(),
    }
}

/// A value of this type from a cell: text as it is, an empty cell as `none`, everything else as JSON has it.
///
/// # Errors
/// [`Mismatch`]
pub fn from_cell(ty: &Type, text: &str, bytes: Bytes) -> Result<Val, Mismatch> {
    let as_text = || Value::String(text.to_owned());
    match ty {
        Type::String | Type::Char | Type::Enum(_) => from_json(ty, &as_text(), bytes),
        Type::Option(_) if text.is_empty() => Ok(Val::Option(None)),
        Type::Option(option) => Ok(Val::Option(Some(Box::new(from_cell(&option.ty(), text, bytes)?)))),
        ty => {
            // What is no JSON is text, and the message says so.
            let json = serde_json::from_str(text.trim()).unwrap_or_else(|_| as_text());
            from_json(ty, &json, bytes)
        }
    }
}

/// A value as a cell: text as it is, `none` as nothing, everything else as JSON has it.
///
/// # Errors
/// What serde_json says of a value that JSON cannot have.
pub fn to_cell(value: &Val, bytes: Bytes) -> serde_json::Result<String> {
    match value {
        Val::String(text) => Ok(text.clone()),
        Val::Enum(name) => Ok(name.clone()),
        Val::Char(char) => Ok(char.to_string()),
        Val::Option(None) => Ok(String::new()),
        Val::Option(Some(value)) => to_cell(value, bytes),
        value => serde_json::to_string(&Json(value, bytes)),
    }
}
