/*
 * A growing run of bytes, and the few shapes of Avro binary that our own records need: whole
 * numbers as zigzag varints, texts with their length before them.
 *
 * Threads: plain data, belongs to its caller.
 */
#ifndef QTL_SCHEMAS_BYTES_H
#define QTL_SCHEMAS_BYTES_H

#include "schemas/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is empty. */
struct qtl_bytes {
    char *bytes; /* owned */
    size_t length;
    size_t capacity;
};

/* Frees the bytes. */
void qtl_bytes_fini(struct qtl_bytes *out);

/* Room for `more` bytes behind the present ones; stops the process where memory is out. */
void qtl_bytes_reserve(struct qtl_bytes *out, size_t more);

/* Appends. */
void qtl_bytes_put(struct qtl_bytes *out, const void *bytes, size_t length);
void qtl_bytes_put_long(struct qtl_bytes *out, int64_t value);
void qtl_bytes_put_text(struct qtl_bytes *out, struct qtl_text text);
void qtl_bytes_put_flag(struct qtl_bytes *out, bool flag);

/* How many bytes put_long() takes for it. */
size_t qtl_bytes_of_long(int64_t value);

/* Where somebody reads. The first thing that does not fit makes it bad for good; what is taken
 * then is 0 or empty. */
struct qtl_bytes_cursor {
    const char *at;
    const char *end;
    bool bad;
};

int64_t qtl_bytes_take_long(struct qtl_bytes_cursor *cursor);
/* A long within [min, max]; anything else is bad, and `min` is returned. */
int64_t qtl_bytes_take_within(struct qtl_bytes_cursor *cursor, int64_t min, int64_t max);
bool qtl_bytes_take_flag(struct qtl_bytes_cursor *cursor);
/* Borrowed from the bytes read. Shorter than `min` or longer than `max` bytes is bad. */
struct qtl_text qtl_bytes_take_text(struct qtl_bytes_cursor *cursor, uint32_t min, uint32_t max);

#endif
