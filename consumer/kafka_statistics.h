/*
 * What librdkafka's statistics (JSON) say of the partitions that are read: who leads them, whether
 * that broker still speaks, and where the stable offset stands.
 *
 * Threads: plain functions.
 */
#ifndef QTL_CONSUMER_KAFKA_STATISTICS_H
#define QTL_CONSUMER_KAFKA_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_kafka_statistics; /* one reading of them */

/* Of the JSON text, which is needed no longer afterwards; NULL where it is none. */
struct qtl_kafka_statistics *qtl_kafka_statistics_parse(const char *json);
void qtl_kafka_statistics_free(struct qtl_kafka_statistics *statistics); /* NULL is fine */

struct qtl_kafka_partition_statistics {
    bool is_silent; /* its leader is not connected, or has said nothing for over a second */
    int64_t high;   /* -1: unknown */
    int64_t stable;
};

/* False where they say nothing of the partition. */
bool qtl_kafka_statistics_find(const struct qtl_kafka_statistics *statistics, const char *topic,
                               int32_t partition, struct qtl_kafka_partition_statistics *found);

#endif
