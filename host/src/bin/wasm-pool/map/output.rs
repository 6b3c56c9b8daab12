//! The results: a record for each item, whatever became of it.

use serde::Serialize;
use wasm_pool::calls::Returned;
use wasm_pool::value::{Bytes, Json, Type, Val, to_cell};
use wasm_pool::{Function, Outcome};

use crate::args::Format;
use crate::calling::explain;

/// How results become records.
#[derive(Clone)]
pub(super) struct Form {
    format: Format,
    bytes: Bytes,
    /// The fields of a result that is a record, as columns.
    fields: Vec<String>,
    longest: u64,
}

/// Why an item has no result.
pub(super) enum Failure {
    /// It is no argument.
    Item(String),
    /// The function returned an error.
    Returned(Option<Box<Val>>),
    /// The call was ended.
    Ended(Outcome),
    /// What it returned cannot be a record.
    Result(String),
}

impl Form {
    pub(super) fn new(function: &Function, format: Format, bytes: Bytes, longest: u64) -> Form {
        let ok = match function.results() {
            [Type::Result(result)] => result.ok(),
            [ty] => Some(ty.clone()),
            _ => None,
        };
        let fields = match ok {
            Some(Type::Record(record)) => record.fields().map(|field| field.name.to_owned()).collect(),
            _ => Vec::new(),
        };
        Form {
            format,
            bytes,
            fields,
            longest,
        }
    }

    /// What stands before all records.
    pub(super) fn head(&self) -> Vec<u8> {
        if self.format != Format::Csv {
            return Vec::new();
        }
        let mut columns: Vec<_> = self.fields.iter().map(String::as_str).collect();
        if columns.is_empty() {
            columns.push("result");
        }
        columns.push("error");
        row(&columns)
    }

    /// Appends the record of an item; why, if it is one of a failure.
    pub(super) fn record(&self, line: u64, result: Result<Returned, Failure>, out: &mut Vec<u8>) -> Option<String> {
        let start = out.len();
        let failure = match result {
            Ok(Some(Val::Result(Err(error)))) => Failure::Returned(error),
            Ok(Some(Val::Result(Ok(value)))) => match self.value(value.as_deref(), out) {
                Ok(()) => return None,
                Err(why) => why,
            },
            Ok(value) => match self.value(value.as_ref(), out) {
                Ok(()) => return None,
                Err(why) => why,
            },
            Err(failure) => failure,
        };
        out.truncate(start);
        Some(self.failed(line, &failure, out))
    }

    fn value(&self, value: Option<&Val>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let start = out.len();
        let unsayable =
            |error: &dyn std::fmt::Display| Failure::Result(format!("the result cannot be written: {error}"));
        match self.format {
            Format::Json => match value {
                Some(value) => {
                    let mut text = Short {
                        text: &mut *out,
                        longest: self.longest,
                        length: 0,
                    };
                    serde_json::to_writer(&mut text, &Json(value, self.bytes)).map_err(|error| unsayable(&error))?;
                    let length = text.length;
                    self.fits("result", length)?;
                }
                None => out.extend_from_slice(b"null"),
            },
            Format::Lines => {
                let cell = value.map(|value| to_cell(value, self.bytes)).transpose();
                out.extend_from_slice(cell.map_err(|error| unsayable(&error))?.unwrap_or_default().as_bytes());
            }
            Format::Csv => {
                let cells = match value {
                    Some(Val::Record(fields)) if !self.fields.is_empty() => {
                        fields.iter().map(|(_, value)| to_cell(value, self.bytes)).collect()
                    }
                    Some(value) => to_cell(value, self.bytes).map(|cell| vec![cell]),
                    None => Ok(vec![String::new()]),
                };
                let mut cells = cells.map_err(|error| unsayable(&error))?;
                cells.push(String::new());
                let record = row(&cells);
                out.extend_from_slice(record.trim_ascii_end());
            }
        }
        self.fits("result", (out.len() - start) as u64)?;
        out.push(b'\n');
        Ok(())
    }

    /// Whether a record is short enough to be one.
    fn fits(&self, what: &str, length: u64) -> Result<(), Failure> {
        if length <= self.longest {
            return Ok(());
        }
        Err(Failure::Result(format!(
            "the {what} takes {}, more than {} (--item-size raises it)",
            crate::report::size(length),
            crate::report::size(self.longest)
        )))
    }

    fn failed(&self, line: u64, failure: &Failure, out: &mut Vec<u8>) -> String {
        let text = failure.text(self.bytes);
        if let Failure::Returned(_) = failure
            && let Err(why) = self.fits("error", text.len() as u64)
        {
            return self.failed(line, &why, out);
        }
        let record = Record {
            error: Said(failure, self.bytes),
            line,
            outcome: match failure {
                Failure::Ended(outcome) => Some(outcome.label()),
                _ => None,
            },
        };
        let json =
            serde_json::to_string(&record).unwrap_or_else(|error| format!("{{\"error\":\"{error}\",\"line\":{line}}}"));
        match self.format {
            Format::Json | Format::Lines => {
                out.extend_from_slice(json.as_bytes());
                out.push(b'\n');
            }
            Format::Csv => {
                let mut cells = vec![String::new(); self.fields.len().max(1)];
                cells.push(format!("line {line}: {text}"));
                out.extend_from_slice(&row(&cells));
            }
        }
        text
    }
}

/// Takes a text up to the longest one, and counts the rest of it.
struct Short<'a> {
    text: &'a mut Vec<u8>,
    longest: u64,
    length: u64,
}

impl std::io::Write for Short<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.length += bytes.len() as u64;
        if self.length <= self.longest {
            self.text.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A record of what has no result.
#[derive(Serialize)]
struct Record<'a> {
    error: Said<'a>,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

/// A failure as a record has it: the function's own error as it is, everything else as text.
struct Said<'a>(&'a Failure, Bytes);

impl Serialize for Said<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Failure::Returned(Some(value)) => Json(value, self.1).serialize(serializer),
            Failure::Returned(None) => serializer.serialize_none(),
            failure => serializer.serialize_str(&failure.text(self.1)),
        }
    }
}

impl Failure {
    fn text(&self, bytes: Bytes) -> String {
        match self {
            Failure::Item(why) | Failure::Result(why) => why.clone(),
            Failure::Returned(Some(value)) => to_cell(value, bytes).unwrap_or_else(|error| error.to_string()),
            Failure::Returned(None) => "it returned an error".to_owned(),
            Failure::Ended(outcome) => explain(outcome),
        }
    }
}

/// Cells as a row, with its line's end.
fn row<S: AsRef<[u8]>>(cells: &[S]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory cannot fail.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}
