(module
  (memory (export "memory") 800)
  (func (export "_start")
    (loop
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 52428800))
      (br 0))))
