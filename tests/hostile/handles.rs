//! Handles without end: sent to somebody, named many times, and one batch that says the same many times.

use bytesize::ByteSize;
use wasm_pool::{Engine, Grants, Item, Limits, Outcome, Pool, Program, Queue, QueueOptions, Setup, Wait};

/// A command that opens the queue `q`, whose handle is then in `$q`, and does `body`, which leaves 0 for success.
fn source(body: &str) -> String {
    format!(
        r#"(component
      (import "wasi:io/poll@0.2.0" (instance $poll
        (export "pollable" (type $pollable (sub resource)))
        (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
      (alias export $poll "pollable" (type $pollable))
      (import "wasm-pool:interpreters/queues@0.1.0" (instance $queues
        (export "queue" (type $queue (sub resource)))
        (alias outer 1 $pollable (type $a-pollable))
        (export "pollable" (type $pollable (eq $a-pollable)))
        (type $an-encoded (record (field "media-type" string) (field "bytes" (list u8))))
        (export "encoded" (type $encoded (eq $an-encoded)))
        (type $an-item (variant (case "none") (case "bool" bool) (case "s64" s64) (case "f64" f64) (case "string" string)
          (case "bytes" (list u8)) (case "queue" (own $queue)) (case "interpreter" u64) (case "encoded" $encoded)))
        (export "item" (type $item (eq $an-item)))
        (type $a-received (variant (case "item" $item) (case "unbound")))
        (export "received" (type $received (eq $a-received)))
        (type $an-unbound (enum "replace" "error" "remove"))
        (export "unbound" (type $unbound (eq $an-unbound)))
        (type $an-error (variant (case "not-found") (case "empty") (case "full") (case "closed") (case "too-large" u64)
          (case "interpreter-destroyed") (case "limit" string) (case "invalid" string)))
        (export "queue-error" (type $error (eq $an-error)))
        (type $a-part (record (field "accepted" u32) (field "error" $error)))
        (export "part" (type $part (eq $a-part)))
        (export "open" (func (param "name" string) (result (result (own $queue) (error $error)))))
        (export "select" (func (param "queues" (list (borrow $queue))) (param "timeout" (option u64))
          (result (result (tuple u32 $received) (error (tuple u32 $error))))))
        (export "[method]queue.get-nowait" (func (param "self" (borrow $queue)) (result (result $received (error $error)))))
        (export "[method]queue.get-many" (func (param "self" (borrow $queue)) (param "max" u32) (param "timeout" (option u64))
          (result (result (list $received) (error $error)))))
        (export "[method]queue.put-many" (func (param "self" (borrow $queue)) (param "items" (list $item))
          (param "timeout" (option u64)) (param "unbound" (option $unbound)) (result (result (error $part)))))
        (export "[method]queue.subscribe-get" (func (param "self" (borrow $queue)) (result (own $pollable))))))
      (core module $libc
        (memory (export "memory") 4)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072)))
      (core instance $libc (instantiate $libc))
      (alias core export $libc "memory" (core memory $memory))
      (alias core export $libc "realloc" (core func $realloc))
      (core func $poll (canon lower (func $poll "poll") (memory $memory) (realloc $realloc)))
      (core func $open (canon lower (func $queues "open") (memory $memory) (realloc $realloc)))
      (core func $select (canon lower (func $queues "select") (memory $memory) (realloc $realloc)))
      (core func $get (canon lower (func $queues "[method]queue.get-nowait") (memory $memory) (realloc $realloc)))
      (core func $get-many (canon lower (func $queues "[method]queue.get-many") (memory $memory) (realloc $realloc)))
      (core func $put-many (canon lower (func $queues "[method]queue.put-many") (memory $memory) (realloc $realloc)))
      (core func $subscribe (canon lower (func $queues "[method]queue.subscribe-get")))
      (core module $main
        (import "host" "poll" (func $poll (param i32 i32 i32)))
        (import "host" "open" (func $open (param i32 i32 i32)))
        (import "host" "select" (func $select (param i32 i32 i32 i64 i32)))
        (import "host" "get" (func $get (param i32 i32)))
        (import "host" "get-many" (func $get-many (param i32 i32 i32 i64 i32)))
        (import "host" "put-many" (func $put-many (param i32 i32 i32 i32 i64 i32 i32 i32)))
        (import "host" "subscribe" (func $subscribe (param i32) (result i32)))
        (import "libc" "memory" (memory 1))
        (data (i32.const 0) "q")
        ;; Words at 1024, from the first of them to the last, `step` bytes apart.
        (func $fill (param $word i32) (param $step i32) (param $count i32)
          (local $at i32)
          (local.set $at (i32.const 1024))
          (loop $next
            (i32.store (local.get $at) (local.get $word))
            (local.set $at (i32.add (local.get $at) (local.get $step)))
            (local.set $count (i32.sub (local.get $count) (i32.const 1)))
            (br_if $next (local.get $count))))
        (func (export "run") (result i32)
          (local $q i32)
          (local $rounds i32)
          (call $open (i32.const 0) (i32.const 1) (i32.const 16))
          (local.set $q (i32.load (i32.const 24)))
          {body}))
      (core instance $main (instantiate $main
        (with "host" (instance (export "poll" (func $poll)) (export "open" (func $open)) (export "select" (func $select))
          (export "get" (func $get)) (export "get-many" (func $get-many)) (export "put-many" (func $put-many))
          (export "subscribe" (func $subscribe))))
        (with "libc" (instance $libc))))
      (func $run (result (result)) (canon lift (core func $main "run")))
      (instance $run (export "run" (func $run)))
      (export "wasi:cli/run@0.2.0" (instance $run)))"#
    )
}

const HANDLES: u32 = 64;

struct Bench {
    engine: Engine,
    pool: Pool,
    queue: Queue,
    limits: Limits,
}

impl Bench {
    fn new(max_size: u32) -> Bench {
        let engine = Engine::builder().instances(4).build().expect("an engine");
        let limits = Limits {
            handles: HANDLES,
            pool_memory: ByteSize::mib(4),
            ..Limits::default()
        };
        let pool = Pool::builder(&engine)
            .workers(1)
            .memory(limits.pool_memory)
            .build()
            .expect("a pool");
        let options = QueueOptions {
            max_size,
            ..QueueOptions::default()
        };
        let queue = pool.queues().create_named("q", &options).expect("a queue");
        Bench {
            engine,
            pool,
            queue,
            limits,
        }
    }

    fn run(&self, body: &str) -> Outcome {
        let source = source(body);
        let program = Program::from_bytes(&self.engine, "raw", source.as_bytes(), &self.limits).expect("a program");
        let setup = Setup {
            limits: self.limits.clone(),
            grants: Grants {
                queues: vec!["q".to_owned()],
                ..Grants::default()
            },
            ..Setup::default()
        };
        self.pool.run(&program, setup).expect("starts").outcome
    }

    /// Another queue, so many times.
    fn send_handles(&self, count: u32) {
        let other = self
            .pool
            .queues()
            .create_named("other", &QueueOptions::default())
            .expect("a queue");
        for _ in 0..count {
            self.queue.put(other.clone(), Wait::No).expect("puts");
        }
    }
}

/// Whether the last call failed.
const FAILED: &str = "(i32.load8_u (i32.const 512))";

#[test]
fn who_is_sent_more_handles_than_he_may_have_gets_what_he_has_room_for_and_then_an_error() {
    let bench = Bench::new(0);
    bench.send_handles(100);
    let many = "(call $get-many (local.get $q) (i32.const 1000) (i32.const 0) (i64.const 0) (i32.const 512))";
    assert_eq!(bench.run(&format!("{many} {FAILED}")), Outcome::Exited(0));
    let left = bench.queue.qsize();
    assert!((37..100).contains(&left), "{left}");
    // Whoever comes next has room again; his second time he has none.
    let other = bench.pool.queues().open("other").expect("a queue");
    (left..100).for_each(|_| bench.queue.put(other.clone(), Wait::No).expect("puts"));
    assert_eq!(bench.run(&format!("{many} {many} {FAILED}")), Outcome::Exited(1));
    assert_eq!(bench.queue.qsize(), left);
}

#[test]
fn a_handle_for_which_there_is_no_room_stays_the_first_of_its_queue() {
    let bench = Bench::new(0);
    bench.send_handles(200);
    bench.queue.put(7i64, Wait::No).expect("puts");
    let one = "(call $get (local.get $q) (i32.const 512))";
    let select = "(i32.store (i32.const 8) (local.get $q))
        (call $select (i32.const 8) (i32.const 1) (i32.const 1) (i64.const 0) (i32.const 512))";
    let all = |one: &str| {
        format!(
            "(loop $more {one} (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $rounds) (i32.const 99))))
             {FAILED}"
        )
    };
    assert_eq!(bench.run(&all(one)), Outcome::Exited(1));
    let left = bench.queue.qsize();
    assert!((138..201).contains(&left), "{left}");
    assert_eq!(bench.run(&all(select)), Outcome::Exited(1));
    let mut items = std::iter::from_fn(|| bench.queue.get(Wait::No).ok()?.item());
    assert!(matches!(items.next(), None | Some(Item::Queue(_))));
    assert!(items.last().is_none_or(|last| last == Item::S64(7)));
}

#[test]
fn a_list_of_more_handles_than_one_may_have_is_refused() {
    let bench = Bench::new(0);
    bench.queue.put(1i64, Wait::No).expect("puts");
    let select = |count: u32| {
        bench.run(&format!(
            "(call $fill (local.get $q) (i32.const 4) (i32.const {count}))
             (call $select (i32.const 1024) (i32.const {count}) (i32.const 0) (i64.const 0) (i32.const 512)) {FAILED}"
        ))
    };
    assert_eq!(select(HANDLES + 1), Outcome::Exited(1));
    assert_eq!(bench.queue.qsize(), 1);
    assert_eq!(select(HANDLES), Outcome::Exited(0));
    bench.queue.put(1i64, Wait::No).expect("puts");
    let poll = |count: u32| {
        bench.run(&format!(
            "(call $fill (call $subscribe (local.get $q)) (i32.const 4) (i32.const {count}))
             (call $poll (i32.const 1024) (i32.const {count}) (i32.const 512)) (i32.const 0)"
        ))
    };
    assert_eq!(poll(HANDLES), Outcome::Exited(0));
    let refused = poll(HANDLES + 1);
    assert!(
        matches!(&refused, Outcome::Limit(hit) if hit.to_string().contains("--handles")),
        "{refused:?}"
    );
}

#[test]
fn what_a_batch_holds_while_it_waits_is_memory_of_the_pool() {
    let bench = Bench::new(1);
    // 100 times the same 60,000 bytes.
    let batch = |count: u32| {
        format!(
            "(call $fill (i32.const 5) (i32.const 24) (i32.const {count}))
             (local.set $rounds (i32.const {count}))
             (loop $more
               (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
               (i32.store offset=1036 (i32.mul (local.get $rounds) (i32.const 24)) (i32.const 60000))
               (br_if $more (local.get $rounds)))
             (call $put-many (local.get $q) (i32.const 1024) (i32.const {count}) (i32.const 1) (i64.const 1000000)
               (i32.const 0) (i32.const 0) (i32.const 512))
             (i32.load8_u (i32.const 528))"
        )
    };
    // full, and then limit
    let kind = |count| bench.run(&format!("{} (i32.const 6) (i32.eq)", batch(count)));
    assert_eq!(kind(10), Outcome::Exited(0));
    assert!(bench.queue.get(Wait::No).is_ok());
    assert_eq!(kind(100), Outcome::Exited(1));
}
