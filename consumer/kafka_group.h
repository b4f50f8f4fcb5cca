/*
 * Membership in Kafka's consumer group: which slices are ours, the token that says so, and the
 * offsets committed for them. A client of its own that reads nothing, so that what the group does
 * never disturbs what is fetched: see consumer/kafka_reader.h.
 *
 * Threads: the reader's.
 */
#ifndef QTL_CONSUMER_KAFKA_GROUP_H
#define QTL_CONSUMER_KAFKA_GROUP_H

#include "schemas/kafka/kafka_settings.h"

struct qtl_kafka_token;
struct qtl_kafka_group;

/* Joins, on the leading stream's topic. What comes of it arrives as changes. `event_fd`, an
 * eventfd, becomes readable where poll() has something to do. */
QTL_CHECKED enum qtl_status qtl_kafka_group_open(const struct qtl_kafka_settings *settings,
                                                 int event_fd, struct qtl_kafka_group **group,
                                                 struct qtl_error *error);
/* NULL is fine. The name stays in the group until the session times out, so that a restart finds
 * its slices where they were. */
void qtl_kafka_group_free(struct qtl_kafka_group *group);

/* Lets the client call back. Call it at least every few seconds. */
void qtl_kafka_group_poll(struct qtl_kafka_group *group);

/* As in schemas/log.h. */
QTL_CHECKED enum qtl_status qtl_kafka_group_change(struct qtl_kafka_group *group,
                                                   struct qtl_log_change *change);
bool qtl_kafka_group_changed(const struct qtl_kafka_group *group);
void qtl_kafka_group_revoke_done(struct qtl_kafka_group *group, int32_t partition);
const struct qtl_kafka_token *qtl_kafka_group_token(const struct qtl_kafka_group *group);

/* The offset committed for a partition (-1: never) and the slice's sequence number that stands
 * beside it (0: none). Retries until it is certain. */
QTL_CHECKED enum qtl_status qtl_kafka_group_committed(struct qtl_kafka_group *group,
                                                      const char *topic, int32_t partition,
                                                      int64_t *next_offset, uint64_t *sequence,
                                                      struct qtl_error *error);

#endif
