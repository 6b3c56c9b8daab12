(module (type $a (array i64)) (func (export "_start") (loop (drop (array.new $a (i64.const 0) (i32.const 1000))) (br 0))))
