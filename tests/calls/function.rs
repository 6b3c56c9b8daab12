//! How a function is named, and what is told of it.

use wasm_pool::value::{Type, Val};
use wasm_pool::{Error, ErrorKind, Path, Program};

use crate::{COUNTER, LONG, NUMBERS, PLUGIN, builder, executor, wat};

/// Refused as a wrong use.
#[track_caller]
fn refused(program: &Program, name: &str) -> Error {
    let error = program.function(name).expect_err("refuses");
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    error
}

#[test]
fn a_function_is_named_alone_or_with_its_interface_in_any_length() {
    for name in [
        "distance",
        "geometry#distance",
        "demo:plugin/geometry#distance",
        "demo:plugin/geometry@0.1.0#distance",
    ] {
        let function = PLUGIN.function(name).expect(name);
        assert_eq!(function.name(), "demo:plugin/geometry@0.1.0#distance");
    }
    assert_eq!(PLUGIN.function("add").expect("a function").name(), "add");
}

#[test]
fn a_name_that_several_functions_have_must_say_which() {
    let error = refused(&PLUGIN, "name").to_string();
    for whole in ["demo:plugin/geometry@0.1.0#name", "demo:plugin/kinds@0.1.0#name"] {
        assert!(error.contains(whole) && error.contains("say which"), "{error}");
        let function = PLUGIN.function(whole).expect("a function");
        assert_eq!(function.name(), whole);
    }
    let executor = executor(&PLUGIN);
    for (name, says) in [("geometry#name", "geometry"), ("kinds#name", "kinds")] {
        let function = executor.function(name).expect("a function");
        let said = executor.submit(&function, vec![]).expect("submits").result(LONG);
        assert_eq!(said, Ok(Some(Val::String(says.to_owned()))));
    }
}

#[test]
fn a_name_that_no_function_has_is_answered_with_those_that_are_there() {
    let error = refused(&PLUGIN, "subtract").to_string();
    assert!(
        error.contains("no function \"subtract\"") && error.contains("\"add\""),
        "{error}"
    );
    for name in [
        "",
        "#",
        "geometry#",
        "geometry#add",
        "geometr#distance",
        "geometry@0.2.0#distance",
        "Add",
        "add ",
    ] {
        refused(&PLUGIN, name);
    }
    let nothing = wat("(module)");
    assert!(refused(&nothing, "add").to_string().contains("it exports nothing"));
    // Memories and globals are no functions.
    let memory = wat(r#"(module (memory (export "memory") 1))"#);
    assert!(refused(&memory, "memory").to_string().contains("it exports nothing"));
}

#[test]
fn whatever_a_function_is_called_stays_on_one_line() {
    let named = wat(r#"(module (func (export "a\nb\1b[2J") (result i32) (i32.const 7)))"#);
    let error = refused(&named, "c\nd").to_string();
    assert!(!error.contains(['\n', '\u{1b}']), "{error}");
    let function = named.function("a\nb\u{1b}[2J").expect("a function");
    let shown = function.to_string();
    assert!(!shown.contains(['\n', '\u{1b}']), "{shown}");
    let seven = executor(&named)
        .submit(&function, vec![])
        .expect("submits")
        .result(LONG);
    assert_eq!(seven, Ok(Some(Val::S32(7))));
}

#[test]
fn a_function_shows_its_type() {
    for (name, shown) in [
        ("add", "add: func(a: s32, b: s32) -> s32"),
        ("nothing", "nothing: func()"),
        ("fails", "fails: func(what: string) -> result<u32, string>"),
    ] {
        assert_eq!(PLUGIN.function(name).expect("a function").to_string(), shown);
    }
    let function = PLUGIN.function("centroid").expect("a function");
    assert!(matches!(function.params(), [(name, Type::List(_))] if name == "points"));
    assert!(matches!(function.results(), [Type::Option(_)]));
    assert!(PLUGIN.function("nothing").expect("a function").results().is_empty());
    assert_eq!(function.program(), &*PLUGIN);
}

#[test]
fn what_means_nothing_outside_its_instance_cannot_be_passed() {
    let error = refused(&NUMBERS, "take").to_string();
    assert!(
        error.contains("\"take\" cannot be called from here: it passes"),
        "{error}"
    );
    // One that can be called is offered, one that cannot is not.
    let error = refused(&NUMBERS, "taken").to_string();
    assert!(error.contains("\"swap\"") && !error.contains("\"take\""), "{error}");

    let resources = wat(r#"(component
      (type $r' (resource (rep i32)))
      (export $r "thing" (type $r'))
      (core module $m
        (func (export "f") (param i32)) (func (export "g") (result i32) (i32.const 0)) (func (export "h")))
      (core instance $i (instantiate $m))
      (alias core export $i "f" (core func $f))
      (alias core export $i "g" (core func $g))
      (alias core export $i "h" (core func $h))
      (func (export "drops") (param "it" (own $r)) (canon lift (core func $f)))
      (func (export "looks") (param "it" (borrow $r)) (canon lift (core func $f)))
      (func (export "plain") (canon lift (core func $h))))"#);
    for name in ["drops", "looks"] {
        assert!(refused(&resources, name).to_string().contains("it passes a resource"));
    }
    let plain = resources.function("plain").expect("a function");
    let called = executor(&resources)
        .submit(&plain, vec![])
        .expect("submits")
        .result(LONG);
    assert_eq!(called, Ok(None));
}

#[test]
fn core_functions_take_numbers_and_give_any_number_of_them() {
    for path in [Path::Direct, Path::Fiber] {
        let executor = builder(&NUMBERS).path(path).build().expect("an executor");
        let gives = |name: &str, arguments: Vec<Val>| {
            let function = executor.function(name).expect("a function");
            executor
                .submit(&function, arguments)
                .expect("submits")
                .result(LONG)
                .expect("well")
        };
        assert_eq!(
            gives("add", vec![Val::S32(i32::MAX), Val::S32(1)]),
            Some(Val::S32(i32::MIN))
        );
        assert_eq!(
            gives("mul64", vec![Val::S64(1 << 40), Val::S64(-3)]),
            Some(Val::S64(-3 << 40))
        );
        assert_eq!(gives("half", vec![Val::Float64(5.0)]), Some(Val::Float64(2.5)));
        // Two results are a tuple.
        let swapped = Val::Tuple(vec![Val::S64(1 << 40), Val::S32(7)]);
        assert_eq!(gives("swap", vec![Val::S32(7), Val::S64(1 << 40)]), Some(swapped));
    }
    let swap = NUMBERS.function("swap").expect("a function");
    let names: Vec<_> = swap.params().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["p0", "p1"]);
    assert!(matches!(swap.results(), [Type::S64, Type::S32]));
}

#[test]
fn a_call_has_as_many_arguments_as_the_function_parameters() {
    let executor = executor(&PLUGIN);
    let add = executor.function("add").expect("a function");
    for count in [0, 1, 3] {
        let error = executor.submit(&add, vec![Val::S32(1); count]).expect_err("refuses");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(
            error.to_string().contains(&format!("was given {count} arguments")),
            "{error}"
        );
    }
}

#[test]
fn one_executor_calls_functions_of_several_programs() {
    let executor = executor(&PLUGIN);
    let count = COUNTER.function("count").expect("a function");
    let add = PLUGIN.function("add").expect("a function");
    for _ in 0..3 {
        let counted = executor
            .submit(&count, vec![Val::S32(9)])
            .expect("submits")
            .result(LONG);
        let added = executor
            .submit(&add, vec![Val::S32(4), Val::S32(5)])
            .expect("submits")
            .result(LONG);
        assert_eq!((counted, added), (Ok(Some(Val::S32(9))), Ok(Some(Val::S32(9)))));
    }
}
