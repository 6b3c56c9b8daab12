/* A queue worker in C: passes on what it gets from one queue to another, texts only if a word is in them.
 *
 *   filter WORD FROM TO
 *
 * Ends when FROM is closed and empty. Items that are no text pass as they are.
 */
#include <stdio.h>
#include <string.h>

#include "wasm_pool.h"

static bool holds(const char *text, size_t length, const char *word) {
  size_t wanted = strlen(word);
  for (size_t at = 0; at + wanted <= length; at++)
    if (memcmp(text + at, word, wanted) == 0) return true;
  return false;
}

static int fails(const char *what) {
  fprintf(stderr, "filter: %s: %s\n", what, wp_why());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: filter WORD FROM TO\n");
    return 2;
  }
  wp_queue from, to;
  if (wp_open(argv[2], &from) != WP_OK) return fails(argv[2]);
  if (wp_open(argv[3], &to) != WP_OK) return fails(argv[3]);
  for (;;) {
    wp_item item;
    wp_status got = wp_get(from, &item, WP_FOREVER);
    if (got == WP_CLOSED) return 0;
    if (got == WP_UNBOUND) continue;
    if (got != WP_OK) return fails(argv[2]);
    if (item.tag == WP_STRING && !holds((const char *)item.val.string.ptr, item.val.string.len, argv[1]))
      wp_free(&item);
    else if (wp_put(to, &item, WP_FOREVER) != WP_OK)
      return fails(argv[3]);
  }
}
