/*
 * Where Redis is in the log: what its offsets say, and whether they can be true.
 *
 * Threads: the sink's.
 */
#ifndef QTL_SINKS_REDIS_POSITION_H
#define QTL_SINKS_REDIS_POSITION_H

#include "schemas/log.h"
#include "schemas/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_redis_session;

struct qtl_redis_position {
    int32_t partition;
    int64_t applied;       /* the offset that Redis has; -1: none that can be true */
    int64_t sent;          /* what is read and on its way to it */
    int64_t checked_until; /* customers may know transitions below this already */
};

/* What the parts of the sink work with. */
struct qtl_redis_feed {
    struct qtl_redis_session *session;
    struct qtl_log_reader *reader;
    struct qtl_redis_position *positions;
    size_t count;
    int32_t partitions;          /* of the log */
    const atomic_bool *stopping; /* what waits for the log looks at it */
};

/* Reads the offsets back and puts the reader there. Where one cannot be true (`applied` is then -1)
 * `reason` says why: its text is empty where all are well. EMPTY where the session must begin anew.
 */
QTL_CHECKED enum qtl_status qtl_redis_position_find(const struct qtl_redis_feed *feed,
                                                    struct qtl_error *reason,
                                                    struct qtl_error *error);

/* Whether Redis still has the offsets that were applied; EMPTY where it has not. */
QTL_CHECKED enum qtl_status qtl_redis_position_check(const struct qtl_redis_feed *feed,
                                                     struct qtl_error *error);

/* The next record of a partition, waiting for it; EMPTY at the partition's end, END where asked to
 * stop. The record is borrowed until release(). */
QTL_CHECKED enum qtl_status qtl_redis_position_read(const struct qtl_redis_feed *feed,
                                                    enum qtl_topic topic, int32_t partition,
                                                    struct qtl_log_record *record,
                                                    struct qtl_error *error);

#endif
