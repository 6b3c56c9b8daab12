(module (memory 1) (data $d "abcd") (func (export "_start") (data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))
