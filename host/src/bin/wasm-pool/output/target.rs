//! What a writer writes to where guests share a stream: by lines or by groups.

use std::collections::HashMap;
use std::io::{self, Seek, Write};

use tempfile::SpooledTempFile;
use wasm_pool::text;

use crate::names::Names;

/// Takes what guests wrote, a piece at a time.
pub(super) trait Target: Send {
    /// Takes some of an instance's output; `ended` when it is the last.
    fn write(&mut self, instance: usize, bytes: &[u8], ended: bool) -> io::Result<()>;

    /// Makes it visible.
    fn flush(&mut self) -> io::Result<()>;

    /// Instances of whose output something is kept back.
    fn kept(&self) -> Vec<usize> {
        Vec::new()
    }
}

/// A stream that guests share: whole lines, each perhaps behind its guest's name.
pub(super) struct Lines<W> {
    out: W,
    label: Label,
    /// A person reads it: control characters are made visible.
    escaped: bool,
    /// Who wrote last, when that did not end with a line break.
    unfinished: Option<usize>,
}

/// What stands before a line.
enum Label {
    Nothing,
    /// The instance's number, as wide as the largest.
    Number {
        width: usize,
    },
    Name(Names),
}

impl<W: Write + Send> Lines<W> {
    pub(super) fn new(out: W, escaped: bool) -> Lines<W> {
        Lines {
            out,
            label: Label::Nothing,
            escaped,
            unfinished: None,
        }
    }

    /// Each line behind its instance's number.
    pub(super) fn numbered(self, instances: usize) -> Lines<W> {
        let width = instances.saturating_sub(1).to_string().len();
        Lines {
            label: Label::Number { width },
            ..self
        }
    }

    /// Each line behind its guest's name.
    pub(super) fn prefixed(self, names: &Names) -> Lines<W> {
        let label = Label::Name(names.clone());
        Lines { label, ..self }
    }

    /// Adds one line, or a piece of one, to `text`.
    fn add_line(&mut self, text: &mut Vec<u8>, instance: usize, line: &[u8]) {
        // A line that came in two pieces is continued only by its own guest, without a second label.
        let continues = self.unfinished == Some(instance);
        if self.unfinished.is_some() && !continues {
            text.push(b'\n');
        }
        match &self.label {
            _ if continues => {}
            Label::Nothing => {}
            Label::Number { width } => text.extend_from_slice(format!("[{instance:width$}] ").as_bytes()),
            Label::Name(names) => text.extend_from_slice(format!("{}: ", names.label(instance)).as_bytes()),
        }
        let (body, end) = match line.strip_suffix(b"\n") {
            Some(body) => (body, &b"\n"[..]),
            None => (line, &b""[..]),
        };
        self.unfinished = end.is_empty().then_some(instance);
        if self.escaped {
            let body = body.strip_suffix(b"\r").unwrap_or(body);
            text.extend_from_slice(text::visible(&String::from_utf8_lossy(body)).as_bytes());
        } else {
            text.extend_from_slice(body);
        }
        text.extend_from_slice(end);
    }
}

impl<W: Write + Send> Target for Lines<W> {
    fn write(&mut self, instance: usize, bytes: &[u8], _ended: bool) -> io::Result<()> {
        let plain = matches!(self.label, Label::Nothing) && !self.escaped;
        if plain && self.unfinished.is_none_or(|last| last == instance) {
            if let Some(last) = bytes.last() {
                self.unfinished = (*last != b'\n').then_some(instance);
            }
            return self.out.write_all(bytes);
        }
        let mut text = Vec::with_capacity(bytes.len() + 256);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.add_line(&mut text, instance, line);
        }
        self.out.write_all(&text)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// All of a guest's output at once, when it has ended; kept in memory while it is small, then in an unnamed file.
pub(super) struct Grouped<W> {
    out: Lines<W>,
    kept: HashMap<usize, SpooledTempFile>,
}

/// What a guest's output may take in memory before it goes to a file.
const IN_MEMORY: usize = 64 << 10;

impl<W: Write + Send> Grouped<W> {
    pub(super) fn new(out: Lines<W>) -> Grouped<W> {
        Grouped {
            out,
            kept: HashMap::new(),
        }
    }
}

impl<W: Write + Send> Target for Grouped<W> {
    fn write(&mut self, instance: usize, bytes: &[u8], ended: bool) -> io::Result<()> {
        if !ended {
            let kept = self
                .kept
                .entry(instance)
                .or_insert_with(|| SpooledTempFile::new(IN_MEMORY));
            return kept.write_all(bytes);
        }
        if let Some(mut kept) = self.kept.remove(&instance) {
            kept.rewind()?;
            let mut piece = vec![0; IN_MEMORY];
            loop {
                match io::Read::read(&mut kept, &mut piece)? {
                    0 => break,
                    read => self.out.write(instance, &piece[..read], false)?,
                }
            }
        }
        self.out.write(instance, bytes, true)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn kept(&self) -> Vec<usize> {
        self.kept.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(mut lines: Lines<Vec<u8>>, pieces: &[(usize, &str)]) -> String {
        for (instance, piece) in pieces {
            assert!(lines.write(*instance, piece.as_bytes(), false).is_ok());
        }
        String::from_utf8(lines.out).unwrap_or_default()
    }

    #[test]
    fn lines_of_two_guests_never_mix() {
        let lines = Lines::new(Vec::new(), false);
        assert_eq!(
            written(lines, &[(0, "a\nb"), (1, "c\n"), (0, "d"), (0, "e\n")]),
            "a\nb\nc\nde\n"
        );
    }

    #[test]
    fn every_line_has_its_number_once() {
        let lines = Lines::new(Vec::new(), false).numbered(11);
        assert_eq!(
            written(lines, &[(0, "a\nb"), (0, "c\n"), (10, "d\n")]),
            "[ 0] a\n[ 0] bc\n[10] d\n"
        );
    }

    #[test]
    fn what_a_person_reads_moves_no_cursor() {
        let lines = Lines::new(Vec::new(), true).prefixed(&Names::copies("g", 2));
        assert_eq!(written(lines, &[(1, "\x1b[2J\rx\r\n")]), "g#1: \\u{1b}[2J\\rx\n");
    }

    #[test]
    fn groups_come_whole() {
        let mut grouped = Grouped::new(Lines::new(Vec::new(), false));
        for (instance, piece, ended) in [(0, "a\n", false), (1, "b\n", true), (0, "c\n", true)] {
            assert!(grouped.write(instance, piece.as_bytes(), ended).is_ok());
        }
        assert_eq!(String::from_utf8(grouped.out.out).unwrap_or_default(), "b\na\nc\n");
    }
}
