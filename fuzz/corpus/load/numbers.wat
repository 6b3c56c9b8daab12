;; A core module without a start and without WASI: its functions are called with numbers.
(module
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))

  (func (export "mul64") (param i64 i64) (result i64)
    (i64.mul (local.get 0) (local.get 1)))

  (func (export "half") (param f64) (result f64)
    (f64.div (local.get 0) (f64.const 2)))

  ;; Two results.
  (func (export "swap") (param i32 i64) (result i64 i32)
    (local.get 1)
    (local.get 0))

  ;; A function is no number: nobody outside can write one down.
  (func (export "take") (param funcref)))
