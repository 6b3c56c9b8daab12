//! The guests of the cases, as core modules and as components.

use std::path::PathBuf;

use hostile_cases::{Case, Guest};

/// What a guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Module,
    Component,
}

/// A guest that can be loaded.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) shape: Shape,
    pub(crate) bytes: Vec<u8>,
    pub(crate) args: Vec<String>,
}

/// Where those lie that are built.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/guests")
}

/// The guest of a case in every shape that it has: a built one as it is built, a core module without imports as a component
/// too.
pub(crate) fn shapes(case: &Case, guests: PathBuf) -> Vec<Made> {
    let made = |shape, bytes: &[u8]| Made {
        shape,
        bytes: bytes.to_vec(),
        args: Vec::new(),
    };
    match case.guest {
        Guest::Text(text) if text.contains("(component") => vec![made(Shape::Component, text.as_bytes())],
        Guest::Text(text) if text.contains("(import") => vec![made(Shape::Module, text.as_bytes())],
        Guest::Text(text) => vec![
            made(Shape::Module, text.as_bytes()),
            made(Shape::Component, wrapped(text).as_bytes()),
        ],
        Guest::Built(text) => {
            let mut lines = text.lines().map(str::to_owned);
            let name = lines.next().unwrap_or_default();
            let args: Vec<_> = lines.collect();
            let files = match name.as_str() {
                both @ ("probe" | "intruder") => vec![
                    (Shape::Module, format!("{both}-p1.wasm")),
                    (Shape::Component, format!("{both}-p2.wasm")),
                ],
                other => vec![(Shape::Component, format!("{other}.wasm"))],
            };
            let read = |(shape, file)| Made {
                shape,
                // A guest that is not there is an empty file, and no case expects what is said of one.
                bytes: std::fs::read(guests.join(file)).unwrap_or_default(),
                args: args.clone(),
            };
            files.into_iter().map(read).collect()
        }
    }
}

/// A command in text, as a component that runs it.
fn wrapped(module: &str) -> String {
    let module = module.replacen("(module", "(core module $guest", 1);
    format!(
        r#"(component
        {module}
        (core instance $guest (instantiate $guest))
        (core module $command (import "guest" "_start" (func $start))
          (func (export "run") (result i32) (call $start) (i32.const 0)))
        (core instance $command (instantiate $command (with "guest" (instance $guest))))
        (func $run (result (result)) (canon lift (core func $command "run")))
        (instance $cli (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $cli)))"#
    )
}
