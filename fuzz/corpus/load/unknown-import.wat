(module (import "env" "\1b[31mfoo" (func)) (func (export "_start\u{202e}") (param i32)))
