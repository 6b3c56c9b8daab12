;; What every peer with WebAssembly calls.
(module
  (memory (export "memory") 3)

  ;; A tiny call.
  (func (export "next") (param $number i32) (result i32)
    (i32.add (local.get $number) (i32.const 1)))

  ;; How many primes lie below a number, by trial division: work for the processor alone.
  (func $primes (export "primes") (param $limit i32) (result i32)
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

  ;; Copies so many bytes from the beginning of the memory to its second page and says where they are.
  (func (export "echo") (param $size i32) (result i32)
    (memory.copy (i32.const 65536) (i32.const 0) (local.get $size))
    (i32.const 65536))

  ;; An endless loop.
  (func (export "spin") (loop $for_ever (br $for_ever))))
