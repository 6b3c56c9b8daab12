//! A plugin that puts a text into title case, with the caller's name before it.
// Elsewhere it exports nothing: the names of its exports are none that a native linker takes.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

use bindings::demo::text::host;

mod bindings {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]

    wit_bindgen::generate!({ path: "../wit", world: "transform" });

    #[cfg(target_family = "wasm")]
    use super::TitleCase;
    #[cfg(target_family = "wasm")]
    export!(TitleCase);
}

struct TitleCase;

impl bindings::Guest for TitleCase {
    fn transform(text: String) -> Result<String, String> {
        if text.is_empty() {
            return Err("the text is empty".to_owned());
        }
        host::log(&format!("a text of {} characters", text.chars().count()));
        Ok(format!("[{}] {}", host::caller(), title_case(&text)))
    }
}

/// A large letter at the start of each word, small ones in it; what is between the words stays as it is.
fn title_case(text: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut in_word = false;
    for letter in text.chars() {
        if in_word {
            title.extend(letter.to_lowercase());
        } else {
            title.extend(letter.to_uppercase());
        }
        // An apostrophe does not end a word: "don't" has one large letter.
        in_word = letter.is_alphanumeric() || (in_word && matches!(letter, '\'' | '’'));
    }
    title
}

#[cfg(test)]
mod tests {
    use super::title_case;

    #[test]
    fn each_word_begins_with_a_large_letter() {
        assert_eq!(title_case("the qUICK  brown-fox"), "The Quick  Brown-Fox");
        assert_eq!(title_case("don't 'stop' über"), "Don't 'Stop' Über");
    }
}
