(module (memory (export "memory") 64) (memory 64) (memory 64) (memory 64) (func (export "_start")))
