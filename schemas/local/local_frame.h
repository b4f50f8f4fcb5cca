/*
 * Frames of the local log's files, and the record in a segment's frame.
 *
 *   frame    length (u32 LE, of the payload, never 0) | CRC-32C (u32 LE, of the payload) | payload
 *   record   offset - segment's first offset | timestamp (ms) | has key | has value | [key] |
 *            [value] | number of headers | (name, value)...
 *
 * Numbers, flags and texts are those of schemas/bytes.h. The offset is stored
 * so that a segment may have gaps (compaction, to come) and a frame in the wrong place is noticed.
 * No payload is empty: a run of zeroes, which a power cut can leave, would pass for frames.
 *
 * Threads: none of its own; pure functions over the caller's memory.
 */
#ifndef QTL_SCHEMAS_LOCAL_LOCAL_FRAME_H
#define QTL_SCHEMAS_LOCAL_LOCAL_FRAME_H

#include "schemas/bytes.h"
#include "schemas/log.h"

#define QTL_LOCAL_FRAME_HEADER 8
/* Room for the largest record and for the snapshot of a log with very many segments. */
#define QTL_LOCAL_FRAME_PAYLOAD_MAX (64 << 20)

/* Begins a frame behind the buffer's length; returns where. The payload follows, then the end. */
size_t qtl_local_frame_begin(struct qtl_bytes *buffer);
void qtl_local_frame_end(struct qtl_bytes *buffer, size_t begin);

/* The frame at `bytes`. OK: `payload` is a view of it and *frame_bytes its whole size. EMPTY: not
 * all of it is within `size`; *frame_bytes says how many are needed, as far as known. CORRUPT: the
 * length is impossible or the checksum wrong. */
QTL_CHECKED enum qtl_status qtl_local_frame_get(const char *bytes, size_t size,
                                                struct qtl_text *payload, size_t *frame_bytes);

/* A record as a whole frame. `place` is its offset less the segment's first. */
void qtl_local_frame_put_record(struct qtl_bytes *buffer, const struct qtl_log_append *record,
                                uint64_t place);

/* A record out of a frame's payload; texts are borrowed from the payload. header_count is set,
 * `headers` is NULL: *rest stands before them. CORRUPT where the payload is not a record. */
QTL_CHECKED enum qtl_status qtl_local_frame_get_record(struct qtl_text payload,
                                                       int64_t first_offset,
                                                       struct qtl_log_record *record,
                                                       struct qtl_bytes_cursor *rest);
/* The `count` headers. CORRUPT where they do not fill the rest exactly. */
QTL_CHECKED enum qtl_status qtl_local_frame_get_headers(struct qtl_bytes_cursor *rest,
                                                        struct qtl_log_header *headers,
                                                        uint32_t count);

#endif
