;; ../work.wat as a plugin of Extism: numbers are eight bytes, and its kernel holds what goes in and out.
(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u64" (func $input_u64 (param i64) (result i64)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (memory (export "memory") 3)

  (func $answer (param $number i64) (result i32) (local $at i64)
    (local.set $at (call $alloc (i64.const 8)))
    (call $store_u64 (local.get $at) (local.get $number))
    (call $output_set (local.get $at) (i64.const 8))
    (i32.const 0))

  (func (export "next") (result i32)
    (call $answer (i64.add (call $input_u64 (i64.const 0)) (i64.const 1))))

  ;; How many primes lie below a number, by trial division: work for the processor alone.
  (func $primes (param $limit i32) (result i32)
    (local $number i32) (local $by i32) (local $count i32)
    (local.set $number (i32.const 2))
    (block $end
      (loop $numbers
        (br_if $end (i32.ge_u (local.get $number) (local.get $limit)))
        (local.set $by (i32.const 2))
        (block $known
          (loop $divisors
            (if (i32.gt_u (i32.mul (local.get $by) (local.get $by)) (local.get $number))
              (then
                (local.set $count (i32.add (local.get $count) (i32.const 1)))
                (br $known)))
            (br_if $known (i32.eqz (i32.rem_u (local.get $number) (local.get $by))))
            (local.set $by (i32.add (local.get $by) (i32.const 1)))
            (br $divisors)))
        (local.set $number (i32.add (local.get $number) (i32.const 1)))
        (br $numbers)))
    (local.get $count))

  (func (export "primes") (result i32)
    (call $answer (i64.extend_i32_u (call $primes (i32.wrap_i64 (call $input_u64 (i64.const 0)))))))

  ;; Into the plugin's own memory and out of it, eight bytes at a time: its kernel has no other way.
  (func (export "echo") (result i32) (local $at i64) (local $size i64) (local $out i64)
    (local.set $size (call $input_length))
    (loop $in
      (i64.store (i32.wrap_i64 (local.get $at)) (call $input_u64 (local.get $at)))
      (local.set $at (i64.add (local.get $at) (i64.const 8)))
      (br_if $in (i64.lt_u (local.get $at) (local.get $size))))
    (local.set $out (call $alloc (local.get $size)))
    (local.set $at (i64.const 0))
    (loop $back
      (call $store_u64 (i64.add (local.get $out) (local.get $at)) (i64.load (i32.wrap_i64 (local.get $at))))
      (local.set $at (i64.add (local.get $at) (i64.const 8)))
      (br_if $back (i64.lt_u (local.get $at) (local.get $size))))
    (call $output_set (local.get $out) (local.get $size))
    (i32.const 0))

  (func (export "spin") (result i32) (loop $for_ever (br $for_ever)) (unreachable)))
