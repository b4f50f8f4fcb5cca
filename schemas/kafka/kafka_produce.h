/*
 * One record of schemas/log.h on its way into librdkafka: what the engine's writer and the intake
 * have in common.
 *
 * Threads: those of the producer's owner.
 */
#ifndef QTL_SCHEMAS_KAFKA_KAFKA_PRODUCE_H
#define QTL_SCHEMAS_KAFKA_KAFKA_PRODUCE_H

#include "schemas/log.h"

struct rd_kafka_error_s; /* librdkafka's types */
struct rd_kafka_s;
struct rd_kafka_topic_s;

#define QTL_KAFKA_PRODUCE_BY_KEY (-1) /* for `partition`: the client's partitioner decides */

/* Hands over a copy of the record; its own partition and timestamp do not count, those beside it do
 * (timestamp 0: now). NULL, or the error, which the caller destroys; _QUEUE_FULL: try again. */
struct rd_kafka_error_s *qtl_kafka_produce_record(struct rd_kafka_s *client,
                                                  struct rd_kafka_topic_s *topic, int32_t partition,
                                                  int64_t timestamp_ms,
                                                  const struct qtl_log_append *record);

#endif
