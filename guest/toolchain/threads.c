/* What Rust's standard library wants of pthreads and a libc of 2022 without threads lacks. Starting a thread fails with
   EAGAIN, which std reports as an error; the rest does nothing. */
enum { AGAIN = 6 };
int pthread_attr_init(void *attributes) { return 0; }
int pthread_attr_destroy(void *attributes) { return 0; }
int pthread_attr_setstacksize(void *attributes, unsigned long size) { return 0; }
int pthread_create(void *thread, const void *attributes, void *(*run)(void *), void *argument) { return AGAIN; }
int pthread_detach(void *thread) { return 0; }
int pthread_join(void *thread, void **result) { return AGAIN; }
