/*
 * The memory behind the records that a local reader handed out: chunks of files and header lists,
 * valid until the reader's release(). Nothing is allocated once the pools have grown to what one
 * epoch needs.
 *
 * Threads: belongs to one reader.
 */
#ifndef QTL_CONSUMER_LOCAL_MEMORY_H
#define QTL_CONSUMER_LOCAL_MEMORY_H

#include "schemas/log.h"

struct qtl_local_chunk {
    struct qtl_local_chunk *next;
    size_t size;
    char bytes[];
};

struct qtl_local_headers;

struct qtl_local_memory {
    size_t chunk_bytes;              /* of a usual chunk */
    struct qtl_local_chunk *pool;    /* owned: free */
    struct qtl_local_chunk *held;    /* owned: records point into them */
    struct qtl_local_headers *first; /* owned: blocks of headers */
    struct qtl_local_headers *block; /* the one being filled */
    uint64_t releases;               /* so far: tells whether a chunk's records are still out */
};

void qtl_local_memory_init(struct qtl_local_memory *memory, size_t chunk_bytes);
void qtl_local_memory_fini(struct qtl_local_memory *memory);
/* A chunk of at least that size; goes back by give() or hold(). */
struct qtl_local_chunk *qtl_local_memory_take(struct qtl_local_memory *memory, size_t size);
/* No record points into it. NULL is fine. */
void qtl_local_memory_give(struct qtl_local_memory *memory, struct qtl_local_chunk *chunk);
/* Records point into it until the next release. */
void qtl_local_memory_hold(struct qtl_local_memory *memory, struct qtl_local_chunk *chunk);
/* Room for that many headers until the next release. */
struct qtl_log_header *qtl_local_memory_headers(struct qtl_local_memory *memory, uint32_t count);
/* No record is used any more. */
void qtl_local_memory_release(struct qtl_local_memory *memory);

#endif
