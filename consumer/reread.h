/*
 * Recovery's second look at the input: the recorded ranges of one slice's partitions, decoded again
 * into an epoch. Reads on where it stands; seeks only where it must.
 *
 * Threads: recovery's.
 */
#ifndef QTL_CONSUMER_REREAD_H
#define QTL_CONSUMER_REREAD_H

#include "consumer/progress.h"
#include "schemas/epoch_record.h"
#include "schemas/log.h"
#include "schemas/status.h"
#include "scoring/epoch.h"

#include <stddef.h>
#include <stdint.h>

struct qtl_config;
struct qtl_decoder;
struct qtl_rules;

struct qtl_reread {
    struct qtl_log_reader *reader;   /* borrowed */
    const struct qtl_config *config; /* borrowed */
    struct qtl_decoder *decoders[QTL_STREAMS];
    int64_t position[QTL_STREAMS]; /* what read() gives next; -1: unknown, seek first */
    int32_t partition;
    struct qtl_rejected *rejected; /* of the last range: who could not be decoded */
    size_t rejected_count;
    size_t rejected_capacity;
    /* Of the present range: whose schema was unknown then, by stream and offset. */
    struct qtl_rejected *unknown;
    size_t unknown_count;
    size_t unknown_capacity;
    struct qtl_progress progress;
    uint64_t done; /* records of all slices */
    uint64_t all;  /* offsets to be read in all */
};

void qtl_reread_init(struct qtl_reread *reread, struct qtl_log_reader *reader,
                     const struct qtl_config *config, const struct qtl_rules *rules);
void qtl_reread_fini(struct qtl_reread *reread);

/* The ranges from here on are of this partition. */
void qtl_reread_begin(struct qtl_reread *reread, int32_t partition);

/* Reads the record's ranges into slice 0 of `epoch`, which must be reset. What cannot be decoded
 * now must be among the dead letters of then. A record whose Avro schema was not known then stays a
 * dead letter, though the schema may have come since: that is how one adds it. */
QTL_CHECKED enum qtl_status qtl_reread_range(struct qtl_reread *reread,
                                             const struct qtl_epoch_record *record,
                                             struct qtl_epoch *epoch, struct qtl_error *error);

/* After the replay: the dead letters of the last range, those that the slice refused (`outcome`)
 * among them, must be those of then, by stream and offset: reasons may get better with time. */
QTL_CHECKED enum qtl_status qtl_reread_compare(struct qtl_reread *reread,
                                               const struct qtl_epoch_record *record,
                                               const struct qtl_outcome *outcome,
                                               struct qtl_error *error);

#endif
