/*
 * See bytes.h. Avro's int and long are one thing on the wire: zigzag, then seven bits a byte, the
 * lowest first; at most ten bytes, the last of which can only be 1.
 */
#include "schemas/bytes.h"

#include "schemas/assert.h"

#include <stdlib.h>
#include <string.h>

enum { LONG_BYTES_MAX = 10 };

void qtl_bytes_fini(struct qtl_bytes *out)
{
    free(out->bytes);
    *out = (struct qtl_bytes){0};
}

void qtl_bytes_reserve(struct qtl_bytes *out, size_t more)
{
    if (out->capacity - out->length >= more) {
        return;
    }
    size_t capacity = out->capacity == 0 ? 256 : 2 * out->capacity;
    if (capacity < out->length + more) {
        capacity = out->length + more;
    }
    char *const grown = realloc(out->bytes, capacity);
    QTL_ASSERT(grown != NULL);
    out->bytes = grown;
    out->capacity = capacity;
}

void qtl_bytes_put(struct qtl_bytes *out, const void *bytes, size_t length)
{
    if (length == 0) {
        return;
    }
    qtl_bytes_reserve(out, length);
    memcpy(out->bytes + out->length, bytes, length);
    out->length += length;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

void qtl_bytes_put_long(struct qtl_bytes *out, int64_t value)
{
    qtl_bytes_reserve(out, LONG_BYTES_MAX);
    uint64_t left = zigzag(value);
    while (left > 0x7f) {
        out->bytes[out->length++] = (char)(unsigned char)(left | 0x80);
        left >>= 7;
    }
    out->bytes[out->length++] = (char)left;
}

size_t qtl_bytes_of_long(int64_t value)
{
    size_t bytes = 1;
    for (uint64_t left = zigzag(value); left > 0x7f; left >>= 7) {
        bytes++;
    }
    return bytes;
}

void qtl_bytes_put_text(struct qtl_bytes *out, struct qtl_text text)
{
    qtl_bytes_put_long(out, text.length);
    qtl_bytes_put(out, text.bytes, text.length);
}

void qtl_bytes_put_flag(struct qtl_bytes *out, bool flag)
{
    qtl_bytes_reserve(out, 1);
    out->bytes[out->length++] = flag ? 1 : 0;
}

int64_t qtl_bytes_take_long(struct qtl_bytes_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < LONG_BYTES_MAX && cursor->at < cursor->end && !cursor->bad; i++) {
        const unsigned char byte = (unsigned char)*cursor->at++;
        if (i == LONG_BYTES_MAX - 1 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte <= 0x7f) {
            return (int64_t)(value >> 1 ^ ((value & 1) != 0 ? UINT64_MAX : 0));
        }
    }
    cursor->bad = true;
    return 0;
}

int64_t qtl_bytes_take_within(struct qtl_bytes_cursor *cursor, int64_t min, int64_t max)
{
    const int64_t value = qtl_bytes_take_long(cursor);
    if (value < min || value > max) {
        cursor->bad = true;
        return min;
    }
    return value;
}

bool qtl_bytes_take_flag(struct qtl_bytes_cursor *cursor)
{
    if (cursor->bad || cursor->at == cursor->end || (unsigned char)*cursor->at > 1) {
        cursor->bad = true;
        return false;
    }
    return *cursor->at++ == 1;
}

struct qtl_text qtl_bytes_take_text(struct qtl_bytes_cursor *cursor, uint32_t min, uint32_t max)
{
    const int64_t length = qtl_bytes_take_within(cursor, min, max);
    if (cursor->bad || length > cursor->end - cursor->at) {
        cursor->bad = true;
        return (struct qtl_text){NULL, 0};
    }
    const struct qtl_text text = {cursor->at, (uint32_t)length};
    cursor->at += length;
    return text;
}
