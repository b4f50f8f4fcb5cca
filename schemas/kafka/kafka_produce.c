/* See kafka_produce.h. The array form of librdkafka's call: the other one is made of macros that
 * clang does not take for C. */
#include "schemas/kafka/kafka_produce.h"

#include "schemas/assert.h"

#include <librdkafka/rdkafka.h>

_Static_assert(QTL_KAFKA_PRODUCE_BY_KEY == RD_KAFKA_PARTITION_UA, "librdkafka's own word for it");

static rd_kafka_headers_t *headers_of(const struct qtl_log_append *record)
{
    rd_kafka_headers_t *const headers = rd_kafka_headers_new(record->header_count);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct qtl_log_header *const header = &record->headers[i];
        const rd_kafka_resp_err_t code =
            rd_kafka_header_add(headers, header->name.bytes, (ssize_t)header->name.length,
                                header->value.bytes, (ssize_t)header->value.length);
        QTL_ASSERT(code == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return headers;
}

struct rd_kafka_error_s *qtl_kafka_produce_record(struct rd_kafka_s *client,
                                                  struct rd_kafka_topic_s *topic, int32_t partition,
                                                  int64_t timestamp_ms,
                                                  const struct qtl_log_append *record)
{
    const void *const key = record->has_key ? record->key.bytes : NULL;
    const void *const value = record->has_value ? record->value.bytes : NULL;
    rd_kafka_headers_t *const headers = record->header_count > 0 ? headers_of(record) : NULL;
    const rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = (void *)(uintptr_t)key,
                   .size = record->has_key ? record->key.length : 0}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = (void *)(uintptr_t)value,
                   .size = record->has_value ? record->value.length : 0}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    const size_t count = sizeof(values) / sizeof(values[0]) - (headers == NULL ? 1 : 0);
    rd_kafka_error_t *const failed = rd_kafka_produceva(client, values, count);
    if (failed != NULL && headers != NULL) {
        rd_kafka_headers_destroy(headers); /* taken over only by a success */
    }
    return failed;
}
