//! Values as people write them: JSON, WAVE, a table's cells, whole calls; of any type that WIT can say.

use std::sync::LazyLock;

use wasm_pool::value::{
    Bytes, Json, Type, Val, arguments, from_cell, from_cells, from_json, from_wave, parse_call, to_cell, to_wave,
};
use wasm_pool::{Engine, Executor, Function, Limits, Pool, Program, Reuse, Wait};

use crate::script::Script;
use crate::types::{FUNCTIONS, component};
use crate::{Target, presentable};

/// `value`.
pub const TARGET: Target = Target {
    name: "values",
    holds: values,
    words: &[
        "null",
        "true",
        "false",
        "\"NaN\"",
        "\"Infinity\"",
        "-Infinity",
        "1e400",
        "-0",
        "-0.0",
        "1e-400",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "9223372036854775807",
        "0.1",
        "[[[[[[[[",
        "{\"some\":",
        "\"some\"",
        "some(",
        "none",
        "ok(",
        "err(",
        "\"ok\"",
        "{\"ok\":null}",
        "nan",
        "inf",
        "-inf",
        "'\\u{10FFFF}'",
        "\\uD800",
        "\\uDC00",
        "\\u0000",
        "\\u{0}",
        "%",
        "{:}",
        "{}",
        "()",
        "\"\"\"",
        "//",
        "====",
        "AA==",
        "A===",
        "_-",
        "kinds#",
        "f0(",
        "add(1, 2)",
        "{a: 1, ",
        "{\"a\":1,\"a\":2}",
        "[\"some\",\"some\"]",
        "{some, some}",
        "\"a\"",
        "\"URL\"",
        "b-c",
        "\u{feff}",
        "\r\n",
        "\"\"",
        ",",
    ],
};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::builder().instances(4).build().expect("an engine"));

static KINDS: LazyLock<Program> = LazyLock::new(|| {
    let text = component();
    Program::from_bytes(&ENGINE, "kinds", text.as_bytes(), &Limits::default()).expect("a component")
});

/// A function for each type; it takes a list of them.
static ECHOES: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let function = |number| KINDS.function(&format!("f{number}")).expect("is exported");
    (0..FUNCTIONS).map(function).collect()
});

static EXECUTOR: LazyLock<Executor> = LazyLock::new(|| {
    let pool = Pool::builder(&ENGINE).workers(1).build().expect("a pool");
    Executor::builder(&pool, &KINDS)
        .reuse(Reuse::ALWAYS)
        .interpreters(1)
        .build()
        .expect("an executor")
});

/// Functions with several parameters, one and none.
static PLUGIN: LazyLock<(Program, Vec<Function>)> = LazyLock::new(|| {
    let bytes = include_bytes!("../../tests/guests/plugin.wasm");
    let program = Program::from_bytes(&ENGINE, "plugin", bytes, &Limits::default()).expect("a component");
    let names = [
        "add",
        "distance",
        "nothing",
        "greet",
        "kinds#record",
        "checksum",
        "centroid",
    ];
    let functions = names.map(|name| program.function(name).expect("is exported")).to_vec();
    (program, functions)
});

/// Text is a value of a type or is refused in one line; a value of a type is the same after it was written and read, in every notation, and
/// after a real call that gives it back.
pub fn values(bytes: &[u8]) {
    let mut script = Script::of(bytes);
    let echo = &ECHOES[script.below(FUNCTIONS)];
    let Some((_, Type::List(list))) = echo.params().first() else {
        panic!("{echo}");
    };
    let ty = list.ty();
    let choices = script.byte();
    let notation = if choices & 1 == 0 { Bytes::Array } else { Bytes::Base64 };
    if choices & 2 == 0 {
        let made = made(&ty, &mut script);
        return comes_back(echo, &ty, &made, notation);
    }
    let text = String::from_utf8_lossy(script.rest());
    let json = serde_json::from_str(&text);
    let read = json.as_ref().ok().map(|json| from_json(&ty, json, notation));
    for read in read.into_iter().chain([from_cell(&ty, &text, notation)]) {
        match read {
            Ok(value) => comes_back(echo, &ty, &value, notation),
            Err(mismatch) => presentable(&mismatch.to_string()),
        }
    }
    match from_wave(&ty, &text) {
        Ok(value) => comes_back(echo, &ty, &value, notation),
        Err(error) => presentable(&error.to_string()),
    }
    let (program, functions) = &*PLUGIN;
    match parse_call(program, &text) {
        Ok((function, arguments)) => assert_eq!(function.params().len(), arguments.len(), "{function}"),
        Err(error) => presentable(&error.to_string()),
    }
    for function in functions {
        let cells: Vec<_> = text.split(',').collect();
        let columns = ["name", "x", "a", "b", "age"].map(str::to_owned);
        let columns = &columns[..usize::from(choices >> 2) % columns.len()];
        let from_json = json.as_ref().ok().map(|json| arguments(function, json, notation));
        for read in from_json
            .into_iter()
            .chain([from_cells(function, columns, &cells, notation)])
        {
            match read {
                Ok(arguments) => assert_eq!(function.params().len(), arguments.len(), "{function}"),
                Err(mismatch) => presentable(&mismatch.to_string()),
            }
        }
    }
}

/// The same value from all that it is written as, and from a call.
fn comes_back(echo: &Function, ty: &Type, value: &Val, bytes: Bytes) {
    let json = serde_json::to_string(&Json(value, bytes)).expect("JSON has it");
    let parsed = serde_json::from_str(&json).expect("JSON");
    let again = from_json(ty, &parsed, bytes).unwrap_or_else(|why| panic!("{value:?} as {json}: {why}"));
    assert_eq!(&again, value, "as {json}");

    let wave = to_wave(value).expect("WAVE has it");
    let again = from_wave(ty, &wave).unwrap_or_else(|why| panic!("{value:?} as {wave}: {why}"));
    assert_eq!(ordered(again, ty), ordered(value.clone(), ty), "as {wave}");

    if has_a_cell(value) {
        let cell = to_cell(value, bytes).expect("a cell");
        let again = from_cell(ty, &cell, bytes).unwrap_or_else(|why| panic!("{value:?} as {cell:?}: {why}"));
        assert_eq!(&again, value, "as {cell:?}");
    }

    let future = EXECUTOR
        .submit(echo, vec![Val::List(vec![value.clone()])])
        .expect("submits");
    match future.result(Wait::Forever) {
        Ok(Some(Val::List(mut values))) if values.len() == 1 => {
            assert_eq!(
                values.pop().map(|value| ordered(value, ty)),
                Some(ordered(value.clone(), ty))
            );
        }
        other => panic!("{value:?}: {other:?}"),
    }
}

/// Whether a cell says all of it: an empty one is `none`.
fn has_a_cell(value: &Val) -> bool {
    match value {
        Val::Option(Some(some)) => match &**some {
            Val::String(text) => !text.is_empty(),
            Val::Option(None) => false,
            some => has_a_cell(some),
        },
        _ => true,
    }
}

/// The same value, with flags in the order of their type, which is how a guest gives them.
fn ordered(value: Val, ty: &Type) -> Val {
    let boxed = |value: Box<Val>, ty: &Type| Box::new(ordered(*value, ty));
    match (value, ty) {
        (Val::Flags(set), Type::Flags(flags)) => {
            let names = flags.names().filter(|name| set.iter().any(|set| set == name));
            Val::Flags(names.map(str::to_owned).collect())
        }
        (Val::List(values), Type::List(list)) => {
            let ty = list.ty();
            Val::List(values.into_iter().map(|value| ordered(value, &ty)).collect())
        }
        (Val::Record(fields), Type::Record(record)) => {
            let fields = fields.into_iter().zip(record.fields());
            Val::Record(
                fields
                    .map(|((name, value), field)| (name, ordered(value, &field.ty)))
                    .collect(),
            )
        }
        (Val::Tuple(values), Type::Tuple(tuple)) => {
            let values = values.into_iter().zip(tuple.types());
            Val::Tuple(values.map(|(value, ty)| ordered(value, &ty)).collect())
        }
        (Val::Variant(name, Some(value)), Type::Variant(variant)) => {
            let ty = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
            let value = ordered(*value, &ty.expect("a case with a payload"));
            Val::Variant(name, Some(Box::new(value)))
        }
        (Val::Option(Some(value)), Type::Option(option)) => Val::Option(Some(boxed(value, &option.ty()))),
        (Val::Result(Ok(Some(value))), Type::Result(result)) => {
            Val::Result(Ok(Some(boxed(value, &result.ok().expect("a payload")))))
        }
        (Val::Result(Err(Some(value))), Type::Result(result)) => {
            Val::Result(Err(Some(boxed(value, &result.err().expect("a payload")))))
        }
        (value, _) => value,
    }
}

/// A value of a type, as the bytes have it.
fn made(ty: &Type, script: &mut Script<'_>) -> Val {
    let mut inner = |ty: &Type| made(ty, script);
    match ty {
        Type::Bool => Val::Bool(script.byte() & 1 == 1),
        Type::S8 => Val::S8(script.byte().cast_signed()),
        Type::U8 => Val::U8(script.byte()),
        Type::S16 => Val::S16(script.number() as i16),
        Type::U16 => Val::U16(script.number() as u16),
        Type::S32 => Val::S32(script.number() as i32),
        Type::U32 => Val::U32(script.number() as u32),
        Type::S64 => Val::S64(script.number().cast_signed()),
        Type::U64 => Val::U64(script.number()),
        Type::Float32 => Val::Float32(f32::from_bits((script.number() >> 16) as u32)),
        Type::Float64 => Val::Float64(f64::from_bits(script.number())),
        Type::Char => Val::Char(script.char()),
        Type::String => {
            let length = script.below(12);
            Val::String((0..length).map(|_| script.char()).collect())
        }
        Type::List(list) => {
            let length = if script.is_over() { 0 } else { script.below(6) };
            Val::List((0..length).map(|_| made(&list.ty(), script)).collect())
        }
        Type::Record(record) => {
            let fields = record.fields().map(|field| (field.name.to_owned(), inner(&field.ty)));
            Val::Record(fields.collect())
        }
        Type::Tuple(tuple) => Val::Tuple(tuple.types().map(|ty| inner(&ty)).collect()),
        Type::Variant(variant) => {
            let at = script.below(variant.cases().len());
            let case = variant.cases().nth(at).expect("a case");
            let payload = case.ty.map(|ty| Box::new(made(&ty, script)));
            Val::Variant(case.name.to_owned(), payload)
        }
        Type::Enum(names) => {
            let at = script.below(names.names().len());
            Val::Enum(names.names().nth(at).expect("a name").to_owned())
        }
        Type::Flags(flags) => {
            let set = flags.names().filter(|_| script.byte() & 1 == 1);
            Val::Flags(set.map(str::to_owned).collect())
        }
        Type::Option(option) => match script.byte() & 3 {
            0 => Val::Option(None),
            _ => Val::Option(Some(Box::new(made(&option.ty(), script)))),
        },
        Type::Result(result) => {
            let good = script.byte() & 1 == 0;
            let side = if good { result.ok() } else { result.err() };
            let payload = side.map(|ty| Box::new(made(&ty, script)));
            Val::Result(if good { Ok(payload) } else { Err(payload) })
        }
        other => panic!("no such type here: {other:?}"),
    }
}
