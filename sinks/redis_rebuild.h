/*
 * Making Redis right again where its offset cannot be true: from quintil.customers, in place.
 *
 * Threads: the sink's.
 */
#ifndef QTL_SINKS_REDIS_REBUILD_H
#define QTL_SINKS_REDIS_REBUILD_H

#include "sinks/redis_position.h"

/* Rebuilds every position whose `applied` is -1; afterwards all of them are right, and the reader
 * stands there. `states` counts those that were written. EMPTY where somebody else has begun
 * to rebuild: begin the session anew. */
QTL_CHECKED enum qtl_status qtl_redis_rebuild_run(const struct qtl_redis_feed *feed,
                                                  uint64_t *states, struct qtl_error *error);

#endif
