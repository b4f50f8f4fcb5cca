/*
 * Writes JSON text into a growing buffer: what transitions, dead letters and states look like on
 * the wire (DESIGN 6). Keys and values are appended in call order; nothing is parsed or reordered.
 *
 * Threads: a buffer belongs to one thread. The buffer grows by doubling and is meant to be reused,
 * so that a steady stream allocates nothing.
 */
#ifndef QTL_SINKS_JSON_WRITE_H
#define QTL_SINKS_JSON_WRITE_H

#include "schemas/text.h"

#include <stddef.h>
#include <stdint.h>

struct qtl_json_buffer {
    char *bytes; /* owned */
    size_t length;
    size_t capacity;
};

void qtl_json_buffer_fini(struct qtl_json_buffer *buffer);
/* Makes sure that `more` bytes fit behind length. Stops the process where memory is out. */
void qtl_json_reserve(struct qtl_json_buffer *buffer, size_t more);
/* Bytes as they are: punctuation, keys that need no escaping. */
void qtl_json_raw(struct qtl_json_buffer *buffer, const char *text);
/* A string in quotes: `"` `\` and controls escaped, other UTF-8 as it is (as Python's json.dumps
 * with ensure_ascii=False does). */
void qtl_json_string(struct qtl_json_buffer *buffer, struct qtl_text text);
void qtl_json_integer(struct qtl_json_buffer *buffer, int64_t value);
/* Ten-thousandths as the shortest exact decimal: 20005000 -> 2000.5, 60000 -> 6, -2500 -> -0.25. */
void qtl_json_decimal(struct qtl_json_buffer *buffer, int64_t value_e4);
/* Seconds since 1970 as "2026-11-22T03:00:00Z", in quotes. Years 0..9999. */
void qtl_json_time(struct qtl_json_buffer *buffer, int64_t second);
/* 128 or 64 bits as lower-case hexadecimal digits in quotes. */
void qtl_json_hex128(struct qtl_json_buffer *buffer, uint64_t high, uint64_t low);
void qtl_json_hex64(struct qtl_json_buffer *buffer, uint64_t value);

/* Bytes in base64 (RFC 4648, padded), in quotes. */
void qtl_json_base64(struct qtl_json_buffer *buffer, struct qtl_text bytes);

#endif
