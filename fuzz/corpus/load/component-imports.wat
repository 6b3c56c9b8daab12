(component
  (import "wasi:cli/exit@0.2.0" (instance $e (export "exit" (func (param "status" (result))))))
  (import "wasm-pool:interpreters/queues@0.1.0" (instance $q (export "queue" (type (sub resource)))))
  (core module $m (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $r (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $r)))
