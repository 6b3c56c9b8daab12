(module
  (memory (export "memory") 16)
  (func (export "_start")
    (memory.fill (i32.const 0) (i32.const 255) (i32.const 1048576))
    (loop (br 0))))
