(component
  (core module $guest
    (func (export "run") (result i32) (i32.const 0))
    (func (export "after") (param i32) (loop (br 0))))
  (core instance $guest (instantiate $guest))
  (func $run (result (result)) (canon lift (core func $guest "run") (post-return (func $guest "after"))))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))
