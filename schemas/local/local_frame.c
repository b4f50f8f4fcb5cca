/*
 * Frames and records as bytes; the layout is drawn in local_frame.h. Everything read is checked
 * against the bytes that are there: a checksum guards against disks, not against other programs.
 */
#include "schemas/local/local_frame.h"

#include "schemas/assert.h"
#include "schemas/local/crc32c.h"

#include <endian.h>
#include <string.h>

static uint32_t get_u32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static void put_u32(char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

size_t qtl_local_frame_begin(struct qtl_bytes *buffer)
{
    const size_t begin = buffer->length;
    qtl_bytes_reserve(buffer, QTL_LOCAL_FRAME_HEADER);
    buffer->length += QTL_LOCAL_FRAME_HEADER;
    return begin;
}

void qtl_local_frame_end(struct qtl_bytes *buffer, size_t begin)
{
    const size_t length = buffer->length - begin - QTL_LOCAL_FRAME_HEADER;
    QTL_ASSERT(length > 0);
    QTL_ASSERT(length <= QTL_LOCAL_FRAME_PAYLOAD_MAX);
    char *const frame = buffer->bytes + begin;
    put_u32(frame, (uint32_t)length);
    put_u32(frame + 4, qtl_crc32c(frame + QTL_LOCAL_FRAME_HEADER, length));
}

enum qtl_status qtl_local_frame_get(const char *bytes, size_t size, struct qtl_text *payload,
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
    payload->bytes = bytes + QTL_LOCAL_FRAME_HEADER;
    payload->length = length;
    return QTL_OK;
}

void qtl_local_frame_put_record(struct qtl_bytes *buffer, const struct qtl_log_append *record,
                                uint64_t place)
{
    QTL_ASSERT(place <= INT64_MAX);
    const size_t begin = qtl_local_frame_begin(buffer);
    qtl_bytes_put_long(buffer, (int64_t)place);
    qtl_bytes_put_long(buffer, record->timestamp_ms);
    qtl_bytes_put_flag(buffer, record->has_key);
    qtl_bytes_put_flag(buffer, record->has_value);
    if (record->has_key) {
        qtl_bytes_put_text(buffer, record->key);
    }
    if (record->has_value) {
        qtl_bytes_put_text(buffer, record->value);
    }
    qtl_bytes_put_long(buffer, record->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        qtl_bytes_put_text(buffer, record->headers[i].name);
        qtl_bytes_put_text(buffer, record->headers[i].value);
    }
    qtl_local_frame_end(buffer, begin);
}

enum qtl_status qtl_local_frame_get_record(struct qtl_text payload, int64_t first_offset,
                                           struct qtl_log_record *record,
                                           struct qtl_bytes_cursor *rest)
{
    QTL_ASSERT(first_offset >= 0);
    *rest = (struct qtl_bytes_cursor){.at = payload.bytes, .end = payload.bytes + payload.length};
    *record = (struct qtl_log_record){0};
    const int64_t place = qtl_bytes_take_within(rest, 0, INT64_MAX - 1 - first_offset);
    record->timestamp_ms = qtl_bytes_take_long(rest);
    record->has_key = qtl_bytes_take_flag(rest);
    record->has_value = qtl_bytes_take_flag(rest);
    if (record->has_key) {
        record->key = qtl_bytes_take_text(rest, 0, payload.length);
    }
    if (record->has_value) {
        record->value = qtl_bytes_take_text(rest, 0, payload.length);
    }
    const int64_t room = (rest->end - rest->at) / 2; /* a header is two lengths or more */
    const int64_t count = qtl_bytes_take_within(rest, 0, room);
    if (rest->bad || (count == 0 && rest->at != rest->end)) {
        return QTL_CORRUPT;
    }
    record->offset = first_offset + place;
    record->header_count = (uint32_t)count;
    return QTL_OK;
}

enum qtl_status qtl_local_frame_get_headers(struct qtl_bytes_cursor *rest,
                                            struct qtl_log_header *headers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        headers[i].name = qtl_bytes_take_text(rest, 0, UINT32_MAX);
        headers[i].value = qtl_bytes_take_text(rest, 0, UINT32_MAX);
    }
    return rest->bad || rest->at != rest->end ? QTL_CORRUPT : QTL_OK;
}
