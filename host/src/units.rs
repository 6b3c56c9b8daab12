//! Sizes and times as people write them.

use std::time::Duration;

use bytesize::ByteSize;
use fundu::{DurationParser, TimeUnit};

/// A size such as `64MiB`, `1.5GiB`, `10kB` or `4096` (bytes).
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_size(text: &str) -> Result<ByteSize, String> {
    text.trim()
        .parse()
        .map_err(|_| "expected a size such as 64MiB, 1.5GiB or 4096 (bytes)".to_owned())
}

/// A time such as `1.5s`, `250ms`, `2m` or `1h`; a bare number is refused, since nobody can tell its unit.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 1.5s, 250ms, 2m or 1h".to_owned();
    let text = text.trim();
    let number = text.trim_end_matches(char::is_alphabetic);
    let unit = match &text[number.len()..] {
        "ns" => TimeUnit::NanoSecond,
        "us" | "µs" | "μs" => TimeUnit::MicroSecond,
        "ms" => TimeUnit::MilliSecond,
        "s" => TimeUnit::Second,
        "m" => TimeUnit::Minute,
        "h" => TimeUnit::Hour,
        "d" => TimeUnit::Day,
        "" if text == "0" => return Ok(Duration::ZERO),
        _ => return Err(expected()),
    };
    // A unit alone is no time, and neither is what fundu takes for infinite.
    if number.is_empty() {
        return Err(expected());
    }
    let time = DurationParser::without_time_units().default_unit(unit).parse(number);
    time.map_err(|_| expected())
        .and_then(|time| Duration::try_from(time).map_err(|_| expected()))
}

/// [`parse_duration`], or `none` for no bound.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_bound(text: &str) -> Result<Option<Duration>, String> {
    match text.trim() {
        "none" => Ok(None),
        text => parse_duration(text)
            .map(Some)
            .map_err(|expected| format!("{expected}, or none")),
    }
}

/// A time as a person would write it: `1.5s`, `12ms`, `3m20s`.
pub fn show_duration(time: Duration) -> String {
    let (secs, micros) = (time.as_secs(), time.as_micros());
    match () {
        () if time.is_zero() => "0s".to_owned(),
        () if secs >= 60 => humantime::format_duration(Duration::from_secs(secs))
            .to_string()
            .replace(' ', ""),
        () if micros >= 1_000_000 => trimmed(time.as_secs_f64(), "s"),
        () if micros >= 1_000 => trimmed(time.as_secs_f64() * 1e3, "ms"),
        () if micros >= 1 => trimmed(time.as_secs_f64() * 1e6, "us"),
        () => format!("{}ns", time.as_nanos()),
    }
}

/// [`show_duration`] of what was measured: to three digits, since more tell nothing.
pub fn show_rounded(time: Duration) -> String {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let unit = 10u64.pow(nanos.max(1).ilog10().saturating_sub(2));
    show_duration(Duration::from_nanos(nanos.saturating_add(unit / 2) / unit * unit))
}

/// A size in the largest binary unit, exact where it can be: `64MiB`, `1.5GiB`, `100B`.
pub fn show_size(size: ByteSize) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let bytes = size.as_u64();
    let unit = (bytes.checked_ilog2().unwrap_or(0) / 10) as usize;
    if unit == 0 {
        return format!("{bytes}B");
    }
    trimmed(bytes as f64 / (1u64 << (10 * unit)) as f64, UNITS[unit])
}

fn trimmed(number: f64, unit: &str) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_size("64MiB"), Ok(ByteSize::mib(64)));
        assert_eq!(parse_size("1.5 GiB"), Ok(ByteSize::mib(1536)));
        assert_eq!(parse_size("4096"), Ok(ByteSize::b(4096)));
        for bad in ["", "12x", "-1", "MiB", "NaN"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("7ns"), Ok(Duration::from_nanos(7)));
        assert_eq!(parse_duration("1d"), Ok(Duration::from_secs(86_400)));
        for micros in ["5us", "5µs", "5e0us"] {
            assert_eq!(parse_duration(micros), Ok(Duration::from_micros(5)), "{micros}");
        }
        assert_eq!(parse_bound("none"), Ok(None));
        assert!(parse_duration("18446744073709551615s").is_ok());
        // Of `Ms` one could think that it is either of two things, a thousand million apart.
        for bad in [
            "",
            "5",
            "-1s",
            "NaN",
            "1.5",
            "s",
            "1 fortnight",
            "5Ms",
            "5M",
            "5S",
            "inf",
            "infs",
            "infinity",
            "1.5 s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        assert_eq!(show_size(ByteSize::mib(64)), "64MiB");
        assert_eq!(show_size(ByteSize::mib(1536)), "1.5GiB");
        assert_eq!(show_size(ByteSize::b(0)), "0B");
        assert_eq!(show_duration(Duration::from_millis(1500)), "1.5s");
        assert_eq!(show_duration(Duration::from_secs(200)), "3m20s");
        assert_eq!(show_duration(Duration::from_micros(12_340)), "12.34ms");
        assert_eq!(show_duration(Duration::from_nanos(9_999)), "10us");
        assert_eq!(show_duration(Duration::from_nanos(1_500)), "1.5us");
    }
}
