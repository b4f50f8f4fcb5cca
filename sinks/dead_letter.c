/* See dead_letter.h. */
#include "sinks/dead_letter.h"

#include "schemas/reason.h"
#include "schemas/topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEADERS_MAX = 5, NUMBER_BYTES = 24 };

static struct qtl_log_header number_header(const char *name, int64_t value, char *text)
{
    snprintf(text, NUMBER_BYTES, "%" PRId64, value);
    return (struct qtl_log_header){.name = qtl_text_of(name), .value = qtl_text_of(text)};
}

enum qtl_status qtl_dead_letter_append(struct qtl_log_writer *writer, int32_t partition,
                                       int64_t wall, const struct qtl_dead_letter *letter,
                                       struct qtl_error *error)
{
    char numbers[HEADERS_MAX][NUMBER_BYTES];
    struct qtl_log_header headers[HEADERS_MAX];
    uint32_t count = 0;
    headers[count++] = (struct qtl_log_header){
        qtl_text_of("reason"), qtl_text_of(qtl_reason_code((enum qtl_reason)letter->reason))};
    headers[count++] = (struct qtl_log_header){
        qtl_text_of("topic"), qtl_text_of(qtl_topic_name((enum qtl_topic)letter->stream))};
    headers[count++] = number_header("partition", partition, numbers[0]);
    headers[count++] = number_header("offset", letter->offset, numbers[1]);
    if (letter->raw_bytes > letter->raw.length) {
        headers[count++] = number_header("bytes", (int64_t)letter->raw_bytes, numbers[2]);
    }
    const struct qtl_log_append record = {
        .topic = QTL_TOPIC_DEAD_LETTERS,
        .partition = partition,
        .timestamp_ms = wall * 1000,
        .key = letter->key,
        .value = letter->raw,
        .has_key = letter->has_key,
        .has_value = true,
        .headers = headers,
        .header_count = count,
    };
    return writer->ops->append(writer, &record, error);
}

static bool is_number(struct qtl_text text)
{
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
    }
    return text.length > 0 && text.length < 19;
}

static void put_header(struct qtl_json_buffer *buffer, const struct qtl_log_header *header)
{
    qtl_json_string(buffer, header->name);
    qtl_json_raw(buffer, ":");
    if (is_number(header->value)) {
        qtl_json_reserve(buffer, header->value.length);
        memcpy(buffer->bytes + buffer->length, header->value.bytes, header->value.length);
        buffer->length += header->value.length;
    } else {
        qtl_json_string(buffer, header->value);
    }
}

void qtl_dead_letter_json(struct qtl_json_buffer *buffer, const struct qtl_log_record *record,
                          bool is_text)
{
    qtl_json_raw(buffer, "{");
    for (uint32_t i = 0; i < record->header_count; i++) {
        put_header(buffer, &record->headers[i]);
        qtl_json_raw(buffer, ",");
    }
    if (is_text) {
        qtl_json_raw(buffer, "\"value\":");
        qtl_json_string(buffer, record->value);
    } else {
        qtl_json_raw(buffer, "\"value_base64\":");
        qtl_json_base64(buffer, record->value);
    }
    qtl_json_raw(buffer, "}");
}
