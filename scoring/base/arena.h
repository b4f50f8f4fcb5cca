/*
 * A bump allocator whose memory is taken back all at once. Blocks never move; chunks are kept for
 * the next round, so that a steady stream allocates nothing. An arena belongs to one thread at a
 * time.
 */
#ifndef QTL_SCORING_BASE_ARENA_H
#define QTL_SCORING_BASE_ARENA_H

#include "schemas/text.h"

#include <stddef.h>

struct qtl_arena_chunk;

struct qtl_arena {
    char *free; /* in the current chunk */
    char *end;
    struct qtl_arena_chunk *first;
    struct qtl_arena_chunk *current;
};

void qtl_arena_fini(struct qtl_arena *arena);

/* Goes on with a chunk that has room for `bytes`; only for take(). */
void qtl_arena_next(struct qtl_arena *arena, size_t bytes);

/* `bytes` of memory, aligned to 8, uninitialised, until the next reset. Stops the process where
 * memory is out. */
static inline void *qtl_arena_take(struct qtl_arena *arena, size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    if ((size_t)(arena->end - arena->free) < bytes) {
        qtl_arena_next(arena, bytes);
    }
    char *const taken = arena->free;
    arena->free += bytes;
    return taken;
}

/* A copy of the text in the arena. */
struct qtl_text qtl_arena_copy(struct qtl_arena *arena, struct qtl_text text);

/* Everything taken is gone; the chunks stay. */
void qtl_arena_reset(struct qtl_arena *arena);

#endif
