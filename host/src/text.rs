//! Text that a stranger wrote, made safe to print.
//!
//! Guests name things (imports, exports, panics, output) and files have names; none of it may move a terminal's
//! cursor, forge a second line of a report, or flood one.

use std::fmt::Write;

/// The longest text that a one-line message quotes, in characters; a longer one ends in `…`.
const LONGEST: usize = 2_000;

/// `text` as one line: control characters become visible escapes, line breaks become `; `, runs of blanks one blank.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    for (number, line) in lines.enumerate() {
        if number > 0 {
            out.push_str("; ");
        }
        escape_into(&mut out, line, LONGEST);
        if out.len() > LONGEST {
            let cut = out.floor_char_boundary(LONGEST);
            out.truncate(cut);
            out.push('…');
            break;
        }
    }
    out
}

/// `text` with every control character but the tab made visible, and the marks that reorder a line too.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text, usize::MAX);
    out
}

/// Stops when there is more than `enough`: what is cut off costs nothing.
fn escape_into(out: &mut String, text: &str, enough: usize) {
    for c in text.chars() {
        if out.len() > enough {
            break;
        }
        match c {
            '\t' => out.push('\t'),
            c if c.is_control() || reorders(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{}", c.escape_default());
            }
            c => out.push(c),
        }
    }
}

/// Unicode's bidirectional controls and line separators: they can make one text look like another.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_without_escapes() {
        assert_eq!(one_line("a\n  b\r\n\n c"), "a; b; c");
        assert_eq!(one_line("\x1b[2Jx"), "\\u{1b}[2Jx");
        assert_eq!(visible("a\u{202e}b\tc"), "a\\u{202e}b\tc");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let long = one_line(&"é".repeat(5_000));
        assert!(long.ends_with('…') && long.len() < 2 * LONGEST);
    }
}
