//! Nothing is lost on the way, and what does not fit is refused with where, what was expected and what was found.

use serde_json::{Value, json};
use wasm_pool::Executor;
use wasm_pool::value::{Bytes, Json, Val, arguments, from_json};

use crate::{LONG, PLUGIN, executor};

/// JSON in, a call of `kinds`, JSON out.
fn echoed(executor: &Executor, name: &str, text: &str, bytes: Bytes) -> String {
    let function = executor.function(&format!("kinds#{name}")).expect("a function");
    let json: Value = serde_json::from_str(text).expect("JSON");
    let arguments = arguments(&function, &json, bytes).expect(text);
    let back = executor.submit(&function, arguments).expect("submits").result(LONG);
    serde_json::to_string(&Json(&back.expect("well").expect("a value"), bytes)).expect("JSON has it")
}

#[test]
fn whole_numbers_of_64_bits_lose_nothing() {
    let executor = executor(&PLUGIN);
    for number in [0, 1, -1, i64::MIN, i64::MAX, (1 << 53) + 1, -(1 << 53) - 1] {
        let text = number.to_string();
        assert_eq!(echoed(&executor, "s64", &text, Bytes::Array), text);
    }
    for number in [0, u64::MAX, u64::MAX - 1, (1 << 53) + 1, 1 << 63] {
        let text = number.to_string();
        assert_eq!(echoed(&executor, "u64", &text, Bytes::Array), text);
    }
}

#[test]
fn floats_come_back_to_the_bit() {
    let executor = executor(&PLUGIN);
    let wide = [
        0.1,
        -0.0,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        1.0 / 3.0,
        1e21,
        123_456_789.123_456_78,
    ];
    for number in wide {
        let text = serde_json::to_string(&number).expect("JSON");
        let back: f64 = serde_json::from_str(&echoed(&executor, "f64", &text, Bytes::Array)).expect("a number");
        assert_eq!(back.to_bits(), number.to_bits(), "{text}");
    }
    for number in [0.1, -0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, 1.0 / 3.0, 16_777_217.0] {
        let text = serde_json::to_string(&number).expect("JSON");
        assert_eq!(echoed(&executor, "f32", &text, Bytes::Array), text);
    }
    for name in ["f32", "f64"] {
        for text in ["\"NaN\"", "\"Infinity\"", "\"-Infinity\""] {
            assert_eq!(echoed(&executor, name, text, Bytes::Array), text);
        }
        // A whole number is a float too.
        assert_eq!(echoed(&executor, name, "5", Bytes::Array), "5.0");
    }
}

#[test]
fn bytes_are_an_array_of_numbers_or_base64() {
    let executor = executor(&PLUGIN);
    for (array, base64) in [
        ("[0]", "\"AA==\""),
        ("[0,255]", "\"AP8=\""),
        ("[1,2,3]", "\"AQID\""),
        ("[255,255,255,255]", "\"/////w==\""),
    ] {
        assert_eq!(echoed(&executor, "bytes", array, Bytes::Array), array);
        assert_eq!(echoed(&executor, "bytes", base64, Bytes::Base64), base64);
    }
}

#[test]
fn no_bytes_are_empty_text_or_an_empty_array() {
    let executor = executor(&PLUGIN);
    assert_eq!(echoed(&executor, "bytes", "[]", Bytes::Array), "[]");
    let empty = echoed(&executor, "bytes", "\"\"", Bytes::Base64);
    // What comes out can go in again.
    assert_eq!(echoed(&executor, "bytes", &empty, Bytes::Base64), empty);
}

/// A function, what it was given as JSON; where it is wrong, what was expected and what was found.
fn mismatches() -> Vec<(&'static str, Value, &'static str, &'static str, &'static str)> {
    vec![
        ("add", json!([1, "2"]), "b", "s32", "the string \"2\""),
        ("add", json!([1]), "", "2 arguments", "an array of 1"),
        ("add", json!([1, 2, 3]), "", "2 arguments", "an array of 3"),
        (
            "add",
            json!(1),
            "",
            "2 arguments, as an array or an object",
            "the number 1",
        ),
        ("add", json!({"a": 1}), "b", "s32", "nothing"),
        (
            "add",
            json!({"a": 1, "b": 2, "c": 3}),
            "",
            "one of the fields a, b",
            "\"c\"",
        ),
        (
            "distance",
            json!([{"x": 1, "y": 2}, {"x": 1, "y": true}]),
            "b.y",
            "f64",
            "true",
        ),
        (
            "centroid",
            json!([{"x": 1, "y": 2}, {"x": 1}]),
            "points[1].y",
            "f64",
            "nothing",
        ),
        ("kinds#bool", json!(1), "value", "bool", "the number 1"),
        ("kinds#s8", json!(128), "value", "s8", "the number 128"),
        ("kinds#u8", json!(-1), "value", "u8", "the number -1"),
        ("kinds#u8", json!(1.0), "value", "u8", "the number 1.0"),
        (
            "kinds#s64",
            json!(u64::MAX),
            "value",
            "s64",
            "the number 18446744073709551615",
        ),
        ("kinds#u64", json!(-1), "value", "u64", "the number -1"),
        ("kinds#f32", json!(1e39), "value", "f32", "the number 1e+39"),
        ("kinds#f64", json!("nan"), "value", "f64", "the string \"nan\""),
        ("kinds#char", json!("ab"), "value", "char", "the string \"ab\""),
        ("kinds#char", json!(""), "value", "char", "the string \"\""),
        ("kinds#string", json!(null), "value", "string", "null"),
        ("kinds#bytes", json!([1, 256]), "value[1]", "u8", "the number 256"),
        ("kinds#bytes", json!("AQID"), "value", "list<u8>", "the string \"AQID\""),
        (
            "kinds#strings",
            json!(["a", ["b"]]),
            "value[1]",
            "string",
            "an array of 1",
        ),
        ("kinds#tuple", json!([7]), "value", "tuple<u8, string>", "an array of 1"),
        ("kinds#tuple", json!([7, 8]), "value[1]", "string", "the number 8"),
        ("kinds#enum", json!("blue"), "value", "enum", "the string \"blue\""),
        (
            "kinds#flags",
            json!(["read", "run-it", "read"]),
            "value[2]",
            "each flag once",
            "\"read\" again",
        ),
        (
            "kinds#flags",
            json!(["read", "fly"]),
            "value[1]",
            "flags",
            "the string \"fly\"",
        ),
        (
            "kinds#variant",
            json!("square"),
            "value",
            "variant",
            "the string \"square\"",
        ),
        (
            "kinds#variant",
            json!({"circle": "big"}),
            "value.circle",
            "f64",
            "the string \"big\"",
        ),
        (
            "kinds#variant",
            json!({"rectangle": [1, null]}),
            "value.rectangle[1]",
            "f64",
            "null",
        ),
        (
            "kinds#variant",
            json!({"dot": 1}),
            "value.dot",
            "\"dot\" without a payload",
            "the number 1",
        ),
        (
            "kinds#variant",
            json!("circle"),
            "value",
            "f64",
            "\"circle\" without a payload",
        ),
        (
            "kinds#variant",
            json!({"dot": 1, "circle": 2}),
            "value",
            "variant",
            "an object with {",
        ),
        ("kinds#option", json!("five"), "value", "u32", "the string \"five\""),
        (
            "kinds#options",
            json!(5),
            "value",
            "option<option<u32>>",
            "the number 5",
        ),
        ("kinds#options", json!({"some": true}), "value.some", "u32", "true"),
        (
            "kinds#result",
            json!({"ok": "x"}),
            "value.ok",
            "u32",
            "the string \"x\"",
        ),
        (
            "kinds#result",
            json!({"maybe": 5}),
            "value",
            "result<u32, string>",
            "an object with {maybe}",
        ),
        ("kinds#result", json!(5), "value", "result<u32, string>", "the number 5"),
    ]
}

#[test]
fn what_does_not_fit_says_where_and_what_was_expected_and_found() {
    for (name, json, path, expected, found) in mismatches() {
        let function = PLUGIN.function(name).expect("a function");
        let why = arguments(&function, &json, Bytes::Array).expect_err(name);
        let fits = why.path == path && why.expected.contains(expected) && why.found.contains(found);
        assert!(fits, "{name} of {json}: {why:?}");
    }
}

#[test]
fn base64_that_is_none_is_refused() {
    let function = PLUGIN.function("kinds#bytes").expect("a function");
    let ty = &function.params()[0].1;
    for wrong in [
        json!("AQI"),
        json!("A?=="),
        json!("AP8=\n"),
        json!([1, 2]),
        json!(1),
        json!(null),
    ] {
        let why = from_json(ty, &wrong, Bytes::Base64).expect_err("refuses");
        assert_eq!(why.expected, "base64 text", "{wrong}");
    }
}

#[test]
fn what_was_found_is_shown_short_and_on_one_line() {
    let function = PLUGIN.function("kinds#u8").expect("a function");
    let ty = &function.params()[0].1;
    let why = from_json(ty, &json!("\u{1b}[2J\n".repeat(100_000)), Bytes::Array).expect_err("refuses");
    let shown = why.to_string();
    assert!(shown.len() < 300 && !shown.contains(['\u{1b}', '\n']), "{shown}");
}

#[test]
fn a_value_of_another_type_than_the_function_s_ends_the_call_and_nothing_else() {
    let executor = executor(&PLUGIN);
    let function = executor.function("kinds#u8").expect("a function");
    let wrong = executor
        .submit(&function, vec![Val::String("x".to_owned())])
        .expect("submits");
    assert!(wrong.result(LONG).is_err());
    let right = executor.submit(&function, vec![Val::U8(7)]).expect("submits");
    assert_eq!(right.result(LONG), Ok(Some(Val::U8(7))));
}
