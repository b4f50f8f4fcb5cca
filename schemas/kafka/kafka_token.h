/*
 * The token of Kafka's log: the group's metadata as it was at the last assignment (schemas/log.h).
 * A fresh one would let an instance commit that was taken for dead.
 *
 * Threads: made and freed by the reader's thread; the writer's reads it between two assignments.
 */
#ifndef QTL_SCHEMAS_KAFKA_KAFKA_TOKEN_H
#define QTL_SCHEMAS_KAFKA_KAFKA_TOKEN_H

struct rd_kafka_consumer_group_metadata_s;

struct qtl_kafka_token {
    struct rd_kafka_consumer_group_metadata_s *metadata; /* NULL: we are no member */
};

#endif
