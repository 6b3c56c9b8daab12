//! Unit tests of a small library, as functions that a component exports. Whoever runs each of them in an interpreter of its
//! own need not care which of them panics, never ends, or leaves something behind.
// Elsewhere it exports nothing: the names of its exports are none that a native linker takes.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

mod roman;

mod bindings {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]

    wit_bindgen::generate!({ world: "suite" });

    #[cfg(target_family = "wasm")]
    use super::Suite;
    #[cfg(target_family = "wasm")]
    export!(Suite);
}

struct Suite;

impl bindings::exports::demo::suite::tests::Guest for Suite {
    fn writes_each_digit() {
        let digits: Vec<_> = (1..=10).filter_map(roman::write).collect();
        assert_eq!(digits, ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"]);
    }

    fn writes_the_longest() -> Result<(), String> {
        let longest = (1..=roman::LAST).filter_map(roman::write).max_by_key(String::len);
        is(longest.as_deref(), Some("MMMDCCCLXXXVIII"))
    }

    fn reads_what_it_writes() -> Result<(), String> {
        (1..=roman::LAST).try_for_each(|number| {
            let text = roman::write(number).ok_or_else(|| format!("{number} has no numeral"))?;
            is(roman::read(&text), Some(number))
        })
    }

    fn refuses_nonsense() {
        for text in ["", "A", "IIII", "IIX", "VX", "IM", "MMMM", "X I"] {
            assert_eq!(roman::read(text), None, "{text:?}");
        }
    }

    fn writes_nothing_too_large() {
        assert_eq!(roman::write(roman::LAST + 1), None);
        assert_eq!(roman::write(u32::MAX), None);
    }

    fn reads_small_letters() -> Result<(), String> {
        is(roman::read("xiv"), Some(14))
    }

    fn writes_zero() {
        assert_eq!(roman::write(0).as_deref(), Some("N"));
    }

    fn finds_a_number_without_numeral() {
        let mut number = 1;
        while roman::write(number).is_some() {
            number = number % roman::LAST + 1;
        }
    }

    fn leaks_no_state() -> Result<(), String> {
        is(roman::uses(), 0)?;
        is(roman::read("I"), Some(1))?;
        is(roman::uses(), 1)
    }
}

/// Whether it is what it should be; an assertion that does not panic.
fn is<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found:?}, expected {expected:?}"))
    }
}
