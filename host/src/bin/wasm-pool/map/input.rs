//! The items: read in chunks, so that reading them is shared out with calling.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use wasm_pool::{Error, ErrorKind};

use super::source::Source;
use super::table::{Quotes, Rows};
use crate::args::Format;

/// Bytes of items in a chunk, about: enough to make handing it over cheap, little enough to bound what is in memory.
const CHUNK: usize = 64 << 10;

/// What some programs write first into a file of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Items that one interpreter is handed at once.
#[derive(Default)]
pub(super) struct Chunk {
    pub text: Vec<u8>,
    pub items: Vec<Item>,
    /// Bytes of the input up to its end.
    pub upto: u64,
}

/// One item: the line of the input where it begins, from 1, and what it is.
pub(super) struct Item {
    pub line: u64,
    pub what: What,
}

pub(super) enum What {
    /// A line of the chunk's text.
    Line(std::ops::Range<usize>),
    /// The next row of the chunk's text, which then holds nothing but rows.
    Row,
    /// It cannot be read: why.
    Unread(String),
}

/// Where items come from.
pub(super) struct Input<R = File> {
    reader: BufReader<R>,
    format: Format,
    longest: u64,
    /// The names of the columns, of a table that is not empty.
    columns: Option<Vec<String>>,
    /// Lines that were read to their end.
    lines: u64,
    bytes: u64,
    /// Why it cannot be read on, told when what came before has been handed over.
    failed: Option<io::Error>,
}

impl Input {
    /// Items of a source; reads a table's first row.
    pub(super) fn of(file: File, source: &Source, format: Format, longest: u64) -> anyhow::Result<Input> {
        let mut input = Input::new(file, format, longest);
        input
            .read_columns()
            .map_err(|why| Error::new(ErrorKind::Unreadable, format!("{}: {why}", source.name)))?;
        Ok(input)
    }
}

impl<R: Read> Input<R> {
    fn new(source: R, format: Format, longest: u64) -> Input<R> {
        Input {
            reader: BufReader::with_capacity(CHUNK, source),
            format,
            longest,
            columns: None,
            lines: 0,
            bytes: 0,
            failed: None,
        }
    }

    /// The names of the columns, of a table that is not empty.
    pub(super) fn columns(&self) -> Option<&[String]> {
        self.columns.as_deref()
    }

    fn read_columns(&mut self) -> Result<(), String> {
        if self.format != Format::Csv {
            return Ok(());
        }
        let wrong = |why: &dyn std::fmt::Display| format!("the first row, which names the columns: {why}");
        let Some(first) = self.next(1).map_err(|error| wrong(&error))? else {
            return Ok(());
        };
        if let Some(What::Unread(why)) = first.items.first().map(|item| &item.what) {
            return Err(wrong(why));
        }
        let mut rows = Rows::new(first.text);
        let names = rows.next().map_err(|why| wrong(&why))?;
        self.columns = Some(names.iter().map(|name| name.trim().to_owned()).collect());
        Ok(())
    }

    /// The next items, at most so many; fewer when no more are there yet. None at the end.
    pub(super) fn next(&mut self, most: usize) -> io::Result<Option<Chunk>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut chunk = Chunk::default();
        while chunk.items.len() < most && chunk.text.len() < CHUNK {
            // What is here is handed over before anybody waits for more.
            if !chunk.items.is_empty() && !self.reader.buffer().contains(&b'\n') {
                break;
            }
            match self.item(&mut chunk) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if chunk.items.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        chunk.upto = self.bytes;
        Ok((!chunk.items.is_empty()).then_some(chunk))
    }

    /// Passes over so many items; whether there were so many.
    pub(super) fn skip(&mut self, mut items: u64) -> io::Result<bool> {
        while items > 0 {
            let most = usize::try_from(items.min(4096)).unwrap_or(1);
            let Some(chunk) = self.next(most)? else {
                return Ok(false);
            };
            items -= chunk.items.len() as u64;
        }
        Ok(true)
    }

    /// Reads an item into the chunk, or passes over what is none; `false` at the end.
    fn item(&mut self, chunk: &mut Chunk) -> io::Result<bool> {
        self.pass_over_mark()?;
        let (start, line) = (chunk.text.len(), self.lines + 1);
        let mut quotes = Quotes::new(self.format);
        let read = self.read_item(&mut chunk.text, &mut quotes);
        if !matches!(read, Ok(Got::Whole)) {
            chunk.text.truncate(start);
        }
        let what = match read? {
            Got::Nothing => return Ok(false),
            Got::Whole => self.what(&mut chunk.text, start),
            Got::Open => {
                let why = "a row that begins a cell with a quote and ends it with none";
                Some(What::Unread(why.to_owned()))
            }
            Got::TooLong => {
                self.pass_over(&mut quotes)?;
                let size = crate::report::size(self.longest);
                let why = format!("{} longer than {size} (--item-size raises it)", self.a_line());
                Some(What::Unread(why))
            }
        };
        match what {
            Some(what) => chunk.items.push(Item { line, what }),
            None => chunk.text.truncate(start),
        }
        Ok(true)
    }

    /// What is no part of the first item.
    fn pass_over_mark(&mut self) -> io::Result<()> {
        if self.bytes == 0 && self.format != Format::Lines && self.reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            self.reader.consume(BYTE_ORDER_MARK.len());
            self.bytes += BYTE_ORDER_MARK.len() as u64;
        }
        Ok(())
    }

    fn a_line(&self) -> &'static str {
        match self.format {
            Format::Csv => "a row",
            Format::Json | Format::Lines => "a line",
        }
    }

    /// Appends an item to the text, with its line's end.
    fn read_item(&mut self, text: &mut Vec<u8>, quotes: &mut Quotes) -> io::Result<Got> {
        let most = self.longest.saturating_add(1);
        let mut length = 0;
        loop {
            let from = text.len();
            let left = most - length;
            let read = self.read_line(text, left)?;
            length += read;
            let line = &text[from..];
            let input_ends = read < left && line.last() != Some(&b'\n');
            match (length, quotes.end_with(line) || input_ends) {
                (0, _) => return Ok(Got::Nothing),
                (_, true) if quotes.are_open() => return Ok(Got::Open),
                (_, true) => return Ok(Got::Whole),
                (length, false) if length == most => return Ok(Got::TooLong),
                _ => {}
            }
        }
    }

    /// Appends a line, or the first bytes of one that is longer; how many those are.
    fn read_line(&mut self, text: &mut Vec<u8>, most: u64) -> io::Result<u64> {
        let read = self.reader.by_ref().take(most).read_until(b'\n', text)? as u64;
        self.bytes += read;
        self.lines += u64::from(read > 0 && text.last() == Some(&b'\n'));
        Ok(read)
    }

    /// Passes over the rest of an item, in whose middle the quotes are.
    fn pass_over(&mut self, quotes: &mut Quotes) -> io::Result<()> {
        let mut piece = Vec::new();
        loop {
            piece.clear();
            if self.read_line(&mut piece, CHUNK as u64)? == 0 || quotes.end_with(&piece) {
                return Ok(());
            }
        }
    }

    /// What the text from `start` on is; `None` for an empty line, where that is no item.
    fn what(&self, text: &mut Vec<u8>, start: usize) -> Option<What> {
        for ending in [b'\n', b'\r'] {
            if text.len() > start && text.last() == Some(&ending) {
                text.pop();
            }
        }
        let line = start..text.len();
        match self.format {
            Format::Lines => Some(What::Line(line)),
            Format::Json => (!text[start..].trim_ascii().is_empty()).then_some(What::Line(line)),
            Format::Csv => (!line.is_empty()).then(|| {
                text.push(b'\n');
                What::Row
            }),
        }
    }
}

/// How the reading of one item went.
enum Got {
    Whole,
    TooLong,
    /// The input is at its end, and a quote is missing.
    Open,
    /// The input is at its end.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: Format, longest: u64, most: usize) -> Vec<Vec<(u64, String)>> {
        let mut input = Input::new(text.as_bytes(), format, longest);
        let mut chunks = Vec::new();
        while let Some(chunk) = input.next(most).expect("reads") {
            let mut rows = Rows::new(chunk.text.clone());
            let shown = chunk.items.iter().map(|item| match &item.what {
                What::Line(range) => (
                    item.line,
                    String::from_utf8_lossy(&chunk.text[range.clone()]).into_owned(),
                ),
                What::Row => (item.line, format!("{:?}", rows.next().expect("a row"))),
                What::Unread(why) => (item.line, why.clone()),
            });
            chunks.push(shown.collect());
        }
        chunks
    }

    #[test]
    fn lines_are_shared_out_and_keep_their_numbers() {
        let chunks = read("\u{feff}1\r\n\n2\n3", Format::Json, 100, 2);
        assert_eq!(
            chunks,
            [
                vec![(1, "1".to_owned()), (3, "2".to_owned())],
                vec![(4, "3".to_owned())]
            ]
        );
    }

    #[test]
    fn any_number_of_empty_lines_is_passed_over() {
        let text = format!("1\n{}2\n", "\n".repeat(3 * CHUNK));
        let items = read(&text, Format::Json, 100, 9).concat();
        assert_eq!(items, [(1, "1".to_owned()), (3 * CHUNK as u64 + 2, "2".to_owned())]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let lines = read("123\n123456789\n45\n1234\n12345", Format::Json, 4, 9).concat();
        assert_eq!(lines[0], (1, "123".to_owned()));
        assert!(lines[1].0 == 2 && lines[1].1.contains("--item-size"), "{lines:?}");
        assert_eq!(lines[2..4], [(3, "45".to_owned()), (4, "1234".to_owned())]);
        assert!(lines[4].0 == 5 && lines[4].1.contains("--item-size"), "{lines:?}");
    }

    #[test]
    fn a_row_goes_on_over_the_lines_in_its_quotes() {
        let text = "a,\"b\n\"\"c\"\r\n\r\nd\"e,f\n\"x\n\n12345678\",g\n\"h\"\n\"open\n";
        let rows = read(text, Format::Csv, 12, 9).concat();
        assert_eq!(rows[0], (1, r#"StringRecord(["a", "b\n\"c"])"#.to_owned()));
        assert_eq!(rows[1], (4, r#"StringRecord(["d\"e", "f"])"#.to_owned()));
        assert!(
            rows[2].0 == 5 && rows[2].1.starts_with("a row longer than 12B"),
            "{rows:?}"
        );
        assert_eq!(rows[3], (8, r#"StringRecord(["h"])"#.to_owned()));
        assert!(rows[4].0 == 9 && rows[4].1.contains("quote"), "{rows:?}");
    }

    /// Gives what it has, then fails.
    struct Torn(&'static [u8]);

    impl Read for Torn {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::Error::other("torn")),
                read => Ok(read),
            }
        }
    }

    #[test]
    fn what_came_before_a_failure_is_handed_over() {
        let mut input = Input::new(Torn(b"1\n2\n3"), Format::Json, 100);
        let mut items = 0;
        let error = loop {
            match input.next(9) {
                Ok(chunk) => items += chunk.map_or(0, |chunk| chunk.items.len()),
                Err(error) => break error,
            }
        };
        assert_eq!((items, error.to_string()), (2, "torn".to_owned()));
    }
}
