//! Any value of any type goes through JSON, WAVE and cells, and is the same again.

use std::sync::LazyLock;

use proptest::prelude::*;
use wasm_pool::Program;
use wasm_pool::value::{Bytes, Json, Type, Val, from_cell, from_json, from_wave, to_cell, to_wave};

use crate::{PLUGIN, wat};

/// Types within types. A function that takes a list of them takes two numbers, so that one core function does for all.
static NESTED: LazyLock<Program> = LazyLock::new(|| {
    wat(r#"(component
      (core module $m
        (memory (export "memory") 1)
        (func (export "f") (param i32 i32))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
      (core instance $i (instantiate $m))
      (alias core export $i "memory" (core memory $memory))
      (alias core export $i "f" (core func $f))
      (alias core export $i "realloc" (core func $realloc))

      (type $point' (record (field "x" f32) (field "y" f64)))
      (export $point "point" (type $point'))
      (type $deep' (record
        (field "points" (list $point)) (field "maybe" (option (list u8))) (field "maybe-not" (option (option (option bool))))
        (field "letters" (tuple char string (list char))) (field "s" s64) (field "u" u64)))
      (export $deep "deep" (type $deep'))
      (type $rights' (flags "read" "write" "run-it"))
      (export $rights "rights" (type $rights'))
      (type $color' (enum "red" "some" "none" "ok"))
      (export $color "color" (type $color'))
      (type $shape' (variant
        (case "none") (case "some" (option u8)) (case "ok" (result (option s8) (error (list $color)))) (case "point" $point)
        (case "bytes" (list u8)) (case "rights" $rights) (case "twice" (option (option string)))))
      (export $shape "shape" (type $shape'))

      (func (export "deep-of") (param "values" (list $deep))
        (canon lift (core func $f) (memory $memory) (realloc $realloc)))
      (func (export "shape-of") (param "values" (list $shape))
        (canon lift (core func $f) (memory $memory) (realloc $realloc)))
      (func (export "options-of") (param "values" (list (option (option $shape))))
        (canon lift (core func $f) (memory $memory) (realloc $realloc)))
      (func (export "results-of") (param "values" (list (result (result (option $color)) (error (option (list u8))))))
        (canon lift (core func $f) (memory $memory) (realloc $realloc)))
      (func (export "lists-of") (param "values" (list (list (list u8))))
        (canon lift (core func $f) (memory $memory) (realloc $realloc)))
      (func (export "colors-of") (param "values" (list (option $color)))
        (canon lift (core func $f) (memory $memory) (realloc $realloc))))"#)
});

/// Every type that the programs here have a function for.
fn types() -> Vec<(String, Type)> {
    let kinds = [
        "bool",
        "s8",
        "s16",
        "s32",
        "s64",
        "u8",
        "u16",
        "u32",
        "u64",
        "f32",
        "f64",
        "char",
        "string",
        "bytes",
        "strings",
        "tuple",
        "record",
        "variant",
        "enum",
        "flags",
        "option",
        "options",
        "result",
        "bare-result",
    ];
    let nested = [
        "deep-of",
        "shape-of",
        "options-of",
        "results-of",
        "lists-of",
        "colors-of",
    ];
    let plain = kinds.map(|name| (&*PLUGIN, format!("kinds#{name}")));
    let nested = nested.map(|name| (&*NESTED, name.to_owned()));
    plain
        .into_iter()
        .chain(nested)
        .map(|(program, name)| {
            let function = program.function(&name).expect("a function");
            (name, function.params()[0].1.clone())
        })
        .collect()
}

/// Any value of this type.
fn value(ty: &Type) -> BoxedStrategy<Val> {
    let boxed = |value: Option<Val>| value.map(Box::new);
    match ty {
        Type::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Type::S8 => any::<i8>().prop_map(Val::S8).boxed(),
        Type::U8 => any::<u8>().prop_map(Val::U8).boxed(),
        Type::S16 => any::<i16>().prop_map(Val::S16).boxed(),
        Type::U16 => any::<u16>().prop_map(Val::U16).boxed(),
        Type::S32 => any::<i32>().prop_map(Val::S32).boxed(),
        Type::U32 => any::<u32>().prop_map(Val::U32).boxed(),
        Type::S64 => any::<i64>().prop_map(Val::S64).boxed(),
        Type::U64 => any::<u64>().prop_map(Val::U64).boxed(),
        // All bits, so infinities, numbers below the normal ones, and all that are none.
        Type::Float32 => any::<u32>().prop_map(|bits| Val::Float32(f32::from_bits(bits))).boxed(),
        Type::Float64 => any::<u64>().prop_map(|bits| Val::Float64(f64::from_bits(bits))).boxed(),
        Type::Char => any::<char>().prop_map(Val::Char).boxed(),
        Type::String => prop_oneof![
            any::<String>(),
            Just("null".to_owned()),
            Just("some".to_owned()),
            Just("NaN".to_owned())
        ]
        .prop_map(Val::String)
        .boxed(),
        Type::List(list) => prop::collection::vec(value(&list.ty()), 0..4)
            .prop_map(Val::List)
            .boxed(),
        Type::Record(record) => {
            let fields: Vec<_> = record
                .fields()
                .map(|field| (Just(field.name.to_owned()), value(&field.ty)))
                .collect();
            fields.prop_map(Val::Record).boxed()
        }
        Type::Tuple(tuple) => {
            let parts: Vec<_> = tuple.types().map(|ty| value(&ty)).collect();
            parts.prop_map(Val::Tuple).boxed()
        }
        Type::Variant(variant) => {
            let cases = variant.cases().map(|case| {
                let name = case.name.to_owned();
                let payload = payload(case.ty.as_ref());
                payload.prop_map(move |payload| Val::Variant(name.clone(), payload.map(Box::new)))
            });
            prop::strategy::Union::new(cases).boxed()
        }
        Type::Enum(names) => {
            let names: Vec<_> = names.names().map(str::to_owned).collect();
            prop::sample::select(names).prop_map(Val::Enum).boxed()
        }
        Type::Flags(names) => {
            let names: Vec<_> = names.names().map(str::to_owned).collect();
            let most = names.len();
            prop::sample::subsequence(names, 0..=most).prop_map(Val::Flags).boxed()
        }
        Type::Option(option) => prop::option::of(value(&option.ty()))
            .prop_map(move |some| Val::Option(boxed(some)))
            .boxed(),
        Type::Result(result) => {
            let (ok, err) = (payload(result.ok().as_ref()), payload(result.err().as_ref()));
            prop_oneof![
                ok.prop_map(move |ok| Val::Result(Ok(boxed(ok)))),
                err.prop_map(move |err| Val::Result(Err(boxed(err))))
            ]
            .boxed()
        }
        other => panic!("no function here takes {other:?}"),
    }
}

fn payload(ty: Option<&Type>) -> BoxedStrategy<Option<Val>> {
    match ty {
        Some(ty) => value(ty).prop_map(Some).boxed(),
        None => Just(None).boxed(),
    }
}

/// Any type, and any value of it.
fn typed() -> BoxedStrategy<(String, Type, Val)> {
    let each = types().into_iter().map(|(name, ty)| {
        let value = value(&ty);
        value.prop_map(move |value| (name.clone(), ty.clone(), value))
    });
    prop::strategy::Union::new(each).boxed()
}

/// The same with its flags in order: they are a set, and WAVE gives them as it likes.
fn sorted(value: &Val) -> Val {
    let within = |value: &Option<Box<Val>>| value.as_deref().map(|value| Box::new(sorted(value)));
    match value {
        Val::Flags(names) => {
            let mut names = names.clone();
            names.sort();
            Val::Flags(names)
        }
        Val::List(values) => Val::List(values.iter().map(sorted).collect()),
        Val::Tuple(values) => Val::Tuple(values.iter().map(sorted).collect()),
        Val::Record(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), sorted(value)));
            Val::Record(fields.collect())
        }
        Val::Variant(name, payload) => Val::Variant(name.clone(), within(payload)),
        Val::Option(value) => Val::Option(within(value)),
        Val::Result(Ok(value)) => Val::Result(Ok(within(value))),
        Val::Result(Err(value)) => Val::Result(Err(within(value))),
        plain => plain.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_survives_to_json_and_back((name, ty, value) in typed()) {
        for bytes in [Bytes::Array, Bytes::Base64] {
            let text = serde_json::to_string(&Json(&value, bytes)).expect("JSON has it");
            let json = serde_json::from_str(&text).expect("it is JSON");
            let back = from_json(&ty, &json, bytes);
            prop_assert_eq!(back.as_ref(), Ok(&value), "{}: {}", name, text);
            // The same without text between.
            let json = serde_json::to_value(Json(&value, bytes)).expect("JSON has it");
            let back = from_json(&ty, &json, bytes);
            prop_assert_eq!(back.as_ref(), Ok(&value), "{}: {}", name, json);
        }
    }

    #[test]
    fn any_value_survives_to_wave_and_back((name, ty, value) in typed()) {
        let text = to_wave(&value).expect("WAVE has it");
        let back = from_wave(&ty, &text);
        prop_assert!(back.as_ref().is_ok_and(|back| sorted(back) == sorted(&value)), "{name}: {text}: {back:?}");
    }

    #[test]
    fn json_of_any_shape_is_taken_or_refused(text in "[\\[\\]{}\",:a-z0-9.-]{0,24}", (_, ty, _) in typed()) {
        if let Ok(json) = serde_json::from_str(&text) {
            let _ = from_json(&ty, &json, Bytes::Base64);
        }
        let _ = from_wave(&ty, &text);
        let _ = from_cell(&ty, &text, Bytes::Array);
    }

    #[test]
    fn any_value_that_a_cell_can_tell_apart_survives_in_one((name, ty, value) in typed()) {
        // An empty cell is nothing: empty text within an option, and an option within another, cannot be told from it.
        let cell = to_cell(&value, Bytes::Array).expect("a cell");
        let plain = !matches!(&value, Val::Option(Some(within)) if matches!(**within, Val::Option(_) | Val::String(_)));
        if plain {
            let back = from_cell(&ty, &cell, Bytes::Array);
            prop_assert_eq!(back.as_ref(), Ok(&value), "{}: {}", name, cell);
        }
    }
}
