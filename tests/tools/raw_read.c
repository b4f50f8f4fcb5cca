/*
 * raw_read DATA TOPIC: every committed record of a topic, one a line, with tabs between:
 *
 *   partition  offset  timestamp in ms, or -  key in hex, or -  value in hex, or -  [name=value...]
 *
 * The headers stand at the end.
 */
#include "consumer/local_reader.h"
#include "schemas/topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 256 };

static void print_hex(bool is_there, struct qtl_text text)
{
    putchar('\t');
    if (!is_there) {
        putchar('-');
    }
    for (uint32_t i = 0; is_there && i < text.length; i++) {
        printf("%02x", (unsigned char)text.bytes[i]);
    }
}

static void print_record(int32_t partition, const struct qtl_log_record *record)
{
    printf("%" PRId32 "\t%" PRId64 "\t", partition, record->offset);
    if (record->timestamp_ms == INT64_MIN) {
        putchar('-');
    } else {
        printf("%" PRId64, record->timestamp_ms);
    }
    print_hex(record->has_key, record->key);
    print_hex(record->has_value, record->value);
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct qtl_log_header *const header = &record->headers[i];
        printf("\t%.*s=%.*s", (int)header->name.length, header->name.bytes,
               (int)header->value.length, header->value.bytes);
    }
    putchar('\n');
}

static enum qtl_status print_partition(struct qtl_log_reader *reader, enum qtl_topic topic,
                                       int32_t partition, struct qtl_error *error)
{
    int64_t first = 0;
    int64_t end = 0;
    enum qtl_status status = reader->ops->range(reader, topic, partition, &first, &end, error);
    if (status == QTL_OK) {
        status = reader->ops->seek(reader, topic, partition, first, error);
    }
    while (status == QTL_OK) {
        struct qtl_log_record records[BATCH];
        size_t count = 0;
        status = reader->ops->read(reader, topic, partition, BATCH, records, &count, error);
        for (size_t i = 0; i < count; i++) {
            print_record(partition, &records[i]);
        }
        reader->ops->release(reader);
    }
    return status == QTL_EMPTY ? QTL_OK : status;
}

int main(int argc, char **argv)
{
    enum qtl_topic topic = 0;
    struct qtl_error error = {0};
    struct qtl_log_reader *reader = NULL;
    if (argc != 3 || qtl_topic_find(argv[2], &topic) != QTL_OK) {
        fprintf(stderr, "usage: raw_read DATA TOPIC\n");
        return 2;
    }
    enum qtl_status status = qtl_local_reader_open(argv[1], NULL, &reader, &error);
    const int32_t partitions = status == QTL_OK ? reader->ops->partitions(reader, topic) : 0;
    for (int32_t i = 0; status == QTL_OK && i < partitions; i++) {
        status = print_partition(reader, topic, i, &error);
    }
    if (status != QTL_OK) {
        fprintf(stderr, "raw_read: %s\n", error.text);
    }
    if (reader != NULL) {
        reader->ops->free(reader);
    }
    return status == QTL_OK ? 0 : 1;
}
