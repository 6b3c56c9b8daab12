(module (global $x (mut f64) (f64.const nan)) (func (export "_start") (drop (i64.trunc_f64_s (global.get $x)))))
