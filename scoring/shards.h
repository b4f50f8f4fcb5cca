/*
 * Shards: the threads that own the slices, and the rings through which epochs reach and leave them.
 * The one place in scoring/ that knows threads.
 *
 *   ingest --submit--> ring a shard --> slice_apply for its slices --> ring a shard --collect-->
 * publish
 *         +----------> ring of what is under way ---------------------------------------next-->
 * publish
 *
 * Every epoch visits every shard, in order; collect() gives it back when all are done with it.
 * Slice i belongs to shard i % shard_count; where it is NULL, somebody else has it.
 */
#ifndef QTL_SCORING_SHARDS_H
#define QTL_SCORING_SHARDS_H

#include "scoring/epoch.h"

#include <stddef.h>

struct qtl_shards;

/* Starts the threads. `slices` is borrowed; until stop() they belong to the shards. At most
 * `epochs_max` epochs may be under way. */
struct qtl_shards *qtl_shards_start(struct qtl_slice **slices, size_t slice_count,
                                    size_t shard_count, size_t epochs_max);

/* Hands an epoch to every shard. @thread ingest */
void qtl_shards_submit(struct qtl_shards *shards, struct qtl_epoch *epoch);

/* The oldest epoch not yet collected, while the shards may still work on it; waits. Only its input
 * and its offsets may be looked at: outcomes are the shards'. NULL after submit_end(). May be left
 * out. @thread publish */
const struct qtl_epoch *qtl_shards_next(struct qtl_shards *shards);

/* The oldest epoch, once every shard is done with it; waits. NULL after submit_end(). @thread
 * publish */
struct qtl_epoch *qtl_shards_collect(struct qtl_shards *shards);

/* No more epochs: the shards' threads end, then collect() returns NULL. @thread ingest */
void qtl_shards_submit_end(struct qtl_shards *shards);

/* Waits for the threads and frees. After submit_end(), and collect() returned NULL. @thread main */
void qtl_shards_stop(struct qtl_shards *shards);

#endif
