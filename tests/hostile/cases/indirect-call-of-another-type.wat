(module (type $t (func (param i64))) (table funcref (elem $f)) (func $f) (func (export "_start") (call_indirect (type $t) (i64.const 1) (i32.const 0))))
