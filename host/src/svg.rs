//! What all pictures of this crate and its command are made of: light ground or, where that is preferred, dark; words that are safe.
//!
//! The colours are those of Okabe and Ito ("Color Universal Design", 2008), for people who tell few colours apart.

use std::fmt::Write as _;
use std::io::{self, Write};

/// What every picture has. Without `prefers-color-scheme` the ground is light.
const LIGHT: &str = "
text{font:11px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}
.title{font-size:15px;font-weight:600}.dim{fill:#656d76}.bad{fill:#b3261e;font-weight:600}
.small{font-size:9px}.end{text-anchor:end}.mid{text-anchor:middle}
.ground{fill:#fff}.lane{fill:#f3f4f6}.grid{stroke:#d0d7de;stroke-width:1}
";
const DARK: &str = "
text{fill:#e6edf3}.dim{fill:#9198a1}.bad{fill:#ff8a80}
.ground{fill:#0d1117}.lane{fill:#1a2028}.grid{stroke:#30363d}
";

/// Begins a picture of so many pixels: its title for browsers, its ground, and a style sheet with these rules of its own for light and
/// for dark ground. The classes `title`, `dim`, `bad`, `small`, `end` and `mid` (for [`text`]), `lane` and `grid` are there.
///
/// # Errors
/// What writing to `out` gives.
pub fn begin(
    out: &mut dyn Write,
    (width, height): (f64, f64),
    title: &str,
    (light, dark): (&str, &str),
) -> io::Result<()> {
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">"
    )?;
    writeln!(out, "<title>{}</title>", escaped(title))?;
    writeln!(
        out,
        "<style>{LIGHT}{light}@media (prefers-color-scheme:dark){{{DARK}{dark}}}\n</style>"
    )?;
    writeln!(
        out,
        "<rect class=\"ground\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
    )
}

/// Ends a picture.
///
/// # Errors
/// What writing to `out` gives.
pub fn end(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</svg>")
}

/// Writes a text, whatever is in it.
///
/// # Errors
/// What writing to `out` gives.
pub fn text(out: &mut dyn Write, class: &str, x: f64, y: f64, words: &str) -> io::Result<()> {
    writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
        escaped(words)
    )
}

/// A long name without its middle: copies of a program differ at the end.
pub fn short(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let head: String = name.chars().take(most / 2).collect();
    let tail: String = name.chars().skip(length - (most - most / 2 - 1)).collect();
    format!("{head}…{tail}")
}

/// What a stranger named, as XML has it.
pub fn escaped(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in words.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            // No character of XML.
            '\u{fffe}' | '\u{ffff}' => out.write_char('\u{fffd}'),
            c if c.is_control() && c != '\t' => write!(out, "{}", c.escape_default()),
            c => out.write_char(c),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_name_is_text_and_nothing_else() {
        assert_eq!(
            escaped("</text><script>&\"'\u{1b}\u{ffff}"),
            "&lt;/text&gt;&lt;script&gt;&amp;&quot;&#39;\\u{1b}\u{fffd}"
        );
    }

    #[test]
    fn a_long_name_keeps_its_number() {
        assert_eq!(short("pipeline#3", 22), "pipeline#3");
        assert_eq!(short("a-very-long-name-of-a-program#12", 22), "a-very-long…program#12");
    }
}
