// A map by Extism at its best: each thread has a plugin of its own and nobody waits for anybody.
//
//     extism-map PLUGIN warm|fresh THREADS < items > results
//
// Items are lines, each the input of one call of the plugin's `square`; results are lines in the same order. `warm` keeps a
// thread's plugin for all its calls, `fresh` makes one of the compiled plugin for each.

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The part of Extism's C API that is used here; the wheel brings the library without its header.
typedef struct ExtismCompiledPlugin ExtismCompiledPlugin;
typedef struct ExtismPlugin ExtismPlugin;
ExtismCompiledPlugin *extism_compiled_plugin_new(const uint8_t *wasm, uint64_t size, const void **functions,
                                                 uint64_t n_functions, bool with_wasi, char **error);
ExtismPlugin *extism_plugin_new_from_compiled(const ExtismCompiledPlugin *compiled, char **error);
int32_t extism_plugin_call(ExtismPlugin *plugin, const char *function, const uint8_t *input, uint64_t size);
const char *extism_plugin_error(ExtismPlugin *plugin);
uint64_t extism_plugin_output_length(ExtismPlugin *plugin);
const uint8_t *extism_plugin_output_data(ExtismPlugin *plugin);
void extism_plugin_free(ExtismPlugin *plugin);
const char *extism_version(void);

// A result: as many digits as 2^32 has.
enum { DIGITS = 10 };
typedef struct {
    uint8_t length;
    char text[DIGITS];
} Result;

// What a thread takes at once: few enough that the threads end together, many enough that they seldom meet.
enum { CHUNK = 256 };

typedef struct {
    const char *text; // all items
    size_t *starts;   // where each begins, and where the one after the last would
    Result *results;
    size_t count;
    atomic_size_t next;
    ExtismCompiledPlugin *compiled;
    bool fresh;
} Work;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "extism-map: %s: %s\n", what, why ? why : "no reason given");
    exit(1);
}

static void *must(void *memory) {
    if (!memory) fail("memory", "out of it");
    return memory;
}

// All of a file, with one byte of room behind it.
static char *read_all(FILE *file, size_t *size) {
    size_t room = 1 << 20;
    char *text = must(malloc(room));
    *size = 0;
    for (size_t got; (got = fread(text + *size, 1, room - *size - 1, file)) > 0;) {
        *size += got;
        if (*size + 1 == room) text = must(realloc(text, room *= 2));
    }
    if (ferror(file)) fail("reading", "failed");
    return text;
}

static void split_lines(Work *work, char *text, size_t size) {
    if (size > 0 && text[size - 1] != '\n') text[size++] = '\n';
    for (size_t at = 0; at < size; at++) work->count += text[at] == '\n';
    work->text = text;
    work->starts = must(calloc(work->count + 1, sizeof *work->starts));
    work->results = must(calloc(work->count + 1, sizeof *work->results));
    for (size_t at = 0, line = 0; at < size; at++)
        if (text[at] == '\n') work->starts[++line] = at + 1;
}

static ExtismPlugin *new_plugin(const Work *work) {
    char *error = NULL;
    ExtismPlugin *plugin = extism_plugin_new_from_compiled(work->compiled, &error);
    if (!plugin) fail("plugin", error);
    return plugin;
}

static void call(const Work *work, ExtismPlugin *plugin, size_t item) {
    const char *input = work->text + work->starts[item];
    size_t size = work->starts[item + 1] - work->starts[item] - 1;
    if (extism_plugin_call(plugin, "square", (const uint8_t *)input, size) != 0)
        fail("call", extism_plugin_error(plugin));
    uint64_t length = extism_plugin_output_length(plugin);
    if (length > DIGITS) fail("call", "its result is too long");
    work->results[item].length = (uint8_t)length;
    memcpy(work->results[item].text, extism_plugin_output_data(plugin), length);
}

static void *run(void *argument) {
    Work *work = argument;
    ExtismPlugin *kept = work->fresh ? NULL : new_plugin(work);
    for (size_t from; (from = atomic_fetch_add(&work->next, CHUNK)) < work->count;) {
        size_t to = work->count - from < CHUNK ? work->count : from + CHUNK;
        for (size_t item = from; item < to; item++) {
            ExtismPlugin *plugin = kept ? kept : new_plugin(work);
            call(work, plugin, item);
            if (!kept) extism_plugin_free(plugin);
        }
    }
    if (kept) extism_plugin_free(kept);
    return NULL;
}

static void run_threads(Work *work, size_t count) {
    pthread_t *threads = must(calloc(count, sizeof *threads));
    for (size_t thread = 0; thread < count; thread++)
        if (pthread_create(&threads[thread], NULL, run, work) != 0) fail("thread", "cannot be made");
    for (size_t thread = 0; thread < count; thread++) pthread_join(threads[thread], NULL);
    free(threads);
}

static ExtismCompiledPlugin *compile(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path, "cannot be opened");
    size_t size;
    char *error = NULL, *plugin = read_all(file, &size);
    fclose(file);
    ExtismCompiledPlugin *compiled = extism_compiled_plugin_new((const uint8_t *)plugin, size, NULL, 0, false, &error);
    if (!compiled) fail(path, error);
    free(plugin);
    return compiled;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("Extism %s\n", extism_version());
        return 0;
    }
    size_t threads = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    bool fresh = argc == 4 && strcmp(argv[2], "fresh") == 0;
    if (threads == 0 || (!fresh && strcmp(argv[2], "warm") != 0)) fail("usage", "PLUGIN warm|fresh THREADS < items > results");

    Work work = {.compiled = compile(argv[1]), .fresh = fresh};
    size_t size;
    char *items = read_all(stdin, &size);
    split_lines(&work, items, size);
    run_threads(&work, threads);
    for (size_t item = 0; item < work.count; item++)
        printf("%.*s\n", (int)work.results[item].length, work.results[item].text);
    if (fflush(stdout) != 0) fail("results", "cannot be written");
    return 0;
}
