/*
 * librdkafka with nothing around it: what the engine's figures stand beside, and what fills topics.
 * A failure of the broker ends the process with a sentence: a benchmark that lost something has
 * measured nothing.
 *
 * Threads: a client belongs to the thread that made it.
 */
#ifndef QTL_BENCH_BARE_CLIENT_H
#define QTL_BENCH_BARE_CLIENT_H

#include "schemas/text.h"

#include <stddef.h>
#include <stdint.h>

struct rd_kafka_s;
struct rd_kafka_topic_s;

struct qtl_bare_property {
    const char *name; /* as librdkafka calls it */
    const char *value;
};

struct qtl_bare_record {
    struct rd_kafka_topic_s *topic;
    int32_t partition; /* -1: the client's partitioner decides */
    int64_t timestamp_ms;
    struct qtl_text key;
    struct qtl_text value;
};

/* Both end the process with librdkafka's own words where a property is refused. The caller
 * destroys. */
struct rd_kafka_s *qtl_bare_client_producer(const char *brokers,
                                            const struct qtl_bare_property *properties,
                                            size_t count);
struct rd_kafka_s *qtl_bare_client_consumer(const char *brokers,
                                            const struct qtl_bare_property *properties,
                                            size_t count);

/* Makes a topic that keeps everything, whatever times its records have; one that is there with as
 * many partitions will do. */
void qtl_bare_client_create_topic(struct rd_kafka_s *client, const char *topic, int partitions);

/* 0 where there is no such topic. */
int32_t qtl_bare_client_partitions(struct rd_kafka_s *client, const char *topic);

/* Copies the record into the client's queue; waits while that is full. */
void qtl_bare_client_produce(struct rd_kafka_s *producer, const struct qtl_bare_record *record);

/* Waits until everything is acknowledged. */
void qtl_bare_client_flush(struct rd_kafka_s *producer);

/* Ends the process with `what` and librdkafka's name for `code`. */
void qtl_bare_client_fail(const char *what, int code) __attribute__((noreturn));

#endif
