(module
  (memory (export "memory") 16)
  (table $table 1000 funcref)
  (elem declare func $dirty)
  (func $dirty
    (memory.fill (i32.const 0) (i32.const 255) (i32.const 1048576))
    (table.fill $table (i32.const 0) (ref.func $dirty) (i32.const 1000))
    (unreachable))
  (start $dirty)
  (func (export "_start")))
