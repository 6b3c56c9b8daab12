(module
  (import "wasi_snapshot_preview1" "path_filestat_set_times" (func $path_filestat_set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "f")
  (func (export "_start")
    (drop (call $path_filestat_set_times (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 5)))
    (drop (call $path_filestat_set_times (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i64.const 0x8000000000000000) (i64.const 1) (i32.const 5)))
    (drop (call $path_filestat_set_times (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i64.const 0x7fffffffffffffff) (i64.const -1) (i32.const 4)))
    (drop (call $path_filestat_set_times (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i64.const 0) (i64.const 0) (i32.const 15)))))
