/*
 * Clients of librdkafka as this program makes them: their properties, their errors as sentences,
 * and what they tell on the side. What reader, writer and administration share.
 *
 * Threads: as said at each function; `struct qtl_kafka_events` is written by librdkafka's threads
 * and read by any.
 */
#ifndef QTL_SCHEMAS_KAFKA_KAFKA_CLIENT_H
#define QTL_SCHEMAS_KAFKA_KAFKA_CLIENT_H

#include "schemas/kafka/kafka_settings.h"

#include <stdatomic.h>

struct rd_kafka_s;      /* librdkafka's rd_kafka_t */
struct rd_kafka_conf_s; /* librdkafka's rd_kafka_conf_t */

enum qtl_kafka_role {
    QTL_KAFKA_ADMIN,  /* looks at topics and makes them */
    QTL_KAFKA_MEMBER, /* belongs to the group; reads nothing */
    QTL_KAFKA_READER, /* reads partitions; belongs to no group */
    QTL_KAFKA_WRITER, /* the transactional producer */
    QTL_KAFKA_INTAKE, /* brings events of ours into the topics of the input */
};

/* What a client says on the side. Relaxed: each stands for itself. */
struct qtl_kafka_events {
    atomic_bool fenced;                 /* somebody else has our name */
    atomic_bool fatal;                  /* the client is of no more use */
    atomic_bool timed_out;              /* a request got no answer in time */
    atomic_int_fast64_t lost_ms;        /* monotonic: when a connection was last lost; 0: never */
    atomic_int_fast64_t said_ms;        /* monotonic: when something was last logged */
    char words[QTL_ERROR_TEXT_MAX / 2]; /* of the last error; the polling thread's */
};

/* Properties common to a role, the user's over them, and ours that nobody may change. Owned by the
 * caller until the client is made of it. */
QTL_CHECKED enum qtl_status qtl_kafka_client_conf(const struct qtl_kafka_settings *settings,
                                                  enum qtl_kafka_role role,
                                                  struct qtl_kafka_events *events,
                                                  struct rd_kafka_conf_s **conf,
                                                  struct qtl_error *error);

/* A client of it; `conf` is taken and nulled. */
QTL_CHECKED enum qtl_status qtl_kafka_client_new(struct rd_kafka_conf_s **conf,
                                                 enum qtl_kafka_role role,
                                                 struct rd_kafka_s **client,
                                                 struct qtl_error *error);

/* Whether this one property may be set so; NULL, or librdkafka's words. `words` is the place for
 * them. @thread any */
const char *qtl_kafka_client_try(const char *name, const char *value, char *words, size_t size);

/* Seconds of the monotonic clock, in milliseconds. @thread any */
int64_t qtl_kafka_client_now_ms(void);

/* Whether a connection was lost within the last `window_ms`. @thread any */
bool qtl_kafka_client_lost(const struct qtl_kafka_events *events, int64_t window_ms);

/* Somebody else has our name: LOST where the connection was there all the time, IO where it was
 * not, for then we were merely taken for dead. @thread any */
enum qtl_status qtl_kafka_client_fenced(const struct qtl_kafka_events *events);

#endif
