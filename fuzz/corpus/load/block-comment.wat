;; a comment
(; one (; in another ;) ;)
(module (export "f" (func 0)) (func (param f32 f64) (result i64) i64.const 1))
