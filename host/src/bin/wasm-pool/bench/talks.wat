;; A command that puts into and gets from the queues `there` and `back`. What it does is its order's to say (guests.rs): `begin` gives its role.
;; The memory: the queues' names and what calls give (0..1024), what is put (64 KiB on), what came (128 KiB on).
(component
  (import "wasm-pool:bench/order" (instance $order
    (export "begin" (func (result u32)))
    (export "count" (func (result u32)))
    (export "size" (func (result u32)))))
  (import "wasm-pool:interpreters/queues@0.1.0" (instance $queues
    (export "queue" (type $queue (sub resource)))
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
    (export "open" (func (param "name" string) (result (result (own $queue) (error $error)))))
    (export "[method]queue.put" (func (param "self" (borrow $queue)) (param "item" $item)
      (param "timeout" (option u64)) (param "unbound" (option $unbound)) (result (result (error $error)))))
    (export "[method]queue.get" (func (param "self" (borrow $queue)) (param "timeout" (option u64))
      (result (result $received (error $error)))))))

  (core module $libc
    (memory (export "memory") 4)
    ;; There is one thing at a time.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $begin (canon lower (func $order "begin")))
  (core func $count (canon lower (func $order "count")))
  (core func $size (canon lower (func $order "size")))
  (core func $open (canon lower (func $queues "open") (memory $memory) (realloc $realloc)))
  (core func $put (canon lower (func $queues "[method]queue.put") (memory $memory) (realloc $realloc)))
  (core func $get (canon lower (func $queues "[method]queue.get") (memory $memory) (realloc $realloc)))

  (core module $main
    (import "order" "begin" (func $begin (result i32)))
    (import "order" "count" (func $count (result i32)))
    (import "order" "size" (func $size (result i32)))
    (import "queues" "open" (func $open (param i32 i32 i32)))
    (import "queues" "put" (func $put (param i32 i32 i64 i32 i32 i32 i32 i64 i32 i32 i32)))
    (import "queues" "get" (func $get (param i32 i32 i64 i32)))
    (import "libc" "memory" (memory 1))
    (data (i32.const 0) "thereback")

    ;; The handle of the queue with this name; ends the guest where there is none.
    (func $the (param $name i32) (param $length i32) (result i32)
      (call $open (local.get $name) (local.get $length) (i32.const 16))
      (if (i32.load8_u (i32.const 16)) (then (unreachable)))
      (i32.load (i32.const 24)))

    ;; Puts a message of this size, whose first word is its number.
    (func $send (param $queue i32) (param $number i32) (param $size i32)
      (i32.store (i32.const 65536) (local.get $number))
      (call $put (local.get $queue) (i32.const 5) (i64.const 65536) (local.get $size) (i32.const 0) (i32.const 0)
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 64))
      (if (i32.load8_u (i32.const 64)) (then (unreachable))))

    ;; Gets a message, which must be of this size and have this number.
    (func $receive (param $queue i32) (param $number i32) (param $size i32)
      (call $get (local.get $queue) (i32.const 0) (i64.const 0) (i32.const 128))
      ;; An item, which is bytes.
      (if (i32.load8_u (i32.const 128)) (then (unreachable)))
      (if (i32.load8_u (i32.const 136)) (then (unreachable)))
      (if (i32.ne (i32.load8_u (i32.const 144)) (i32.const 5)) (then (unreachable)))
      (if (i32.ne (i32.load (i32.const 156)) (local.get $size)) (then (unreachable)))
      (if (i32.ne (i32.load (i32.load (i32.const 152))) (local.get $number)) (then (unreachable))))

    (func (export "run") (result i32)
      (local $role i32) (local $left i32) (local $size i32) (local $there i32) (local $back i32)
      (local.set $role (call $begin))
      (local.set $left (call $count))
      (local.set $size (call $size))
      (local.set $there (call $the (i32.const 0) (i32.const 5)))
      (local.set $back (call $the (i32.const 5) (i32.const 4)))
      (loop $next
        (block $done
          (block $answers (block $asks (block $gets (block $puts
            (br_table $puts $gets $asks $answers (local.get $role)))
            (call $send (local.get $there) (local.get $left) (local.get $size))
            (br $done))
            (call $receive (local.get $there) (local.get $left) (local.get $size))
            (br $done))
            (call $send (local.get $there) (local.get $left) (local.get $size))
            (call $receive (local.get $back) (local.get $left) (local.get $size))
            (br $done))
          (call $receive (local.get $there) (local.get $left) (local.get $size))
          (call $send (local.get $back) (local.get $left) (local.get $size)))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "order" (instance (export "begin" (func $begin)) (export "count" (func $count)) (export "size" (func $size))))
    (with "queues" (instance (export "open" (func $open)) (export "put" (func $put)) (export "get" (func $get))))
    (with "libc" (instance $libc))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $run)))
