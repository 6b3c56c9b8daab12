//! Tables: where a row ends, what its cells are, and which columns a function needs.

use std::io::{self, Read};

use wasm_pool::Function;
use wasm_pool::value::Type;

use crate::args::Format;

/// Where items end: with their lines, but for a row of a table, whose cells may have line breaks between quotes.
///
/// Quotes mean what they mean to the `csv` crate: they open a cell at its start only, and are doubled inside it.
pub(super) enum Quotes {
    /// No quote means anything.
    Off,
    CellStart,
    Plain,
    Quoted,
    /// Behind a quote inside a quoted cell: its end, or the first of two.
    Quote,
}

impl Quotes {
    pub(super) fn new(format: Format) -> Quotes {
        match format {
            Format::Csv => Quotes::CellStart,
            Format::Json | Format::Lines => Quotes::Off,
        }
    }

    /// Whether a cell has begun that only a quote ends.
    pub(super) fn are_open(&self) -> bool {
        matches!(self, Quotes::Quoted)
    }

    /// Goes over a line of an item, or a piece of one; whether the item ends with it.
    pub(super) fn end_with(&mut self, line: &[u8]) -> bool {
        if !matches!(self, Quotes::Off) {
            for byte in line {
                *self = match (&self, byte) {
                    (Quotes::Quoted, b'"') => Quotes::Quote,
                    (Quotes::Quoted, _) | (Quotes::CellStart | Quotes::Quote, b'"') => Quotes::Quoted,
                    (_, b',') => Quotes::CellStart,
                    _ => Quotes::Plain,
                };
            }
        }
        line.last() == Some(&b'\n') && !self.are_open()
    }
}

/// Rows of a table, one after the other.
pub(super) struct Rows {
    reader: csv::Reader<io::Chain<&'static [u8], io::Cursor<Vec<u8>>>>,
    row: csv::StringRecord,
}

impl Rows {
    /// Those of this text, whose lines end in a line feed alone.
    pub(super) fn new(text: Vec<u8>) -> Rows {
        // The empty line, which is no row, stands where the reader would look for a byte order mark and take it away.
        let text = b"\n".as_slice().chain(io::Cursor::new(text));
        let mut builder = csv::ReaderBuilder::new();
        builder
            .has_headers(false)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'));
        Rows {
            reader: builder.from_reader(text),
            row: csv::StringRecord::new(),
        }
    }

    /// The next one; why it cannot be read.
    pub(super) fn next(&mut self) -> Result<&csv::StringRecord, String> {
        match self.reader.read_record(&mut self.row) {
            Ok(true) => Ok(&self.row),
            Ok(false) => Err("a row that cannot be read".to_owned()),
            Err(error) => Err(match error.kind() {
                csv::ErrorKind::Utf8 { err, .. } => format!("cell {} is not UTF-8", err.field() + 1),
                _ => format!("a row that cannot be read: {error}"),
            }),
        }
    }
}

/// Whether the table has the columns that the function needs; why not.
pub(super) fn check_columns(function: &Function, columns: &[String]) -> Result<(), String> {
    let needed: Vec<(&str, bool)> = match function.params() {
        [(_, Type::Record(record))] => {
            let fields = record.fields();
            fields.map(|field| (field.name, may_be_missing(&field.ty))).collect()
        }
        // Whatever its only column is called.
        [_] if columns.len() == 1 => return Ok(()),
        params => params.iter().map(|(name, ty)| (&**name, may_be_missing(ty))).collect(),
    };
    for (name, may_be_missing) in needed {
        let shown = || columns.join(", ");
        match columns.iter().filter(|column| *column == name).count() {
            0 if may_be_missing => {}
            0 => {
                return Err(format!(
                    "{function}: the table has no column {name:?}; its first row names {}",
                    shown()
                ));
            }
            1 => {}
            _ => {
                return Err(format!(
                    "{function}: the table has two columns {name:?}; its first row names {}",
                    shown()
                ));
            }
        }
    }
    Ok(())
}

fn may_be_missing(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}
