/*
 * A slice's ledger: where its epoch records have got to, and the next record from what an epoch
 * made. Recovery fills it, publish carries on from it.
 *
 * Threads: one owner at a time: recovery before the start, then publish.
 */
#ifndef QTL_SCORING_LEDGER_H
#define QTL_SCORING_LEDGER_H

#include "schemas/epoch_record.h"
#include "scoring/epoch.h"
#include "scoring/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_ledger {
    uint64_t sequence;                /* of the last record; 0: none yet */
    int64_t next_offset[QTL_STREAMS]; /* where reading goes on */
    uint64_t rules_version;           /* of the last record; 0: none yet */
    int64_t clock;                    /* of the slice */
    bool names_written; /* the names of the present rules are in force in its partition */
    bool elsewhere;     /* the slice is another instance's */
    bool unfinished;    /* these two as the last record says */
    bool sweep_waits;
};

/* What is the same in all records of a run. */
struct qtl_ledger_versions {
    uint64_t rules;
    uint64_t shape; /* consumer/shape.h */
};

/* Scratch memory for describe(); all zero is empty. */
struct qtl_ledger_scratch {
    struct qtl_rejected *rejected;
    size_t capacity;
};
void qtl_ledger_scratch_fini(struct qtl_ledger_scratch *scratch);

/* Whether the slice read something in the epoch: then it needs a record, whatever is decided. */
bool qtl_ledger_has_read(const struct qtl_epoch_slice *part);

/* Whether the epoch needs a record of this slice: it read or decided something, or evaluated
 * everybody under other rules. */
bool qtl_ledger_is_due(const struct qtl_epoch_slice *part);

/* The record of slice `slice` in `epoch`, behind what the ledger holds. Borrows from the epoch and
 * from `scratch`. A stream that read nothing keeps its position, whatever its offsets say. */
void qtl_ledger_describe(const struct qtl_ledger *ledger, const struct qtl_epoch *epoch,
                         size_t slice, const struct qtl_ledger_versions *versions,
                         struct qtl_ledger_scratch *scratch, struct qtl_epoch_record *record);

/* The record is committed: go on behind it. */
void qtl_ledger_advance(struct qtl_ledger *ledger, const struct qtl_epoch_record *record);

/* The names that decisions refer to. Owned by the caller; the texts are borrowed from `rules`. */
struct qtl_names_record *qtl_ledger_names_new(const struct qtl_rules *rules);
void qtl_ledger_names_free(struct qtl_names_record *names); /* NULL is fine */

#endif
