/*
 * Pools of a local reader; see local_memory.h. Chunks are copies of files rather than mappings: a
 * mapping would kill the process (SIGBUS) where somebody shortens a file under it, and from the
 * page cache the copy costs a tenth of what checking the frames does.
 */
#include "consumer/local_memory.h"

#include "schemas/assert.h"

#include <stdlib.h>

#define HEADERS_A_BLOCK 1024

struct qtl_local_headers {
    struct qtl_local_headers *next;
    uint32_t used;
    uint32_t capacity;
    struct qtl_log_header headers[];
};

void qtl_local_memory_init(struct qtl_local_memory *memory, size_t chunk_bytes)
{
    QTL_ASSERT(chunk_bytes > 0);
    *memory = (struct qtl_local_memory){.chunk_bytes = chunk_bytes, .releases = 1};
}

static void free_chunks(struct qtl_local_chunk *chunk)
{
    while (chunk != NULL) {
        struct qtl_local_chunk *const next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void qtl_local_memory_fini(struct qtl_local_memory *memory)
{
    free_chunks(memory->pool);
    free_chunks(memory->held);
    for (struct qtl_local_headers *block = memory->first; block != NULL;) {
        struct qtl_local_headers *const next = block->next;
        free(block);
        block = next;
    }
    *memory = (struct qtl_local_memory){0};
}

struct qtl_local_chunk *qtl_local_memory_take(struct qtl_local_memory *memory, size_t size)
{
    const bool usual = size <= memory->chunk_bytes;
    struct qtl_local_chunk *chunk = memory->pool;
    if (usual && chunk != NULL) {
        memory->pool = chunk->next;
        return chunk;
    }
    const size_t bytes = usual ? memory->chunk_bytes : size;
    chunk = malloc(sizeof(*chunk) + bytes);
    QTL_ASSERT(chunk != NULL);
    chunk->next = NULL;
    chunk->size = bytes;
    return chunk;
}

void qtl_local_memory_give(struct qtl_local_memory *memory, struct qtl_local_chunk *chunk)
{
    if (chunk == NULL) {
        return;
    }
    if (chunk->size != memory->chunk_bytes) {
        free(chunk); /* made for one large record */
        return;
    }
    chunk->next = memory->pool;
    memory->pool = chunk;
}

void qtl_local_memory_hold(struct qtl_local_memory *memory, struct qtl_local_chunk *chunk)
{
    QTL_ASSERT(chunk != NULL);
    chunk->next = memory->held;
    memory->held = chunk;
}

static struct qtl_local_headers *add_block(struct qtl_local_memory *memory, uint32_t count)
{
    const uint32_t capacity = count > HEADERS_A_BLOCK ? count : HEADERS_A_BLOCK;
    struct qtl_local_headers *const block =
        malloc(sizeof(*block) + capacity * sizeof(struct qtl_log_header));
    QTL_ASSERT(block != NULL);
    *block = (struct qtl_local_headers){.capacity = capacity};
    if (memory->block == NULL) {
        memory->first = block;
    } else {
        block->next = memory->block->next;
        memory->block->next = block;
    }
    return block;
}

struct qtl_log_header *qtl_local_memory_headers(struct qtl_local_memory *memory, uint32_t count)
{
    struct qtl_local_headers *block = memory->block;
    if (block == NULL || block->capacity - block->used < count) {
        struct qtl_local_headers *const next = block == NULL ? memory->first : block->next;
        block = next != NULL && next->capacity >= count ? next : add_block(memory, count);
        QTL_ASSERT(block->used == 0);
        memory->block = block;
    }
    struct qtl_log_header *const headers = block->headers + block->used;
    block->used += count;
    return headers;
}

void qtl_local_memory_release(struct qtl_local_memory *memory)
{
    while (memory->held != NULL) {
        struct qtl_local_chunk *const chunk = memory->held;
        memory->held = chunk->next;
        qtl_local_memory_give(memory, chunk);
    }
    for (struct qtl_local_headers *block = memory->first; block != NULL; block = block->next) {
        block->used = 0;
    }
    memory->block = memory->first;
    memory->releases++;
}
