//! The same plugin in another version: it shouts.
// Elsewhere it exports nothing: the names of its exports are none that a native linker takes.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

mod bindings {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]

    wit_bindgen::generate!({ path: "../wit", world: "transform" });

    #[cfg(target_family = "wasm")]
    use super::Shout;
    #[cfg(target_family = "wasm")]
    export!(Shout);
}

struct Shout;

impl bindings::Guest for Shout {
    fn transform(text: String) -> Result<String, String> {
        Ok(format!("{}!", text.to_uppercase()))
    }
}
