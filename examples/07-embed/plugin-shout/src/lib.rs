//! The same plugin in another version: it shouts.

mod bindings {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]

    wit_bindgen::generate!({ path: "../wit", world: "transform" });

    use super::Shout;
    export!(Shout);
}

struct Shout;

impl bindings::Guest for Shout {
    fn transform(text: String) -> Result<String, String> {
        Ok(format!("{}!", text.to_uppercase()))
    }
}
