//! WAVE, the component model's own notation, both ways.

use wasmtime::component::Val;
use wasmtime::component::types::Type;
use wasmtime::component::wasm_wave;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;

use crate::error::{Error, ErrorKind, Result};
use crate::program::{Function, Program};

/// A value of this type from WAVE.
///
/// # Errors
/// [`ErrorKind::Usage`]
pub fn from_wave(ty: &Type, text: &str) -> Result<Val> {
    wasm_wave::from_str(ty, text).map_err(|error| usage(text, &error))
}

/// A value as WAVE.
///
/// # Errors
/// [`ErrorKind::Usage`] for one that means nothing outside its instance.
pub fn to_wave(value: &Val) -> Result<String> {
    wasm_wave::to_string(value).map_err(|error| Error::new(ErrorKind::Usage, error))
}

/// A call as one writes it: `distance({x: 1, y: 2}, {x: 4, y: 6})`. The function, and its arguments.
///
/// # Errors
/// [`ErrorKind::Usage`], saying what was expected.
pub fn parse_call(program: &Program, text: &str) -> Result<(Function, Vec<Val>)> {
    let (name, arguments) = text.split_once('(').ok_or_else(|| {
        let message = format!("{text:?} is no call; expected one such as `name(1, \"two\")`");
        Error::new(ErrorKind::Usage, message)
    })?;
    let function = program.function(name.trim())?;
    // The name is no part of WAVE where it holds an interface.
    const NAME: &str = "f";
    let call = format!("{NAME}({arguments}");
    let params = function.params();
    let wrong = |error: wasm_wave::parser::ParserError| {
        // What is said about our name for it is about the call as a whole.
        let place = if error.span() == (0..NAME.len()) { "" } else { &call };
        let message = format!("{function}: {}", explain(place, &error));
        Error::new(ErrorKind::Usage, message)
    };
    let call = UntypedFuncCall::parse(&call).map_err(wrong)?;
    let values = call
        .to_wasm_params::<Val>(params.iter().map(|(_, ty)| ty))
        .map_err(wrong)?;
    Ok((function, values))
}

fn usage(text: &str, error: &wasm_wave::parser::ParserError) -> Error {
    Error::new(ErrorKind::Usage, explain(text, error))
}

/// What is wrong, and where.
fn explain(text: &str, error: &wasm_wave::parser::ParserError) -> String {
    let at = text.get(error.span()).filter(|at| !at.is_empty());
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    match at {
        Some(at) => format!("{what}, at `{at}`"),
        None => what,
    }
}
