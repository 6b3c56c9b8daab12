//! Figures and sentences as people read them.

use std::time::Duration;

use wasm_pool::{ByteSize, units};

/// Nanoseconds, to three digits.
pub(super) fn time(nanos: f64) -> String {
    units::show_rounded(Duration::from_nanos(nanos.round().max(0.0) as u64))
}

/// A size to three digits, since more tell nothing.
pub(super) fn size(bytes: f64) -> String {
    let power = (bytes.max(1.0).log2() / 10.0).floor().min(6.0);
    let unit = 1024f64.powf(power);
    // Powers of ten in that unit, as far as its digits go.
    let digits = 10f64.powf(2.0 - (bytes.max(1.0) / unit).log10().floor());
    let rounded = (bytes / unit * digits).round() / digits * unit;
    units::show_size(ByteSize::b(rounded.round().max(0.0) as u64))
}

/// Messages of so many bytes, each of which takes so many nanoseconds: how many a second, or how much when they are large.
pub(super) fn rate(bytes: u64, nanos: f64) -> String {
    let messages = 1e9 / nanos.max(1.0);
    match bytes {
        0..1024 if messages >= 1e6 => format!("{:.2}M", messages / 1e6),
        0..1024 => format!("{:.0}k", messages / 1e3),
        large => size(messages * large as f64),
    }
}

/// `1 worker`, `2 workers`
pub(super) fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}

/// Words as lines of so many columns at most, unless a word is longer.
pub(super) fn wrapped(words: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        let sizes = [0.0, 1023.0, 44_747.5, 25_300_000_000.0].map(size);
        assert_eq!(sizes, ["0B", "1020B", "43.7KiB", "23.6GiB"]);
        assert_eq!([16_449.0, 999.0, 117.4].map(time), ["16.4us", "999ns", "117ns"]);
        let rates = [rate(16, 400.0), rate(16, 4_000.0), rate(64 << 10, 8_000.0)];
        assert_eq!(rates, ["2.50M", "250k", "7.63GiB"]);
    }

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        assert_eq!(
            wrapped("one two three-and-more four", 8),
            ["one two", "three-and-more", "four"]
        );
        assert_eq!(wrapped(" ", 8), Vec::<String>::new());
    }
}
