/*
 * The topics on Kafka's side, before the engine starts: those of the input looked at, those of ours
 * looked at and made where they are missing. Every answer that would end in wrong results or in a
 * wait for ever is a sentence that says what to do.
 *
 * Threads: main, at the start of a command.
 */
#ifndef QTL_SCHEMAS_KAFKA_KAFKA_TOPICS_H
#define QTL_SCHEMAS_KAFKA_KAFKA_TOPICS_H

#include "schemas/kafka/kafka_settings.h"

/* `partitions`: of every topic. EMPTY with a sentence where no broker answers; BAD_CONF where
 * something is missing, not allowed or of another shape. Waits for ten seconds at most. */
QTL_CHECKED enum qtl_status qtl_kafka_topics_prepare(const struct qtl_kafka_settings *settings,
                                                     int32_t *partitions, struct qtl_error *error);

/* For who fills the topics of the input: makes those that are missing, with as many partitions as
 * the others have, or `wanted` where none is there. `partitions`: of each. Errors as above. */
QTL_CHECKED enum qtl_status qtl_kafka_topics_make_input(const struct qtl_kafka_settings *settings,
                                                        int32_t wanted, int32_t *partitions,
                                                        struct qtl_error *error);

#endif
