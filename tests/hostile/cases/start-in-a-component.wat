(component
  (core module $first (func (export "f")))
  (core instance $first (instantiate $first))
  (core module $second (import "first" "f" (func)) (func $spin (loop (br 0))) (start $spin)
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $second (instantiate $second (with "first" (instance $first))))
  (func $run (result (result)) (canon lift (core func $second "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))
