/* The start of a command, for Debian's wasi-libc of 2022. Its own crt1 makes the linker run constructors around every
   export, which traps inside a component; here they run once, at the start. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"), noreturn)) void leave(int code);
void __wasm_call_ctors(void);
void __wasm_call_dtors(void);
int __main_void(void);

__attribute__((export_name("_start"))) void _start(void) {
  __wasm_call_ctors();
  int code = __main_void();
  __wasm_call_dtors();
  if (code != 0) leave(code);
}
