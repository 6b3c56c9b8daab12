//! Everything that is generated from `wit/`.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

wit_bindgen::generate!({
    path: "../wit",
    inline: "
        package wasm-pool:kit;

        world kit {
            include wasm-pool:interpreters/worker@0.1.0;
            import wasi:clocks/monotonic-clock@0.2.0;
        }
    ",
    world: "wasm-pool:kit/kit",
    pub_export_macro: true,
    export_macro_name: "export_task",
    default_bindings_module: "wasm_pool_guest::bindings",
    generate_all,
});
