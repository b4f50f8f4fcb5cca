/*
 * Sizes: multiples of 8 below a cache line, whole lines up to 1 kB, then four a doubling up to 8
 * kB, so that at most a fifth of a block is lost. Larger blocks come from libc, one by one: they
 * belong to the few heavy customers and are rare.
 *
 * Memory comes in chunks of 2 MB, aligned, offered to the kernel as huge pages. A chunk is 32 pages
 * of 64 kB; a page holds blocks of one size and knows by a bit each which are free. One whose last
 * block comes back serves any size again: customers grow, so that the sizes that are needed move,
 * and what the small ones leave behind must not be lost. The first page of a chunk begins with the
 * table of them all; what is left of it, and further pages as they are needed, hold the small
 * blocks, which go through simple lists and stay what they are.
 *
 *   chunk | table, small blocks | 64 kB of 320 B | 64 kB of 64 B | 64 kB free | ...
 *
 * Rejected: malloc for every history (16 bytes of overhead, and arenas shared between threads);
 * lists of free blocks a size without pages (a quarter of all memory was in lists that nobody took
 * from any more).
 */
#include "scoring/base/pool.h"

#include "scoring/base/assert.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    CHUNK_BYTES = 2 << 20,
    PAGE_BYTES = 64 << 10,
    PAGES = CHUNK_BYTES / PAGE_BYTES,
    BIT_WORDS = PAGE_BYTES / QTL_POOL_GRAIN / 64,
    SMALL_MAX = QTL_POOL_GRAIN - 8, /* classes 1..3 */
    GRAINS_MAX = 1 << 10,           /* classes 4..35 */
    POOLED_MAX = 8 << 10,           /* classes 36..47 */
    SMALL_CLASSES = 3,
    CLASSES = 47
};

struct free_block {
    struct free_block *next;
};

struct large_block {
    struct large_block *previous;
    struct large_block *next;
};

struct page {
    struct page *previous; /* in the list of its class, or of the free ones */
    struct page *next;
    uint32_t block_bytes;
    uint16_t used; /* blocks */
    uint16_t capacity;
    uint8_t class;
    uint8_t first; /* no word of the bits before this has a free block */
    uint64_t free[BIT_WORDS];
};

struct chunk {
    struct chunk *next;
    struct page pages[PAGES]; /* the first is this table's own and is in no list */
};

struct qtl_pool {
    struct page *partial[CLASSES + 1]; /* pages with a free block, by class; [0]: free pages */
    struct free_block *small[SMALL_CLASSES + 1];
    unsigned char *cut; /* where the next small block is cut */
    size_t left;        /* bytes there */
    struct chunk *chunks;
    struct chunk *spare; /* from here on the rests of first pages are unused */
    size_t chunk_count;
    struct large_block large; /* head of a ring of blocks from libc */
    size_t large_bytes;
};

_Static_assert(sizeof(struct chunk) < PAGE_BYTES / 2, "the table leaves room in its page");

static unsigned class_of(size_t bytes, size_t *rounded)
{
    if (bytes <= SMALL_MAX) {
        const unsigned class = (unsigned)((bytes + 7) / 8);
        *rounded = (size_t) class * 8;
        return class;
    }
    if (bytes <= GRAINS_MAX) {
        const unsigned grains = (unsigned)((bytes + QTL_POOL_GRAIN - 1) / QTL_POOL_GRAIN);
        *rounded = (size_t)grains * QTL_POOL_GRAIN;
        return SMALL_CLASSES + grains;
    }
    const unsigned top = 63U - (unsigned)__builtin_clzll(bytes - 1); /* 2^top < bytes */
    const unsigned shift = top - 2;
    const size_t quarters = ((bytes - 1) >> shift) + 1; /* 5..8 of 2^shift */
    *rounded = quarters << shift;
    return 35U + (top - 10) * 4 + (unsigned)(quarters - 4);
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
    for (struct chunk *chunk = pool->chunks; chunk != NULL;) {
        struct chunk *const next = chunk->next;
        free(chunk);
        chunk = next;
    }
    for (struct large_block *block = pool->large.next; block != &pool->large;) {
        struct large_block *const next = block->next;
        free(block);
        block = next;
    }
    free(pool);
}

/* ---- pages -------------------------------------------------------------------------------------
 */

static void link_page(struct page **list, struct page *page)
{
    page->previous = NULL;
    page->next = *list;
    if (page->next != NULL) {
        page->next->previous = page;
    }
    *list = page;
}

static void unlink_page(struct page **list, struct page *page)
{
    if (page->previous != NULL) {
        page->previous->next = page->next;
    } else {
        *list = page->next;
    }
    if (page->next != NULL) {
        page->next->previous = page->previous;
    }
}

static struct chunk *chunk_of(const void *address)
{
    return (struct chunk *)((uintptr_t)address & ~(uintptr_t)(CHUNK_BYTES - 1));
}

static unsigned char *bytes_of(struct page *page)
{
    struct chunk *const chunk = chunk_of(page);
    return (unsigned char *)chunk + (size_t)(page - chunk->pages) * PAGE_BYTES;
}

static void add_chunk(struct qtl_pool *pool)
{
    struct chunk *const chunk = aligned_alloc(CHUNK_BYTES, CHUNK_BYTES);
    QTL_ASSERT(chunk != NULL);
    madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE); /* a wish: what it returns does not matter */
    memset(chunk, 0, sizeof(*chunk));
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->chunk_count++;
    for (unsigned i = PAGES - 1; i > 0; i--) { /* so that the second is taken first */
        link_page(&pool->partial[0], &chunk->pages[i]);
    }
}

static struct page *take_page(struct qtl_pool *pool)
{
    if (pool->partial[0] == NULL) {
        add_chunk(pool);
    }
    struct page *const page = pool->partial[0];
    unlink_page(&pool->partial[0], page);
    return page;
}

/* A page for blocks of one class, all free. */
static struct page *open_page(struct qtl_pool *pool, unsigned class, size_t block_bytes)
{
    struct page *const page = take_page(pool);
    page->class = (uint8_t) class;
    page->block_bytes = (uint32_t)block_bytes;
    page->used = 0;
    page->capacity = (uint16_t)(PAGE_BYTES / block_bytes);
    page->first = 0;
    for (unsigned word = 0; word < BIT_WORDS; word++) {
        const unsigned before = word * 64;
        const unsigned bits = page->capacity > before ? page->capacity - before : 0;
        page->free[word] = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    }
    link_page(&pool->partial[class], page);
    return page;
}

static void *take_from_page(struct qtl_pool *pool, unsigned class, size_t block_bytes)
{
    struct page *page = pool->partial[class];
    if (page == NULL) {
        page = open_page(pool, class, block_bytes);
    }
    unsigned word = page->first;
    while (page->free[word] == 0) {
        word++;
    }
    page->first = (uint8_t)word;
    const unsigned block = word * 64 + (unsigned)__builtin_ctzll(page->free[word]);
    page->free[word] &= page->free[word] - 1;
    if (++page->used == page->capacity) {
        unlink_page(&pool->partial[class], page);
    }
    return bytes_of(page) + block * block_bytes;
}

static void give_to_page(struct qtl_pool *pool, unsigned class, const void *memory)
{
    struct chunk *const chunk = chunk_of(memory);
    const size_t place = (uintptr_t)memory - (uintptr_t)chunk;
    struct page *const page = &chunk->pages[place / PAGE_BYTES];
    QTL_ASSERT(page->class == class && page->used > 0);
    const unsigned block = (uint32_t)(place % PAGE_BYTES) / page->block_bytes;
    page->free[block / 64] |= UINT64_C(1) << block % 64;
    if (block / 64 < page->first) {
        page->first = (uint8_t)(block / 64);
    }
    if (page->used-- == page->capacity) {
        link_page(&pool->partial[class], page);
    }
    if (page->used == 0) {
        unlink_page(&pool->partial[class], page);
        link_page(&pool->partial[0], page);
    }
}

/* ---- small and large ---------------------------------------------------------------------------
 */

/* Somewhere to cut small blocks from: the rest of a first page, else a page. */
static void find_room(struct qtl_pool *pool)
{
    if (pool->chunks == NULL) {
        add_chunk(pool);
    }
    if (pool->spare != pool->chunks) { /* chunks are added in front */
        struct chunk *chunk = pool->chunks;
        while (chunk->next != pool->spare) {
            chunk = chunk->next;
        }
        pool->spare = chunk;
        pool->cut = (unsigned char *)(chunk + 1);
        pool->left = PAGE_BYTES - sizeof(*chunk);
        return;
    }
    pool->cut = bytes_of(take_page(pool));
    pool->left = PAGE_BYTES;
}

static void *take_small(struct qtl_pool *pool, unsigned class, size_t rounded)
{
    struct free_block *const block = pool->small[class];
    if (block != NULL) {
        pool->small[class] = block->next;
        return block;
    }
    if (pool->left < rounded) {
        find_room(pool);
    }
    void *const cut = pool->cut;
    pool->cut += rounded;
    pool->left -= rounded;
    return cut;
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
    return rounded <= SMALL_MAX ? take_small(pool, class, rounded)
                                : take_from_page(pool, class, rounded);
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
    } else if (rounded > SMALL_MAX) {
        give_to_page(pool, class, block);
    } else {
        struct free_block *const freed = block;
        freed->next = pool->small[class];
        pool->small[class] = freed;
    }
}

size_t qtl_pool_bytes(const struct qtl_pool *pool)
{
    return pool->chunk_count * CHUNK_BYTES + pool->large_bytes;
}
