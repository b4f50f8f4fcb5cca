/*
 * A growing run of bytes and the variable-length numbers in it: what frames of the local log are
 * put together in. Numbers are little-endian base 128 (LEB128), signed ones zigzag.
 *
 * Threads: a buffer belongs to one thread.
 */
#ifndef QTL_SCHEMAS_LOCAL_LOCAL_BUFFER_H
#define QTL_SCHEMAS_LOCAL_LOCAL_BUFFER_H

#include "schemas/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QTL_VARINT_BYTES_MAX 10

struct qtl_local_buffer {
    uint8_t *bytes; /* owned */
    size_t length;
    size_t capacity;
};

void qtl_local_buffer_fini(struct qtl_local_buffer *buffer);
/* Makes sure that `more` bytes fit behind length. Stops the process where memory is out. */
void qtl_local_buffer_reserve(struct qtl_local_buffer *buffer, size_t more);
void qtl_local_buffer_put(struct qtl_local_buffer *buffer, const void *bytes, size_t length);
void qtl_local_buffer_put_u64(struct qtl_local_buffer *buffer, uint64_t value);
void qtl_local_buffer_put_i64(struct qtl_local_buffer *buffer, int64_t value);

/* Bytes being taken apart. Once something did not fit, `bad` stays set and every get returns 0:
 * the caller checks once, at the end. */
struct qtl_local_cursor {
    const uint8_t *at; /* borrowed */
    const uint8_t *end;
    bool bad;
};

uint64_t qtl_local_buffer_take_u64(struct qtl_local_cursor *cursor);
int64_t qtl_local_buffer_take_i64(struct qtl_local_cursor *cursor);
/* A length, then that many bytes, borrowed from the cursor's. */
struct qtl_text qtl_local_buffer_take_text(struct qtl_local_cursor *cursor);

#endif
