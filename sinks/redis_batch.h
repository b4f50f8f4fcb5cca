/*
 * Transitions of one partition, gathered into one call of the script (sinks/redis_apply.lua): by
 * customer and by segment, so that Redis has few commands to carry out for each.
 *
 * Usage: begin, add until FULL or until there is no more, command, and send that before anything
 * else is done with the batch.
 *
 * Threads: a batch belongs to one thread.
 */
#ifndef QTL_SINKS_REDIS_BATCH_H
#define QTL_SINKS_REDIS_BATCH_H

#include "schemas/log.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QTL_REDIS_BATCH_BYTES ((size_t)128 << 10) /* about where a batch is full */
#define QTL_REDIS_BATCH_SETS_MAX 255

struct qtl_redis_command;

struct qtl_redis_batch_settings {
    const char *prefix; /* borrowed */
    size_t changes_max; /* transitions in one batch */
    int64_t stream_max; /* 0: no stream */
    bool publish;       /* on the channel <prefix>transitions */
};

struct qtl_redis_batch;

struct qtl_redis_batch *qtl_redis_batch_new(const struct qtl_redis_batch_settings *settings);
void qtl_redis_batch_free(struct qtl_redis_batch *batch); /* NULL is fine */

/* Empty, for the partition from this offset on. `is_checked`: customers may know some of it
 * already, their sequences are looked at. */
void qtl_redis_batch_begin(struct qtl_redis_batch *batch, int32_t partition, int64_t from,
                           bool is_checked);

/* OK; FULL: not taken, it belongs into the next batch; MALFORMED: passed over, its offset counts.
 */
QTL_CHECKED enum qtl_status qtl_redis_batch_add(struct qtl_redis_batch *batch,
                                                const struct qtl_log_record *record);

/* Appends the script's arguments to `command`, borrowed from the batch until its next begin(). */
void qtl_redis_batch_put(struct qtl_redis_batch *batch, struct qtl_redis_command *command);

size_t qtl_redis_batch_count(const struct qtl_redis_batch *batch);
int64_t qtl_redis_batch_next_offset(const struct qtl_redis_batch *batch);

#endif
