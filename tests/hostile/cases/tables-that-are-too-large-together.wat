(module (table 600 funcref) (table 600 funcref) (func (export "_start")))
