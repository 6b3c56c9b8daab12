//! The items: read in chunks, so that reading them is shared out with calling.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use wasm_pool::{Error, ErrorKind};

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
    /// Opens it, and reads a table's first line.
    pub(super) fn open(path: &Path, format: Format, longest: u64) -> anyhow::Result<(Input, Source)> {
        let name = if path == Path::new("-") {
            "stdin".to_owned()
        } else {
            path.display().to_string()
        };
        let unreadable = |why: &dyn std::fmt::Display| Error::new(ErrorKind::Unreadable, format!("{name}: {why}"));
        let file = if path == Path::new("-") {
            io::stdin().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open(path)
        };
        let mut file = file.map_err(|error| unreadable(&error))?;
        let meta = file.metadata().map_err(|error| unreadable(&error))?;
        if meta.is_dir() {
            return Err(unreadable(&"a folder, where items were expected").into());
        }
        let from = file.stream_position().unwrap_or_default();
        let mut input = Input::new(file, format, longest);
        input.read_columns().map_err(|why| unreadable(&why))?;
        Ok((input, Source { meta, from }))
    }
}

/// What the input is.
pub(super) struct Source {
    meta: Metadata,
    from: u64,
}

impl Source {
    /// Its length in bytes, if it has one.
    pub(super) fn length(&self) -> Option<u64> {
        self.meta.is_file().then(|| self.meta.len().saturating_sub(self.from))
    }

    /// Whether it is that file.
    pub(super) fn is(&self, other: &Metadata) -> bool {
        self.meta.is_file() && (self.meta.dev(), self.meta.ino()) == (other.dev(), other.ino())
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
        let (start, line) = (chunk.text.len(), self.lines + 1);
        let mut quotes = Quotes::new(self.format);
        let read = self.read_item(&mut chunk.text, &mut quotes);
        if !matches!(read, Ok(Got::Whole)) {
            chunk.text.truncate(start);
        }
        match read? {
            Got::Nothing => return Ok(false),
            Got::Whole => {}
            Got::TooLong => {
                self.pass_over(&mut quotes)?;
                let size = crate::report::size(self.longest);
                let what = What::Unread(format!("{} longer than {size} (--item-size raises it)", self.a_line()));
                chunk.items.push(Item { line, what });
                return Ok(true);
            }
        }
        if line == 1 && self.format != Format::Lines && chunk.text[start..].starts_with(BYTE_ORDER_MARK) {
            chunk.text.drain(start..start + BYTE_ORDER_MARK.len());
        }
        match self.what(&mut chunk.text, start) {
            Some(what) => chunk.items.push(Item { line, what }),
            None => chunk.text.truncate(start),
        }
        Ok(true)
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
            let read = self.reader.by_ref().take(left).read_until(b'\n', text)? as u64;
            length += read;
            self.bytes += read;
            let line_ends = text[from..].last() == Some(&b'\n');
            self.lines += u64::from(line_ends);
            let item_ends = quotes.pass(&text[from..]).is_some();
            let input_ends = !line_ends && read < left;
            match (length, item_ends || input_ends) {
                (0, _) => return Ok(Got::Nothing),
                (_, true) => return Ok(Got::Whole),
                (length, false) if length == most => return Ok(Got::TooLong),
                _ => {}
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

    /// Passes over the rest of an item, in whose middle the quotes are.
    fn pass_over(&mut self, quotes: &mut Quotes) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = quotes.pass(buffer);
            let passed = &buffer[..end.unwrap_or(buffer.len())];
            self.lines += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
            let passed = passed.len();
            self.bytes += passed as u64;
            self.reader.consume(passed);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// How the reading of one item went.
enum Got {
    Whole,
    TooLong,
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
        assert_eq!(rows[4], (9, r#"StringRecord(["open"])"#.to_owned()));
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
