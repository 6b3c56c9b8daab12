/* Queues for programs in C: short names over glue/glue.h, which wit-bindgen makes of the contract in ../../wit.
 *
 * Every call gives a `wp_status`; `wp_why` has the sentence for the last one that failed. A call that failed has put or taken
 * nothing. Times are nanoseconds. Interpreters have no short names: glue.h has their functions.
 */
#ifndef WASM_POOL_H
#define WASM_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "glue/glue.h"

/* A handle on a queue; one of the program's handles until `wp_drop`. */
typedef wasm_pool_interpreters_queues_own_queue_t wp_queue;

/* A message: `tag` is one of the kinds below, `val` has its value. Text and bytes are `ptr` and `len`, no 0 at the end. */
typedef wasm_pool_interpreters_queues_item_t wp_item;

enum wp_kind { WP_NONE, WP_BOOL, WP_S64, WP_F64, WP_STRING, WP_BYTES, WP_QUEUE, WP_INTERPRETER, WP_ENCODED };

typedef enum {
  WP_OK,
  WP_NOT_FOUND,             /* no such queue, or none that this program may use */
  WP_EMPTY,                 /* nothing to get, now or within the time */
  WP_FULL,                  /* no room, now or within the time */
  WP_CLOSED,                /* closed, and what was in it has been got */
  WP_TOO_LARGE,             /* larger than the queue can ever hold */
  WP_INTERPRETER_DESTROYED, /* whoever put it has ended, and it said that this is an error */
  WP_LIMIT,                 /* a limit: `wp_why` says which, and the flag that raises it */
  WP_INVALID,               /* an argument that no call can have */
  WP_UNBOUND,               /* an item whose sender has ended before it was got */
} wp_status;

#define WP_FOREVER UINT64_MAX

static char wp_sentence[256];

/* Why the last call that failed did; at most 255 bytes. */
static inline const char *wp_why(void) { return wp_sentence; }

static inline wp_status wp_failed(wasm_pool_interpreters_queues_queue_error_t *error) {
  static const char *const plain[] = {"no such queue", "the queue is empty", "the queue is full", "the queue is closed",
    "the item is larger than the queue", "the interpreter that put this item has ended"};
  wp_status status = (wp_status)(error->tag + 1);
  if (status == WP_LIMIT || status == WP_INVALID) {
    int length = error->val.limit.len < sizeof wp_sentence ? (int)error->val.limit.len : (int)sizeof wp_sentence - 1;
    snprintf(wp_sentence, sizeof wp_sentence, "%.*s", length, (const char *)error->val.limit.ptr);
  } else {
    snprintf(wp_sentence, sizeof wp_sentence, "%s", plain[error->tag]);
  }
  wasm_pool_interpreters_queues_queue_error_free(error);
  return status;
}

/* Items. Text and bytes are copied. */

static inline wp_item wp_none(void) { return (wp_item){.tag = WP_NONE}; }
static inline wp_item wp_bool(bool value) { return (wp_item){.tag = WP_BOOL, .val.bool_ = value}; }
static inline wp_item wp_s64(int64_t value) { return (wp_item){.tag = WP_S64, .val.s64 = value}; }
static inline wp_item wp_f64(double value) { return (wp_item){.tag = WP_F64, .val.f64 = value}; }

static inline wp_item wp_string(const char *text, size_t length) {
  wp_item item = {.tag = WP_STRING};
  glue_string_dup_n(&item.val.string, text, length);
  return item;
}

static inline wp_item wp_bytes(const void *bytes, size_t length) {
  wp_item item = wp_string((const char *)bytes, length);
  item.tag = WP_BYTES;
  return item;
}

/* A queue as an item; the handle goes with it. Send what `wp_share` gives to keep one's own. */
static inline wp_item wp_queue_item(wp_queue queue) { return (wp_item){.tag = WP_QUEUE, .val.queue = queue}; }

/* What every item that was got and is not put again ends with. */
static inline void wp_free(wp_item *item) { wasm_pool_interpreters_queues_item_free(item); }

/* Queues. */

static inline wasm_pool_interpreters_queues_borrow_queue_t wp_lend(wp_queue queue) {
  return wasm_pool_interpreters_queues_borrow_queue(queue);
}

/* The queue that was granted under this name. */
static inline wp_status wp_open(const char *name, wp_queue *queue) {
  glue_string_t text;
  wasm_pool_interpreters_queues_queue_error_t error;
  glue_string_set(&text, name);
  return wasm_pool_interpreters_queues_open(&text, queue, &error) ? WP_OK : wp_failed(&error);
}

/* The queue with this id, if this program made it, was granted it, or was sent it. */
static inline wp_status wp_from_id(uint64_t id, wp_queue *queue) {
  wasm_pool_interpreters_queues_queue_error_t error;
  return wasm_pool_interpreters_queues_from_id(id, queue, &error) ? WP_OK : wp_failed(&error);
}

/* A new queue of at most so many items (0: bounded by bytes only), 16 MiB of them. */
static inline wp_status wp_create(uint32_t max_size, wp_queue *queue) {
  wasm_pool_interpreters_queues_queue_options_t options = {.max_size = {true, max_size}};
  wasm_pool_interpreters_queues_queue_error_t error;
  return wasm_pool_interpreters_queues_create(&options, queue, &error) ? WP_OK : wp_failed(&error);
}

/* Puts an item, waiting for room as long as `timeout`. The item is used up, also when this fails. */
static inline wp_status wp_put(wp_queue queue, wp_item *item, uint64_t timeout) {
  wasm_pool_interpreters_queues_queue_error_t error;
  uint64_t *bound = timeout == WP_FOREVER ? NULL : &timeout;
  bool done = wasm_pool_interpreters_queues_method_queue_put(wp_lend(queue), item, bound, NULL, &error);
  if (item->tag != WP_QUEUE) wp_free(item);
  *item = wp_none();
  return done ? WP_OK : wp_failed(&error);
}

/* Gets the next item, waiting for it as long as `timeout`; end it with `wp_free` or `wp_put`. */
static inline wp_status wp_get(wp_queue queue, wp_item *item, uint64_t timeout) {
  wasm_pool_interpreters_queues_received_t received;
  wasm_pool_interpreters_queues_queue_error_t error;
  uint64_t *bound = timeout == WP_FOREVER ? NULL : &timeout;
  if (!wasm_pool_interpreters_queues_method_queue_get(wp_lend(queue), bound, &received, &error)) return wp_failed(&error);
  *item = wp_none();
  if (received.tag == WASM_POOL_INTERPRETERS_QUEUES_RECEIVED_UNBOUND) {
    snprintf(wp_sentence, sizeof wp_sentence, "an item that was lost with its sender");
    return WP_UNBOUND;
  }
  *item = received.val.item;
  return WP_OK;
}

static inline wp_queue wp_share(wp_queue queue) { return wasm_pool_interpreters_queues_method_queue_share(wp_lend(queue)); }
static inline uint64_t wp_id(wp_queue queue) { return wasm_pool_interpreters_queues_method_queue_id(wp_lend(queue)); }
static inline uint32_t wp_size(wp_queue queue) { return wasm_pool_interpreters_queues_method_queue_qsize(wp_lend(queue)); }

/* Nothing more can be put; what is in it can still be got. */
static inline void wp_close(wp_queue queue) { wasm_pool_interpreters_queues_method_queue_close(wp_lend(queue)); }

/* Gives up this handle, not the queue. */
static inline void wp_drop(wp_queue queue) { wasm_pool_interpreters_queues_queue_drop_own(queue); }

#endif
