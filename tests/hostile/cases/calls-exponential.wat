;; No loop: each call makes two more, sixty levels deep.
(module
  (func $tree (param $left i32)
    (if (local.get $left)
      (then
        (call $tree (i32.sub (local.get $left) (i32.const 1)))
        (call $tree (i32.sub (local.get $left) (i32.const 1))))))
  (func (export "_start") (call $tree (i32.const 60))))
