(module
  (table $table 1 funcref)
  (func (export "_start")
    (loop
      (drop (table.grow $table (ref.null func) (i32.const 1000)))
      (br 0))))
