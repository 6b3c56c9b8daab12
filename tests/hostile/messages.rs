//! What no kit would hand to the interface `queues`: it ends the guest that does it, and nothing is put.

use wasm_pool::{Engine, Grants, Limits, Outcome, Pool, Program, QueueOptions, Setup, Wait};

/// A command that opens the queue `q` and puts what these flat values say.
fn source(item: &str, unbound: &str) -> String {
    format!(
        r#"(component
      (import "wasm-pool:interpreters/queues@0.1.0" (instance $queues
        (export "queue" (type $queue (sub resource)))
        (type $an-encoded (record (field "media-type" string) (field "bytes" (list u8))))
        (export "encoded" (type $encoded (eq $an-encoded)))
        (type $an-item (variant (case "none") (case "bool" bool) (case "s64" s64) (case "f64" f64) (case "string" string)
          (case "bytes" (list u8)) (case "queue" (own $queue)) (case "interpreter" u64) (case "encoded" $encoded)))
        (export "item" (type $item (eq $an-item)))
        (type $an-unbound (enum "replace" "error" "remove"))
        (export "unbound" (type $unbound (eq $an-unbound)))
        (type $an-error (variant (case "not-found") (case "empty") (case "full") (case "closed") (case "too-large" u64)
          (case "interpreter-destroyed") (case "limit" string) (case "invalid" string)))
        (export "queue-error" (type $error (eq $an-error)))
        (export "open" (func (param "name" string) (result (result (own $queue) (error $error)))))
        (export "[method]queue.put-nowait" (func (param "self" (borrow $queue)) (param "item" $item)
          (param "unbound" (option $unbound)) (result (result (error $error)))))))
      (core module $libc
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
      (core instance $libc (instantiate $libc))
      (core func $open (canon lower (func $queues "open")
        (memory $libc "memory") (realloc (func $libc "realloc"))))
      (core func $put (canon lower (func $queues "[method]queue.put-nowait")
        (memory $libc "memory") (realloc (func $libc "realloc"))))
      (core module $main
        (import "queues" "open" (func $open (param i32 i32 i32)))
        (import "queues" "put" (func $put (param i32 i32 i64 i32 i32 i32 i32 i32 i32)))
        (import "libc" "memory" (memory 1))
        (data (i32.const 0) "q\ff")
        (func (export "run") (result i32)
          (call $open (i32.const 0) (i32.const 1) (i32.const 16))
          (call $put (i32.load (i32.const 24)) {item} {unbound} (i32.const 64))
          (i32.load8_u (i32.const 64))))
      (core instance $main (instantiate $main
        (with "queues" (instance (export "open" (func $open)) (export "put" (func $put))))
        (with "libc" (instance $libc))))
      (func $run (result (result)) (canon lift (core func $main "run")))
      (instance $run (export "run" (func $run)))
      (export "wasi:cli/run@0.2.0" (instance $run)))"#
    )
}

/// An item as it is handed over: its kind and its flat values.
fn item(kind: u32, values: [i64; 4]) -> String {
    let [first, rest @ ..] = values;
    let rest = rest.map(|value| format!("(i32.const {value})")).join(" ");
    format!("(i32.const {kind}) (i64.const {first}) {rest}")
}

#[test]
fn an_unknown_kind_of_item_a_bad_pointer_and_a_handle_of_nobody_end_the_guest_and_put_nothing() {
    const NO_UNBOUND: &str = "(i32.const 0) (i32.const 0)";
    let engine = Engine::builder().instances(4).build().expect("an engine");
    let pool = Pool::builder(&engine).workers(1).build().expect("a pool");
    let queue = pool
        .queues()
        .create_named("q", &QueueOptions::default())
        .expect("a queue");
    let run = |item: &str, unbound: &str| {
        let source = source(item, unbound);
        let program = Program::from_bytes(&engine, "raw", source.as_bytes(), &Limits::default()).expect("a program");
        let grants = Grants {
            queues: vec!["q".to_owned()],
            ..Grants::default()
        };
        let setup = Setup {
            grants,
            ..Setup::default()
        };
        pool.run(&program, setup).expect("starts").outcome
    };
    let beyond = i64::from(u32::MAX) - 8;
    for (what, item, unbound) in [
        ("an unknown kind", item(99, [0; 4]), NO_UNBOUND),
        ("text beyond the memory", item(4, [beyond, 100, 0, 0]), NO_UNBOUND),
        ("text that wraps around", item(4, [16, -1, 0, 0]), NO_UNBOUND),
        ("no bytes beyond the memory", item(5, [beyond, 0, 0, 0]), NO_UNBOUND),
        ("text that is no UTF-8", item(4, [1, 1, 0, 0]), NO_UNBOUND),
        ("a handle of nobody", item(6, [77, 0, 0, 0]), NO_UNBOUND),
        ("an encoding beyond the memory", item(8, [0, 1, -8, 100]), NO_UNBOUND),
        ("an unknown policy", item(0, [0; 4]), "(i32.const 1) (i32.const 9)"),
        (
            "neither a policy nor none",
            item(0, [0; 4]),
            "(i32.const 7) (i32.const 0)",
        ),
    ] {
        let outcome = run(&item, unbound);
        assert!(matches!(outcome, Outcome::Trapped(_)), "{what}: {outcome:?}");
        assert_eq!((queue.qsize(), pool.alive()), (0, 0), "{what}");
    }
    // The same guest with an honest item, and one without content.
    assert_eq!(run(&item(4, [0, 1, 0, 0]), NO_UNBOUND), Outcome::Exited(0));
    assert_eq!(run(&item(5, [0, 0, 0, 0]), NO_UNBOUND), Outcome::Exited(0));
    assert_eq!(queue.qsize(), 2);
    assert!(queue.get(Wait::No).is_ok());
}
