/*
 * From the bytes of quintil.state back to epoch records and names (schemas/epoch_record.h): checks
 * every length and every number, and puts the parts of an epoch together. Nothing from outside can
 * crash it.
 *
 * Threads: a reader belongs to one thread.
 */
#ifndef QTL_SCHEMAS_STATE_READER_H
#define QTL_SCHEMAS_STATE_READER_H

#include "schemas/epoch_record.h"
#include "schemas/status.h"

enum qtl_state_type {
    QTL_STATE_EPOCH, /* `epoch` is whole */
    QTL_STATE_PART,  /* a part of an epoch: feed the next */
    QTL_STATE_NAMES, /* `names` */
};

/* Memory is owned and grows as needed, up to the largest epoch fed. */
struct qtl_state_reader {
    /* What the last feed() gave; valid until the next. */
    enum qtl_state_type type;
    struct qtl_epoch_record epoch;
    struct qtl_names_record names;
    int64_t version;  /* of the record; where it is above QTL_EPOCH_RECORD_VERSION: MALFORMED */
    bool from_future; /* it holds what this version cannot take: scores, erasures, cuts, zones */
    /* The rest is the reader's own. */
    uint32_t part; /* the part expected next; 0: none is pending */
    uint32_t parts;
    struct qtl_rejected *rejected;
    size_t rejected_capacity;
    struct qtl_erasure *erasures;
    size_t erasure_capacity;
    struct qtl_transition *decisions;
    size_t decision_capacity;
    struct qtl_bytes ids; /* the customers' ids, in the order of erasures, then decisions */
    struct qtl_segment_names *segments;
    size_t segment_capacity;
    struct qtl_text *states;
    size_t state_count;
    size_t state_capacity;
    struct qtl_bytes texts; /* the names */
};

/* All zero is a new reader. */
void qtl_state_reader_fini(struct qtl_state_reader *reader);

/* Takes one record of the log; its bytes are not needed afterwards. MALFORMED: they are no record,
 * a part is missing or does not belong to the one before; the reader then starts afresh. */
QTL_CHECKED enum qtl_status qtl_state_reader_feed(struct qtl_state_reader *reader,
                                                  struct qtl_text bytes);

#endif
