/*
 * Ingest: the thread that gathers records into epochs and fixes their clocks (DESIGN 3 and 7). It
 * decides which record may be taken while partitions lag, when an epoch closes, and how far the
 * slices' clocks go.
 *
 *   log --read--> partitions (decoded, waiting) --take in merge order--> epoch --submit--> shards
 *                                         ^ epochs come back from publish through a ring
 *
 * Threads: run() is the ingest thread; stop() may be called from any.
 */
#ifndef QTL_CONSUMER_INGEST_H
#define QTL_CONSUMER_INGEST_H

#include "schemas/log.h"
#include "schemas/status.h"
#include "scoring/epoch.h"
#include "scoring/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_config;
struct qtl_decoder;
struct qtl_ring;
struct qtl_shards;

struct qtl_ingest_settings {
    struct qtl_log_reader *reader;   /* borrowed, as all of these */
    const struct qtl_config *config; /* bounds of an epoch, timestamp of each stream */
    struct qtl_decoder *decoders[QTL_STREAMS];
    struct qtl_shards *shards;
    struct qtl_ring *returned; /* epochs that publish is done with; all of them at the start */
    const struct qtl_ledger *ledgers; /* one a slice: whether it is ours, where to go on; read at
                                       * the start only */
    size_t slice_count;
    size_t epoch_count; /* in `returned` */
    bool drain;         /* end once everything that is there is read and committed */
};

struct qtl_ingest;

/* Seeks every partition to where its slice goes on. */
QTL_CHECKED enum qtl_status qtl_ingest_new(const struct qtl_ingest_settings *settings,
                                           struct qtl_ingest **ingest, struct qtl_error *error);
void qtl_ingest_free(struct qtl_ingest *ingest); /* NULL is fine */

/* Gathers and submits until stop() or until partitions were revoked, then ends the shards' input.
 * OK, or what went wrong: LOST where another instance has our name. @thread ingest */
QTL_CHECKED enum qtl_status qtl_ingest_run(struct qtl_ingest *ingest, struct qtl_error *error);

/* Ends run() after the epoch at hand. @thread any */
void qtl_ingest_stop(struct qtl_ingest *ingest);

/* Whether run() ended because partitions were revoked: commit, revoke_done() for each, begin anew.
 * After run(). @thread main */
bool qtl_ingest_is_revoked(const struct qtl_ingest *ingest);

/* Records read so far, dead letters included. @thread any */
uint64_t qtl_ingest_records(const struct qtl_ingest *ingest);

#endif
