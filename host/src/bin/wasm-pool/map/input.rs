//! The items: read in chunks, so that reading them is shared out with calling.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;

use crate::args::Format;

/// Bytes of items in a chunk, about: enough to make handing it over cheap, little enough to bound what is in memory.
const CHUNK: usize = 64 << 10;

/// Items that one interpreter is handed at once.
#[derive(Default)]
pub(super) struct Chunk {
    pub text: Vec<u8>,
    pub items: Vec<Item>,
    /// Bytes of the input up to its end.
    pub upto: u64,
}

/// One item: its number as a line of the input, from 1, and what it is.
pub(super) struct Item {
    pub line: u64,
    pub what: What,
}

pub(super) enum What {
    /// A line of the chunk's text.
    Line(std::ops::Range<usize>),
    /// A row of a table.
    Row(csv::StringRecord),
    /// It cannot be read: why.
    Unread(String),
}

/// Where items come from.
pub(super) enum Input {
    Lines(Lines<Box<dyn Read + Send>>),
    Rows(Box<Rows>),
}

impl Input {
    /// Opens it; its length in bytes, if it has one.
    pub(super) fn open(path: &Path, format: Format, longest: u64) -> anyhow::Result<(Input, Option<u64>)> {
        let (source, length): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let unreadable = |why: &dyn std::fmt::Display| {
                wasm_pool::Error::new(wasm_pool::ErrorKind::Unreadable, format!("{}: {why}", path.display()))
            };
            let file = File::open(path).map_err(|error| unreadable(&error))?;
            let meta = file.metadata().map_err(|error| unreadable(&error))?;
            if meta.is_dir() {
                return Err(unreadable(&"a folder, where items were expected").into());
            }
            (Box::new(file), meta.is_file().then_some(meta.len()))
        };
        let input = match format {
            Format::Json | Format::Lines => Input::Lines(Lines::new(source, longest, format)),
            Format::Csv => Input::Rows(Box::new(Rows::new(source, longest)?)),
        };
        Ok((input, length))
    }

    /// The names of the columns, of a table.
    pub(super) fn columns(&self) -> Option<&[String]> {
        match self {
            Input::Lines(_) => None,
            Input::Rows(rows) => Some(&rows.columns),
        }
    }

    /// The next items, at most so many; fewer when no more are there yet. None at the end.
    pub(super) fn next(&mut self, most: usize) -> io::Result<Option<Chunk>> {
        let mut chunk = Chunk::default();
        match self {
            Input::Lines(lines) => lines.fill(&mut chunk, most)?,
            Input::Rows(rows) => rows.fill(&mut chunk, most)?,
        }
        Ok((!chunk.items.is_empty()).then_some(chunk))
    }

    /// Passes over so many items; whether there were so many.
    pub(super) fn skip(&mut self, mut items: u64) -> io::Result<bool> {
        while items > 0 {
            let most = usize::try_from(items).unwrap_or(usize::MAX);
            let Some(chunk) = self.next(most)? else { return Ok(false) };
            items -= chunk.items.len() as u64;
        }
        Ok(true)
    }
}

/// Items that are lines.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    longest: u64,
    /// Whether an empty line is an item.
    empty: bool,
    line: u64,
    read: u64,
}

impl<R: Read> Lines<R> {
    fn new(source: R, longest: u64, format: Format) -> Lines<R> {
        Lines {
            reader: BufReader::with_capacity(CHUNK, source),
            longest,
            empty: format == Format::Lines,
            line: 0,
            read: 0,
        }
    }

    fn fill(&mut self, chunk: &mut Chunk, most: usize) -> io::Result<()> {
        while chunk.items.len() < most && chunk.text.len() < CHUNK {
            // What is here is handed over before anybody waits for more.
            if !chunk.items.is_empty() && self.reader.buffer().is_empty() {
                break;
            }
            if !self.line(chunk)? {
                break;
            }
        }
        chunk.upto = self.read;
        Ok(())
    }

    /// Reads a line; `false` at the end.
    fn line(&mut self, chunk: &mut Chunk) -> io::Result<bool> {
        let start = chunk.text.len();
        let longest = self.longest.saturating_add(1);
        let read = self.reader.by_ref().take(longest).read_until(b'\n', &mut chunk.text)? as u64;
        self.read += read;
        if read == 0 {
            return Ok(false);
        }
        self.line += 1;
        let whole = chunk.text.last() == Some(&b'\n');
        if !whole && read == longest {
            chunk.text.truncate(start);
            self.read += self.reader.skip_until(b'\n')? as u64;
            let why = format!("a line longer than {} (--item-size raises it)", crate::report::size(self.longest));
            chunk.items.push(Item {
                line: self.line,
                what: What::Unread(why),
            });
            return Ok(true);
        }
        let mut end = chunk.text.len();
        for ending in [b'\n', b'\r'] {
            if end > start && chunk.text[end - 1] == ending {
                end -= 1;
            }
        }
        if self.empty || !chunk.text[start..end].trim_ascii().is_empty() {
            chunk.items.push(Item {
                line: self.line,
                what: What::Line(start..end),
            });
        }
        Ok(true)
    }
}

/// Items that are rows of a table.
pub(super) struct Rows {
    reader: csv::Reader<Bounded>,
    columns: Vec<String>,
}

impl Rows {
    fn new(source: Box<dyn Read + Send>, longest: u64) -> anyhow::Result<Rows> {
        let bounded = Bounded {
            source,
            left: longest,
            longest,
        };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
        let columns = reader.headers().context("the table's first line, its columns")?;
        let columns = columns.iter().map(|name| name.trim().to_owned()).collect();
        Ok(Rows { reader, columns })
    }

    fn fill(&mut self, chunk: &mut Chunk, most: usize) -> io::Result<()> {
        let mut bytes = 0;
        while chunk.items.len() < most && bytes < CHUNK {
            let mut row = csv::StringRecord::new();
            let line = self.reader.position().line();
            let bounded = self.reader.get_mut();
            bounded.left = bounded.longest;
            let what = match self.reader.read_record(&mut row) {
                Ok(false) => break,
                Ok(true) => {
                    bytes += row.as_slice().len();
                    What::Row(row)
                }
                Err(error) => match error.into_kind() {
                    csv::ErrorKind::Io(error) => return Err(error),
                    csv::ErrorKind::Utf8 { err, .. } => What::Unread(format!("a row that is not UTF-8: {err}")),
                    _ => What::Unread("a row that cannot be read".to_owned()),
                },
            };
            chunk.items.push(Item { line, what });
        }
        chunk.upto = self.reader.position().byte();
        Ok(())
    }
}

/// A source that fails when one row takes too much of it.
struct Bounded {
    source: Box<dyn Read + Send>,
    left: u64,
    longest: u64,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let shown = crate::report::size(self.longest);
            return Err(io::Error::other(format!("a row longer than {shown} (--item-size raises it)")));
        }
        let read = self.source.read(into)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, longest: u64, most: usize) -> Vec<Vec<(u64, String)>> {
        let source: Box<dyn Read + Send> = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let mut input = Input::Lines(Lines::new(source, longest, Format::Json));
        let mut chunks = Vec::new();
        while let Some(chunk) = input.next(most).expect("reads") {
            let shown = chunk.items.iter().map(|item| match &item.what {
                What::Line(range) => {
                    (item.line, String::from_utf8_lossy(&chunk.text[range.clone()]).into_owned())
                }
                What::Row(_) => (item.line, "a row".to_owned()),
                What::Unread(why) => (item.line, why.clone()),
            });
            chunks.push(shown.collect());
        }
        chunks
    }

    #[test]
    fn lines_are_shared_out_and_keep_their_numbers() {
        let chunks = read("1\r\n\n2\n3", 100, 2);
        assert_eq!(
            chunks,
            [vec![(1, "1".to_owned()), (3, "2".to_owned())], vec![(4, "3".to_owned())]]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let chunks = read("123\n123456789\n45\n", 4, 9);
        let lines: Vec<_> = chunks.concat();
        assert_eq!(lines[0], (1, "123".to_owned()));
        assert!(lines[1].0 == 2 && lines[1].1.contains("--item-size"), "{lines:?}");
        assert_eq!(lines[2], (3, "45".to_owned()));
    }
}
