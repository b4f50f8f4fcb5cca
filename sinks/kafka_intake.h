/*
 * The intake of Kafka's log: events of ours (`append`, `generate`) into the topics of the input,
 * behind the writer of schemas/log.h. An idempotent producer without transactions: what commit()
 * answers OK for is acknowledged by all replicas in sync, but becomes visible record by record.
 *
 * A record goes where Kafka's own producers would put its key (murmur2), whatever partition
 * append() is told, so that a customer's events from here and from elsewhere meet; one without a
 * key, which nobody can use, goes to the partition it is told.
 *
 * Threads: belongs to one thread.
 */
#ifndef QTL_SINKS_KAFKA_INTAKE_H
#define QTL_SINKS_KAFKA_INTAKE_H

#include "schemas/kafka/kafka_settings.h"

/* `settings` is borrowed for the writer's life; the topics must be there. begin() takes no
 * positions. A record that no broker takes within `message.timeout.ms` fails the commit. The writer
 * is freed by its own free(). */
QTL_CHECKED enum qtl_status qtl_kafka_intake_open(const struct qtl_kafka_settings *settings,
                                                  struct qtl_log_writer **writer,
                                                  struct qtl_error *error);

#endif
