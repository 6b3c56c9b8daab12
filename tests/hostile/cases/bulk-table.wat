(module
  (table $table 100000 funcref)
  (elem declare func $f)
  (func $f)
  (func (export "_start")
    (loop
      (table.fill $table (i32.const 0) (ref.func $f) (i32.const 100000))
      (br 0))))
