(module (memory (export "memory") 8192) (func (export "_start")))
