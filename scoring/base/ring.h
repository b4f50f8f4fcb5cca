/*
 * A bounded ring of pointers between two threads: one pushes, one pops. How epochs travel from
 * ingest to the shards to publish. An epoch is pushed at most a few hundred times a second, so
 * waiting (a semaphore that counts the items) costs nothing worth saving.
 *
 * Memory order: push() stores the item, then `tail` with release; pop() loads `tail` with acquire
 * (pairs with that), takes the item, then stores `head` with release; push() loads `head` with
 * acquire (pairs with that) before it writes over the place.
 */
#ifndef QTL_SCORING_BASE_RING_H
#define QTL_SCORING_BASE_RING_H

#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>

struct qtl_ring;

/* `capacity` is rounded up to a power of two. */
struct qtl_ring *qtl_ring_new(size_t capacity);
void qtl_ring_free(struct qtl_ring *ring); /* NULL is fine; items are not touched */

/* OK, or FULL. @thread the one that pushes */
enum qtl_status qtl_ring_push(struct qtl_ring *ring, void *item) QTL_CHECKED;

/* The oldest item; waits for one. @thread the one that pops */
void *qtl_ring_pop(struct qtl_ring *ring);

/* The oldest item, or EMPTY at once. @thread the one that pops */
enum qtl_status qtl_ring_try_pop(struct qtl_ring *ring, void **item) QTL_CHECKED;

#endif
