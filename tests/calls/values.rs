//! Every kind of type, as JSON, as WAVE and through a real call.

use serde_json::Value;
use wasm_pool::value::{
    Bytes, Json, Val, arguments, from_cell, from_cells, from_json, from_wave, parse_call, to_cell, to_wave,
};
use wasm_pool::{Error, ErrorKind, Path};

use crate::{LONG, PLUGIN, builder, executor};

/// A function of `kinds`, a value as JSON, the same as WAVE.
const KINDS: [(&str, &str, &str); 41] = [
    ("bool", "true", "true"),
    ("bool", "false", "false"),
    ("s8", "-128", "-128"),
    ("s16", "-32768", "-32768"),
    ("s32", "-2147483648", "-2147483648"),
    ("s64", "-9223372036854775808", "-9223372036854775808"),
    ("s64", "9223372036854775807", "9223372036854775807"),
    ("u8", "255", "255"),
    ("u16", "65535", "65535"),
    ("u32", "4294967295", "4294967295"),
    ("u64", "18446744073709551615", "18446744073709551615"),
    ("f32", "-1.5", "-1.5"),
    ("f32", "\"NaN\"", "nan"),
    ("f32", "\"-Infinity\"", "-inf"),
    ("f64", "0.1", "0.1"),
    ("f64", "\"NaN\"", "nan"),
    ("f64", "\"Infinity\"", "inf"),
    ("char", "\"é\"", "'é'"),
    ("char", "\"\\u0000\"", "'\\u{0}'"),
    ("string", "\"\"", "\"\""),
    ("string", "\"one \\\"two\\\" 😀\"", "\"one \\\"two\\\" 😀\""),
    ("bytes", "[]", "[]"),
    ("bytes", "[0,127,255]", "[0, 127, 255]"),
    ("strings", "[\"a\",\"\"]", "[\"a\", \"\"]"),
    ("tuple", "[7,\"seven\"]", "(7, \"seven\")"),
    (
        "record",
        "{\"name\":\"Ada\",\"age\":36,\"nick-name\":null}",
        "{name: \"Ada\", age: 36}",
    ),
    (
        "record",
        "{\"name\":\"Bo\",\"age\":0,\"nick-name\":\"B\"}",
        "{name: \"Bo\", age: 0, nick-name: some(\"B\")}",
    ),
    ("variant", "\"dot\"", "dot"),
    ("variant", "{\"circle\":2.5}", "circle(2.5)"),
    ("variant", "{\"rectangle\":[0.5,2.5]}", "rectangle((0.5, 2.5))"),
    ("variant", "{\"label\":\"dot\"}", "label(\"dot\")"),
    ("enum", "\"dark-blue\"", "dark-blue"),
    ("flags", "[]", "{}"),
    ("flags", "[\"read\",\"run-it\"]", "{read, run-it}"),
    ("option", "null", "none"),
    ("option", "5", "some(5)"),
    ("options", "null", "none"),
    ("options", "{\"some\":null}", "some(none)"),
    ("options", "{\"some\":5}", "some(some(5))"),
    ("result", "{\"ok\":5}", "ok(5)"),
    ("result", "{\"err\":\"no\"}", "err(\"no\")"),
];

fn json(value: &Val) -> String {
    serde_json::to_string(&Json(value, Bytes::Array)).expect("JSON has it")
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn every_kind_of_value_comes_back_as_it_was_from_json_from_wave_and_from_a_call() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&PLUGIN).path(path).build().expect("an executor");
        for (name, as_json, as_wave) in KINDS {
            let function = executor.function(&format!("kinds#{name}")).expect("a function");
            let ty = &function.params()[0].1;
            let value = from_json(ty, &parsed(as_json), Bytes::Array).expect(name);
            assert_eq!(from_wave(ty, as_wave).expect(name), value, "{as_wave}");
            assert_eq!((&*json(&value), &*to_wave(&value).expect(name)), (as_json, as_wave));

            let future = executor.submit(&function, vec![value.clone()]).expect("submits");
            let back = future.result(LONG).expect("well").expect("a value");
            assert_eq!(back, value, "{name}");
            assert_eq!(json(&back), as_json);
        }
    }
}

#[test]
fn a_result_without_payloads_is_null_behind_ok_or_err() {
    let executor = executor(&PLUGIN);
    let function = executor.function("kinds#bare-result").expect("a function");
    for (as_json, as_wave) in [("{\"ok\":null}", "ok"), ("{\"err\":null}", "err")] {
        let value = from_json(&function.params()[0].1, &parsed(as_json), Bytes::Array).expect("a value");
        assert_eq!(to_wave(&value).expect("WAVE"), as_wave);
        let future = executor.submit(&function, vec![value.clone()]).expect("submits");
        let back = future.result(LONG).expect("well").expect("a value");
        assert_eq!((&back, &*json(&back)), (&value, as_json));
    }
    // Short for it.
    for (short, long) in [("\"ok\"", Val::Result(Ok(None))), ("\"err\"", Val::Result(Err(None)))] {
        let value = from_json(&function.params()[0].1, &parsed(short), Bytes::Array);
        assert_eq!(value.expect("a value"), long);
    }
}

#[test]
fn arguments_come_by_position_or_by_name_and_one_alone_is_itself() {
    let two = PLUGIN.function("add").expect("a function");
    let given = [Val::S32(2), Val::S32(-3)];
    for text in ["[2, -3]", "{\"a\": 2, \"b\": -3}", "{\"b\": -3, \"a\": 2}"] {
        assert_eq!(arguments(&two, &parsed(text), Bytes::Array).expect(text), given);
    }
    let one = PLUGIN.function("greet").expect("a function");
    let name = arguments(&one, &parsed("\"you\""), Bytes::Array).expect("an argument");
    assert_eq!(name, [Val::String("you".to_owned())]);
    // An array is the argument where one is wanted.
    let list = PLUGIN.function("checksum").expect("a function");
    let bytes = arguments(&list, &parsed("[1, 2]"), Bytes::Array).expect("an argument");
    assert_eq!(bytes, [Val::List(vec![Val::U8(1), Val::U8(2)])]);
    let none = PLUGIN.function("nothing").expect("a function");
    for text in ["null", "[]", "{}"] {
        assert_eq!(arguments(&none, &parsed(text), Bytes::Array).expect(text), []);
    }
}

#[test]
fn an_option_may_be_left_out_of_a_record() {
    let record = PLUGIN.function("kinds#record").expect("a function");
    let without = arguments(&record, &parsed("{\"age\": 1, \"name\": \"x\"}"), Bytes::Array);
    let with = arguments(
        &record,
        &parsed("{\"name\": \"x\", \"age\": 1, \"nick-name\": null}"),
        Bytes::Array,
    );
    assert_eq!(without.expect("a value"), with.expect("a value"));
}

#[test]
fn a_call_is_written_as_in_wit() {
    let executor = executor(&PLUGIN);
    let called = |text: &str| {
        let (function, arguments) = parse_call(&PLUGIN, text).expect(text);
        let result = executor.submit(&function, arguments).expect("submits").result(LONG);
        result.expect("well").map(|value| to_wave(&value).expect("WAVE"))
    };
    for (text, result) in [
        ("distance({x: 0, y: 0}, {x: 3, y: 4})", Some("5")),
        ("add(2, -3)", Some("-1")),
        ("  greet ( \"you\" ) ", Some("\"Hello, you!\"")),
        ("demo:plugin/kinds@0.1.0#u8(7)", Some("7")),
        ("kinds#name()", Some("\"kinds\"")),
        ("nothing()", None),
    ] {
        assert_eq!(called(text).as_deref(), result, "{text}");
    }
}

#[test]
fn a_call_that_cannot_be_read_says_what_was_expected_and_where() {
    let refused = |text: &str| -> Error { parse_call(&PLUGIN, text).expect_err(text) };
    for (text, says) in [
        ("add", "expected one such as"),
        ("add(1)", "add: func(a: s32, b: s32) -> s32"),
        ("add(1, 2, 3)", "add: func(a: s32, b: s32) -> s32"),
        ("add(1, 2", "add: func(a: s32, b: s32) -> s32"),
        ("add(1, \"two\")", "at `\"two\"`"),
        ("kinds#u8(256)", "at `256`"),
        ("subtract(1, 2)", "no function \"subtract\""),
        ("name()", "say which"),
    ] {
        let error = refused(text);
        assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}

#[test]
fn a_table_s_cells_are_text_as_it_is_and_json_otherwise() {
    let record = PLUGIN.function("kinds#record").expect("a function");
    let columns = ["age", "more", "name"].map(str::to_owned);
    let row = from_cells(&record, &columns, &["36", "whatever", "Ada"], Bytes::Array).expect("a row");
    let same = arguments(&record, &parsed("{\"name\": \"Ada\", \"age\": 36}"), Bytes::Array);
    assert_eq!(row, same.expect("a value"));
    for (name, cell) in [
        ("string", "36"),
        ("char", "3"),
        ("u64", "18446744073709551615"),
        ("enum", "red"),
        ("option", ""),
        ("option", "5"),
        ("strings", "[\"a\"]"),
    ] {
        let function = PLUGIN.function(&format!("kinds#{name}")).expect("a function");
        let value = from_cell(&function.params()[0].1, cell, Bytes::Array).expect(cell);
        assert_eq!(to_cell(&value, Bytes::Array).expect("a cell"), cell, "{name}");
    }
    let error = from_cells(&record, &columns, &["old", "", "Ada"], Bytes::Array).expect_err("age is a number");
    assert_eq!(error.to_string(), "age: expected u32, found the string \"old\"");
}

#[test]
fn a_value_of_another_type_is_refused_before_the_call() {
    let executor = executor(&PLUGIN);
    let text = |text: &str| Val::String(text.to_owned());
    let field = |name: &str, value| (name.to_owned(), value);
    let none = || Val::Option(None);
    let cases = [
        ("s32", Val::U32(1), "expected s32, found u32"),
        ("string", Val::Char('a'), "expected string, found char"),
        (
            "strings",
            Val::List(vec![text("a"), Val::Bool(true)]),
            "[1]: expected string, found bool",
        ),
        ("tuple", Val::Tuple(vec![Val::U32(7)]), "found another tuple"),
        (
            "record",
            Val::Record(vec![
                field("name", text("a")),
                field("age", Val::U8(1)),
                field("nick-name", none()),
            ]),
            "age: expected u32, found u8",
        ),
        (
            "record",
            Val::Record(vec![field("name", text("a"))]),
            "found another record",
        ),
        (
            "variant",
            Val::Variant("square".to_owned(), None),
            "found another variant",
        ),
        (
            "variant",
            Val::Variant("dot".to_owned(), Some(Box::new(Val::U8(1)))),
            "found another variant",
        ),
        (
            "variant",
            Val::Variant("circle".to_owned(), Some(Box::new(text("r")))),
            "circle: expected f64, found string",
        ),
        ("enum", Val::Enum("mauve".to_owned()), "found another enum"),
        ("flags", Val::Flags(vec!["fly".to_owned()]), "found other flags"),
        ("option", Val::Option(Some(Box::new(text("a")))), "found string"),
        ("result", Val::Result(Ok(Some(Box::new(text("a"))))), "ok: expected"),
    ];
    for (name, value, says) in cases {
        let function = executor.function(name).expect("a function");
        let error = executor.submit(&function, vec![value.clone()]).expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::Usage, "{name} {value:?}");
        assert!(error.to_string().contains(says), "{name}: {says:?} is not in {error}");
    }
}
