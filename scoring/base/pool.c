/*
 * Size classes: multiples of 8 below a cache line, whole lines up to 1 kB, then four a doubling, so
 * that at most a fifth of a block is lost. Small blocks are cut from the end of a chunk, whole
 * lines from its start, so that these stay aligned. Blocks above 64 kB come from libc, one by one:
 * they belong to the few heavy customers and are rare. Chunks are 2 MB, aligned, offered to the
 * kernel as huge pages.
 *
 * Rejected: malloc for every history (16 bytes of overhead on blocks of 40, and arenas shared
 * between threads).
 */
#include "scoring/base/pool.h"

#include "scoring/base/assert.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    CHUNK_BYTES = 2 << 20,
    SMALL_MAX = QTL_POOL_LINE - 8, /* classes 1..7 */
    LINES_MAX = 1 << 10,           /* classes 8..23 */
    POOLED_MAX = 64 << 10,         /* classes 24..47 */
    CLASSES = 47
};

struct free_block {
    struct free_block *next;
};

struct large_block {
    struct large_block *previous;
    struct large_block *next;
};

struct qtl_pool {
    struct free_block *free[CLASSES + 1];
    unsigned char *chunk; /* where the next block is cut: in front, or behind what is left */
    size_t left;          /* bytes in it */
    void **chunks;
    size_t chunk_count;
    size_t chunk_capacity;
    struct large_block large; /* head of a ring of blocks from libc */
    size_t large_bytes;
};

static unsigned class_of(size_t bytes, size_t *rounded)
{
    if (bytes <= SMALL_MAX) {
        const unsigned class = (unsigned)((bytes + 7) / 8);
        *rounded = (size_t) class * 8;
        return class;
    }
    if (bytes <= LINES_MAX) {
        const unsigned lines = (unsigned)((bytes + QTL_POOL_LINE - 1) / QTL_POOL_LINE);
        *rounded = (size_t)lines * QTL_POOL_LINE;
        return 7U + lines;
    }
    const unsigned top = 63U - (unsigned)__builtin_clzll(bytes - 1); /* 2^top < bytes */
    const unsigned shift = top - 2;
    const size_t quarters = ((bytes - 1) >> shift) + 1; /* 5..8 of 2^shift */
    *rounded = quarters << shift;
    return 23U + (top - 10) * 4 + (unsigned)(quarters - 4);
}

size_t qtl_pool_round(size_t bytes)
{
    size_t rounded = 0;
    class_of(bytes, &rounded);
    return rounded;
}

struct qtl_pool *qtl_pool_new(void)
{
    struct qtl_pool *const pool = calloc(1, sizeof(*pool));
    QTL_ASSERT(pool != NULL);
    pool->large.previous = pool->large.next = &pool->large;
    return pool;
}

void qtl_pool_free(struct qtl_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (size_t i = 0; i < pool->chunk_count; i++) {
        free(pool->chunks[i]);
    }
    for (struct large_block *block = pool->large.next; block != &pool->large;) {
        struct large_block *const next = block->next;
        free(block);
        block = next;
    }
    free(pool->chunks);
    free(pool);
}

static void new_chunk(struct qtl_pool *pool)
{
    if (pool->chunk_count == pool->chunk_capacity) {
        pool->chunk_capacity = pool->chunk_capacity == 0 ? 64 : 2 * pool->chunk_capacity;
        void **const chunks = realloc(pool->chunks, pool->chunk_capacity * sizeof(*chunks));
        QTL_ASSERT(chunks != NULL);
        pool->chunks = chunks;
    }
    void *const chunk = aligned_alloc(CHUNK_BYTES, CHUNK_BYTES);
    QTL_ASSERT(chunk != NULL);
    madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE); /* a wish: what it returns does not matter */
    pool->chunks[pool->chunk_count++] = chunk;
    pool->chunk = chunk;
    pool->left = CHUNK_BYTES;
}

static void *take_large(struct qtl_pool *pool, size_t rounded)
{
    struct large_block *const block = malloc(sizeof(*block) + rounded);
    QTL_ASSERT(block != NULL);
    block->previous = &pool->large;
    block->next = pool->large.next;
    block->next->previous = block;
    pool->large.next = block;
    pool->large_bytes += sizeof(*block) + rounded;
    return block + 1;
}

static void give_large(struct qtl_pool *pool, void *memory, size_t rounded)
{
    struct large_block *const block = (struct large_block *)memory - 1;
    block->previous->next = block->next;
    block->next->previous = block->previous;
    pool->large_bytes -= sizeof(*block) + rounded;
    free(block);
}

void *qtl_pool_take(struct qtl_pool *pool, size_t bytes)
{
    QTL_ASSERT(bytes > 0 && bytes <= (size_t)1 << 40);
    size_t rounded = 0;
    const unsigned class = class_of(bytes, &rounded);
    if (rounded > POOLED_MAX) {
        return take_large(pool, rounded);
    }
    struct free_block *const block = pool->free[class];
    if (block != NULL) {
        pool->free[class] = block->next;
        return block;
    }
    if (pool->left < rounded) {
        new_chunk(pool); /* what is left of the old one is lost: at most a block in each 2 MB */
    }
    pool->left -= rounded;
    if (rounded <= SMALL_MAX) {
        return pool->chunk + pool->left;
    }
    void *const cut = pool->chunk;
    pool->chunk += rounded;
    return cut;
}

void qtl_pool_give(struct qtl_pool *pool, void *block, size_t bytes)
{
    if (block == NULL) {
        return;
    }
    size_t rounded = 0;
    const unsigned class = class_of(bytes, &rounded);
    if (rounded > POOLED_MAX) {
        give_large(pool, block, rounded);
        return;
    }
    struct free_block *const freed = block;
    freed->next = pool->free[class];
    pool->free[class] = freed;
}

size_t qtl_pool_bytes(const struct qtl_pool *pool)
{
    return pool->chunk_count * CHUNK_BYTES + pool->large_bytes;
}
