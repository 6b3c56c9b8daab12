(module (table i64 0xffffffffffffffff funcref) (func (export "_start")))
