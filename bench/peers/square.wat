;; The plugin for Extism: reads its input as a decimal number, answers with the decimal digits of its square, modulo 2^32.
;; Extism's kernel holds input and output, so each byte passes through one of its functions.
(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u8" (func $input_byte (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store_byte (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))

  (func $number (result i32)
    (local $at i64) (local $length i64) (local $number i32)
    (local.set $length (call $input_length))
    (block $end
      (loop $next
        (br_if $end (i64.ge_u (local.get $at) (local.get $length)))
        (local.set $number
          (i32.add
            (i32.mul (local.get $number) (i32.const 10))
            (i32.sub (call $input_byte (local.get $at)) (i32.const 48)))) ;; '0'
        (local.set $at (i64.add (local.get $at) (i64.const 1)))
        (br $next)))
    (local.get $number))

  ;; Digits come last first, into a block of ten, as many as 2^32 has.
  (func $answer (param $number i32)
    (local $end i64) (local $at i64)
    (local.set $end (i64.add (call $alloc (i64.const 10)) (i64.const 10)))
    (local.set $at (local.get $end))
    (loop $next
      (local.set $at (i64.sub (local.get $at) (i64.const 1)))
      (call $store_byte
        (local.get $at)
        (i32.add (i32.rem_u (local.get $number) (i32.const 10)) (i32.const 48)))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $next (local.get $number)))
    (call $output_set (local.get $at) (i64.sub (local.get $end) (local.get $at))))

  ;; 0 tells Extism that all went well.
  (func (export "square") (result i32)
    (local $number i32)
    (local.set $number (call $number))
    (call $answer (i32.mul (local.get $number) (local.get $number)))
    (i32.const 0)))
