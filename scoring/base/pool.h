/*
 * Memory for one slice's customers: blocks of some forty size classes, cut from large chunks and
 * used again for whatever size is needed. Taking and giving cost a few nanoseconds and never reach
 * libc once the chunks are there. A pool belongs to one thread at a time.
 */
#ifndef QTL_SCORING_BASE_POOL_H
#define QTL_SCORING_BASE_POOL_H

#include <stddef.h>

struct qtl_pool;

#define QTL_POOL_GRAIN 32 /* half a cache line: larger blocks are whole ones, aligned */

struct qtl_pool *qtl_pool_new(void);
void qtl_pool_free(struct qtl_pool *pool); /* and every block; NULL is fine */

/* The size that a block of `bytes` really has. Pure. */
size_t qtl_pool_round(size_t bytes);

/* A block of at least `bytes` (1 to 2^40), uninitialised; aligned to 8, from QTL_POOL_GRAIN bytes
 * on to that where it is no larger than 8 kB. Stops the process where memory is out. */
void *qtl_pool_take(struct qtl_pool *pool, size_t bytes);

/* Gives a block back; `bytes` as given to take, or its rounded size. NULL is fine. */
void qtl_pool_give(struct qtl_pool *pool, void *block, size_t bytes);

/* Bytes held from the system, free lists included. */
size_t qtl_pool_bytes(const struct qtl_pool *pool);

#endif
