//! What guests print while the view has the terminal: its last lines are shown, and all of it, but what is too much, is printed
//! when the view ends.

use std::collections::VecDeque;
use std::io::{self, Write};

/// Which of our streams it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// What is kept, in bytes; more than a terminal keeps itself.
const KEPT: usize = 1 << 20;

/// The end of what was printed, in pieces.
#[derive(Default)]
pub(super) struct Kept {
    pieces: VecDeque<(Stream, Vec<u8>)>,
    bytes: usize,
    dropped: u64,
}

impl Kept {
    /// One more piece; the oldest go when it is too much.
    pub(super) fn add(&mut self, stream: Stream, bytes: &[u8]) {
        self.bytes += bytes.len();
        match self.pieces.back_mut() {
            // Small ones together: a piece has a price.
            Some((last, piece)) if *last == stream && piece.len() + bytes.len() <= 4 << 10 => {
                piece.extend_from_slice(bytes)
            }
            _ => self.pieces.push_back((stream, bytes.to_vec())),
        }
        while self.bytes > KEPT && self.pieces.len() > 1 {
            let gone = self.pieces.pop_front().map_or(0, |(_, piece)| piece.len());
            self.bytes -= gone;
            self.dropped += gone as u64;
        }
    }

    /// The last lines, the newest last.
    pub(super) fn last_lines(&self, most: usize) -> Vec<String> {
        let mut tail: Vec<u8> = Vec::new();
        for (_, piece) in self.pieces.iter().rev() {
            tail.splice(0..0, piece.iter().copied());
            if tail.iter().filter(|byte| **byte == b'\n').count() > most {
                break;
            }
        }
        let text = String::from_utf8_lossy(&tail);
        let lines: Vec<_> = text.lines().collect();
        let first = lines.len().saturating_sub(most);
        // Guests' words: what moves a cursor is made visible.
        lines[first..]
            .iter()
            .map(|line| wasm_pool::text::visible(line))
            .collect()
    }

    /// All of it, to where it belongs. How much is lost.
    pub(super) fn print(&mut self) -> u64 {
        for (stream, piece) in self.pieces.drain(..) {
            // A terminal that is gone reads nothing.
            let _ = match stream {
                Stream::Out => io::stdout().write_all(&piece).and_then(|()| io::stdout().flush()),
                Stream::Err => io::stderr().write_all(&piece),
            };
        }
        self.bytes = 0;
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_move_no_cursor() {
        let mut kept = Kept::default();
        for number in 0..100_000 {
            kept.add(Stream::Out, format!("line {number} of some length\n").as_bytes());
        }
        kept.add(Stream::Err, b"\x1b[2Jx");
        assert!(kept.bytes <= KEPT && kept.dropped > 1_000_000);
        assert_eq!(kept.last_lines(2), ["line 99999 of some length", "\\u{1b}[2Jx"]);
        assert_eq!(kept.last_lines(0), Vec::<String>::new());
    }
}
