/*
 * The reading end of Kafka as a log (schemas/log.h). Two clients: one is a member of the consumer
 * group and says which slices are ours (consumer/kafka_group.h), the other fetches partitions one
 * by one (consumer/kafka_input.h), those of quintil.state and of the output too.
 *
 * Without a group there are no changes, no token and no committed offsets: for who only looks.
 *
 * A partition is read from its first seek() on. wait() reports what came to partitions that are
 * being read, and changes. ended() is false while the partition's broker is silent. An error is
 * told by read().
 *
 * Threads: a reader belongs to one thread; only wake() may be called from others.
 */
#ifndef QTL_CONSUMER_KAFKA_READER_H
#define QTL_CONSUMER_KAFKA_READER_H

#include "schemas/kafka/kafka_settings.h"

/* Connects and learns the topics' partitions; joins the group where `in_group`. `settings` is
 * borrowed for the reader's life. IO where no broker answers. */
QTL_CHECKED enum qtl_status qtl_kafka_reader_open(const struct qtl_kafka_settings *settings,
                                                  bool in_group, struct qtl_log_reader **reader,
                                                  struct qtl_error *error);

/* Whether a connection was lost within the last minute. @thread owner */
bool qtl_kafka_reader_lost_connection(struct qtl_log_reader *reader);

#endif
