/*
 * The committing end of Kafka as a log (schemas/log.h): a transactional producer. One transaction
 * an epoch: begin() opens it and sends the offsets with the group's token, append() produces to
 * the partition it is told, commit() commits.
 *
 * A writer on which anything failed is dead: it publishes nothing more; abort, free, rebuild. A
 * request that got no answer in time makes the next begin() take a new producer of the same name,
 * because an answer that is under way could end the next transaction.
 *
 * Threads: a writer belongs to one thread.
 */
#ifndef QTL_SINKS_KAFKA_WRITER_H
#define QTL_SINKS_KAFKA_WRITER_H

#include "schemas/kafka/kafka_settings.h"

/* Connects, shuts out whoever had the name before and ends their transaction. `settings` is
 * borrowed for the writer's life. IO where no broker answers; BAD_CONF where a permission is
 * missing. */
QTL_CHECKED enum qtl_status qtl_kafka_writer_open(const struct qtl_kafka_settings *settings,
                                                  struct qtl_log_writer **writer,
                                                  struct qtl_error *error);

#endif
