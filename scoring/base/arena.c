/*
 * See arena.h. Chunks are a list, used in order again after a reset.
 */
#include "scoring/base/arena.h"

#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 256 << 10 };

struct qtl_arena_chunk {
    struct qtl_arena_chunk *next;
    size_t size; /* of what follows, which is aligned to 16 */
};

void qtl_arena_fini(struct qtl_arena *arena)
{
    for (struct qtl_arena_chunk *chunk = arena->first; chunk != NULL;) {
        struct qtl_arena_chunk *const next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *arena = (struct qtl_arena){0};
}

static void enter(struct qtl_arena *arena, struct qtl_arena_chunk *chunk)
{
    arena->current = chunk;
    arena->free = (char *)(chunk + 1);
    arena->end = arena->free + chunk->size;
}

void qtl_arena_next(struct qtl_arena *arena, size_t bytes)
{
    struct qtl_arena_chunk *const current = arena->current;
    if (current != NULL && current->next != NULL && current->next->size >= bytes) {
        enter(arena, current->next);
        return;
    }
    const size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    struct qtl_arena_chunk *const chunk = malloc(sizeof(*chunk) + size);
    QTL_ASSERT(chunk != NULL);
    chunk->size = size;
    chunk->next = NULL;
    if (current == NULL) {
        arena->first = chunk;
    } else {
        chunk->next = current->next;
        current->next = chunk;
    }
    enter(arena, chunk);
}

struct qtl_text qtl_arena_copy(struct qtl_arena *arena, struct qtl_text text)
{
    if (text.length == 0) {
        return (struct qtl_text){NULL, 0};
    }
    char *const bytes = qtl_arena_take(arena, text.length);
    memcpy(bytes, text.bytes, text.length);
    return (struct qtl_text){bytes, text.length};
}

void qtl_arena_reset(struct qtl_arena *arena)
{
    if (arena->first != NULL) {
        enter(arena, arena->first);
    }
}
