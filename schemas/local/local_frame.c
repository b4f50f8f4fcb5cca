/*
 * Frames and records as bytes; the layout is drawn in local_frame.h. Everything read is checked
 * against the bytes that are there: a checksum guards against disks, not against other programs.
 */
#include "schemas/local/local_frame.h"

#include "schemas/assert.h"
#include "schemas/local/crc32c.h"

#include <endian.h>
#include <string.h>

enum { HAS_KEY = 1, HAS_VALUE = 2 };

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

size_t qtl_local_frame_begin(struct qtl_local_buffer *buffer)
{
    const size_t begin = buffer->length;
    qtl_local_buffer_reserve(buffer, QTL_LOCAL_FRAME_HEADER);
    buffer->length += QTL_LOCAL_FRAME_HEADER;
    return begin;
}

void qtl_local_frame_end(struct qtl_local_buffer *buffer, size_t begin)
{
    const size_t length = buffer->length - begin - QTL_LOCAL_FRAME_HEADER;
    QTL_ASSERT(length > 0);
    QTL_ASSERT(length <= QTL_LOCAL_FRAME_PAYLOAD_MAX);
    uint8_t *const frame = buffer->bytes + begin;
    put_u32(frame, (uint32_t)length);
    put_u32(frame + 4, qtl_crc32c(frame + QTL_LOCAL_FRAME_HEADER, length));
}

enum qtl_status qtl_local_frame_get(const uint8_t *bytes, size_t size, struct qtl_text *payload,
                                    size_t *frame_bytes)
{
    *frame_bytes = QTL_LOCAL_FRAME_HEADER;
    if (size < QTL_LOCAL_FRAME_HEADER) {
        return QTL_EMPTY;
    }
    const uint32_t length = get_u32(bytes);
    if (length == 0 || length > QTL_LOCAL_FRAME_PAYLOAD_MAX) {
        return QTL_CORRUPT;
    }
    *frame_bytes += length;
    if (size < *frame_bytes) {
        return QTL_EMPTY;
    }
    if (qtl_crc32c(bytes + QTL_LOCAL_FRAME_HEADER, length) != get_u32(bytes + 4)) {
        return QTL_CORRUPT;
    }
    payload->bytes = (const char *)bytes + QTL_LOCAL_FRAME_HEADER;
    payload->length = length;
    return QTL_OK;
}

static void put_text(struct qtl_local_buffer *buffer, struct qtl_text text)
{
    qtl_local_buffer_put_u64(buffer, text.length);
    qtl_local_buffer_put(buffer, text.bytes, text.length);
}

void qtl_local_frame_put_record(struct qtl_local_buffer *buffer,
                                const struct qtl_log_append *record, uint64_t place)
{
    const size_t begin = qtl_local_frame_begin(buffer);
    qtl_local_buffer_put_u64(buffer, place);
    qtl_local_buffer_put_i64(buffer, record->timestamp_ms);
    qtl_local_buffer_put_u64(buffer, (record->has_key ? (uint64_t)HAS_KEY : 0) |
                                         (record->has_value ? (uint64_t)HAS_VALUE : 0));
    if (record->has_key) {
        put_text(buffer, record->key);
    }
    if (record->has_value) {
        put_text(buffer, record->value);
    }
    qtl_local_buffer_put_u64(buffer, record->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        put_text(buffer, record->headers[i].name);
        put_text(buffer, record->headers[i].value);
    }
    qtl_local_frame_end(buffer, begin);
}

enum qtl_status qtl_local_frame_get_record(struct qtl_text payload, int64_t first_offset,
                                           struct qtl_log_record *record,
                                           struct qtl_local_cursor *rest)
{
    QTL_ASSERT(first_offset >= 0);
    const uint8_t *const bytes = (const uint8_t *)payload.bytes;
    *rest = (struct qtl_local_cursor){.at = bytes, .end = bytes + payload.length};
    *record = (struct qtl_log_record){0};
    const uint64_t place = qtl_local_buffer_take_u64(rest);
    record->timestamp_ms = qtl_local_buffer_take_i64(rest);
    const uint64_t flags = qtl_local_buffer_take_u64(rest);
    record->has_key = (flags & HAS_KEY) != 0;
    record->has_value = (flags & HAS_VALUE) != 0;
    if (record->has_key) {
        record->key = qtl_local_buffer_take_text(rest);
    }
    if (record->has_value) {
        record->value = qtl_local_buffer_take_text(rest);
    }
    const uint64_t count = qtl_local_buffer_take_u64(rest);
    const uint64_t room =
        (uint64_t)(rest->end - rest->at) / 2; /* a header is two lengths or more */
    if (rest->bad || flags > (HAS_KEY | HAS_VALUE) || count > room ||
        (count == 0 && rest->at != rest->end) || place >= (uint64_t)(INT64_MAX - first_offset)) {
        return QTL_CORRUPT;
    }
    record->offset = first_offset + (int64_t)place;
    record->header_count = (uint32_t)count;
    return QTL_OK;
}

enum qtl_status qtl_local_frame_get_headers(struct qtl_local_cursor *rest,
                                            struct qtl_log_header *headers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        headers[i].name = qtl_local_buffer_take_text(rest);
        headers[i].value = qtl_local_buffer_take_text(rest);
    }
    return rest->bad || rest->at != rest->end ? QTL_CORRUPT : QTL_OK;
}
