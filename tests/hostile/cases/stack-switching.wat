(module (type $f (func)) (type $c (cont $f)) (func $g) (elem declare func $g) (func (export "_start") (drop (cont.new $c (ref.func $g)))))
