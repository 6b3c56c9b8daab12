(module (func $a (export "_start") (call $b)) (func $b (call $a) (call $a)))
