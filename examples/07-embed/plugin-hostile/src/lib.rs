//! A plugin that a program must survive: what the text begins with says what it does. Any other text it gives back.
// Elsewhere it exports nothing: the names of its exports are none that a native linker takes.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

mod bindings {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]

    wit_bindgen::generate!({ path: "../wit", world: "transform" });

    #[cfg(target_family = "wasm")]
    use super::Hostile;
    #[cfg(target_family = "wasm")]
    export!(Hostile);
}

struct Hostile;

impl bindings::Guest for Hostile {
    fn transform(text: String) -> Result<String, String> {
        if text.starts_with("loop") {
            spin();
        }
        if text.starts_with("grow") {
            grow();
        }
        if text.starts_with("trap") {
            std::process::abort();
        }
        Ok(text)
    }
}

/// Never ends.
fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// Takes memory until there is none; it then aborts, unless its host ended it before.
fn grow() -> ! {
    let mut taken = Vec::new();
    loop {
        // Not zeros, which could be memory that was never touched.
        taken.push(vec![1u8; 1 << 20]);
    }
}
