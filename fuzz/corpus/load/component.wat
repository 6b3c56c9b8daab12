(component
  (core module $m (memory (export "m") 1) (func (export "f") (param i32 i32) (result i32) (i32.const 8))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
  (core instance $i (instantiate $m))
  (type $p' (record (field "x" f64) (field "name" string)))
  (export $p "p" (type $p'))
  (func (export "f") (param "ps" (list $p)) (result (option u8))
    (canon lift (core func $i "f") (memory $i "m") (realloc (func $i "realloc")))))
