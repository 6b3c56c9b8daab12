(module
  (memory (export "memory") 1)
  (func (export "_start") (local $page i32)
    (loop $more
      (local.set $page (memory.grow (i32.const 1)))
      (if (i32.ne (local.get $page) (i32.const -1))
        (then
          (i64.store (i32.mul (local.get $page) (i32.const 65536)) (i64.const -1))
          (br $more))))
    (if (i32.ne (memory.size) (i32.const 512)) (then (unreachable)))))
