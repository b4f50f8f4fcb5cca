/*
 * Buffers and numbers of the local log; see local_buffer.h. Buffers double and are reused, so that
 * a steady stream allocates nothing.
 */
#include "schemas/local/local_buffer.h"

#include "schemas/assert.h"

#include <stdlib.h>
#include <string.h>

void qtl_local_buffer_fini(struct qtl_local_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct qtl_local_buffer){0};
}

void qtl_local_buffer_reserve(struct qtl_local_buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->length >= more) {
        return;
    }
    size_t capacity = buffer->capacity == 0 ? 4096 : buffer->capacity;
    while (capacity - buffer->length < more) {
        capacity *= 2;
    }
    uint8_t *const bytes = realloc(buffer->bytes, capacity);
    QTL_ASSERT(bytes != NULL);
    buffer->bytes = bytes;
    buffer->capacity = capacity;
}

void qtl_local_buffer_put(struct qtl_local_buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0) {
        return;
    }
    qtl_local_buffer_reserve(buffer, length);
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

void qtl_local_buffer_put_u64(struct qtl_local_buffer *buffer, uint64_t value)
{
    qtl_local_buffer_reserve(buffer, QTL_VARINT_BYTES_MAX);
    uint8_t *at = buffer->bytes + buffer->length;
    for (; value >= 128; value >>= 7) {
        *at++ = (uint8_t)(value | 128);
    }
    *at++ = (uint8_t)value;
    buffer->length = (size_t)(at - buffer->bytes);
}

void qtl_local_buffer_put_i64(struct qtl_local_buffer *buffer, int64_t value)
{
    const uint64_t bits = (uint64_t)value;
    qtl_local_buffer_put_u64(buffer, bits << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

uint64_t qtl_local_buffer_take_u64(struct qtl_local_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        const uint8_t byte = *cursor->at++;
        if (shift == 63 && byte > 1) {
            break; /* more than 64 bits */
        }
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            return value;
        }
    }
    cursor->bad = true;
    cursor->at = cursor->end;
    return 0;
}

int64_t qtl_local_buffer_take_i64(struct qtl_local_cursor *cursor)
{
    const uint64_t bits = qtl_local_buffer_take_u64(cursor);
    return (int64_t)(bits >> 1 ^ ((bits & 1) != 0 ? UINT64_MAX : 0));
}

struct qtl_text qtl_local_buffer_take_text(struct qtl_local_cursor *cursor)
{
    const uint64_t length = qtl_local_buffer_take_u64(cursor);
    if (length > (uint64_t)(cursor->end - cursor->at) || length > UINT32_MAX) {
        cursor->bad = true;
        cursor->at = cursor->end;
        return (struct qtl_text){0};
    }
    const struct qtl_text text = {.bytes = (const char *)cursor->at, .length = (uint32_t)length};
    cursor->at += length;
    return text;
}
