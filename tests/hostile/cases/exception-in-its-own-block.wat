(module (tag $t) (func (export "_start") (block $b (try_table (catch $t $b) (throw $t)))))
