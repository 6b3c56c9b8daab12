//! The library that is tested: numbers as the Romans wrote them. It counts its uses, and so has what makes tests depend on
//! each other: state that nobody sees.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The largest number that has a numeral.
pub(crate) const LAST: u32 = 3999;

/// What letters stand for, the largest first.
const PARTS: [(u32, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

static USES: AtomicU32 = AtomicU32::new(0);

/// How often the library was used.
pub(crate) fn uses() -> u32 {
    USES.load(Relaxed)
}

/// The numeral of a number, where it has one.
pub(crate) fn write(number: u32) -> Option<String> {
    USES.fetch_add(1, Relaxed);
    (1..=LAST).contains(&number).then(|| numeral(number))
}

/// The number of a numeral: none for a text that is not how the number is written.
pub(crate) fn read(text: &str) -> Option<u32> {
    USES.fetch_add(1, Relaxed);
    let (mut number, mut rest) = (0, text);
    for (value, letters) in PARTS {
        while let Some(after) = rest.strip_prefix(letters) {
            number += value;
            rest = after;
        }
    }
    ((1..=LAST).contains(&number) && numeral(number) == text).then_some(number)
}

fn numeral(number: u32) -> String {
    let (mut numeral, mut rest) = (String::new(), number);
    for (value, letters) in PARTS {
        while rest >= value {
            numeral += letters;
            rest -= value;
        }
    }
    numeral
}
