/*
 * What stands in quintil.state (RECOVERY, Epoch record): one epoch record a slice with work, and
 * before it the names that its decisions refer to. This header is the plain form and its way into
 * bytes; schemas/state_reader.h is the way back. The bytes are Avro binary of
 * schemas/epoch_record.avsc, so that any Avro reader can look into the topic.
 *
 * An epoch record is cut into parts of at most QTL_EPOCH_RECORD_PART_BYTES, each one record of the
 * log. Every part says everything about the epoch; only the three lists are cut, between elements,
 * and read on through the parts: rejected, then erasures, then decisions.
 *
 * Threads: plain functions; an encoder belongs to its caller.
 */
#ifndef QTL_SCHEMAS_EPOCH_RECORD_H
#define QTL_SCHEMAS_EPOCH_RECORD_H

#include "schemas/bytes.h"
#include "schemas/event.h"
#include "schemas/transition.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stands first in every record. Raise it with every change of the form or of what a field means;
 * whoever meets a higher one stops with a sentence. */
#define QTL_EPOCH_RECORD_VERSION 1
#define QTL_EPOCH_RECORD_PART_BYTES (500u * 1000u)
#define QTL_EPOCH_RECORD_PARTS_MAX 65536u
#define QTL_EPOCH_RECORD_KEY_MAX 64

/* A record of the input that nobody took: a dead letter, whoever refused it. */
struct qtl_rejected {
    int64_t offset;
    uint8_t stream; /* enum qtl_stream */
    uint8_t reason; /* enum qtl_reason */
};

/* A customer forgotten. To come with tombstones; none are written yet. */
struct qtl_erasure {
    struct qtl_text customer_id;
    uint32_t records_before;   /* booked in this epoch before it */
    uint32_t decisions_before; /* made in this epoch before it */
};

/* One slice's epoch. The arrays are borrowed. */
struct qtl_epoch_record {
    uint64_t sequence; /* of the slice, from 1, gapless */
    int64_t wall;      /* seconds, as the epoch read it */
    int64_t clock;     /* of the slice, after the epoch */
    /* Read: [first, next) of each partition; equal where nothing was. */
    int64_t first_offset[QTL_STREAMS];
    int64_t next_offset[QTL_STREAMS];
    uint64_t rules_version;
    uint64_t cuts_version;               /* 0: no cut points yet */
    uint64_t zones_version;              /* 0: no time zones yet */
    uint64_t shape;                      /* hash of what shapes events: consumer/shape.h */
    uint64_t state_hash;                 /* of the change: struct qtl_outcome */
    bool unfinished;                     /* deadlines up to the clock are left for the next epoch */
    bool sweep_waits;                    /* these rules are to be put to every customer still */
    const struct qtl_rejected *rejected; /* all dead letters of the slice, in any order */
    size_t rejected_count;
    const struct qtl_erasure *erasures;
    size_t erasure_count;
    /* In applied order. Written: customer_id, segment, from, to, cause, at, sequence,
     * records_before, holdout. `segment`, `from` and `to` are places in the names in force. */
    const struct qtl_transition *decisions;
    size_t decision_count;
};

/* The names of one segment and of its states, by their numbers. */
struct qtl_segment_names {
    struct qtl_text name;
    const struct qtl_text *states; /* a flag: `out`, `in` */
    size_t state_count;
};

/* What decisions refer to, in force for all epoch records behind it up to the next one. Stands in
 * each slice's partition before the first epoch record of another rules version. */
struct qtl_names_record {
    uint64_t rules_version;
    const struct qtl_segment_names *segments;
    size_t segment_count;
};

/* Appends the names to `out`. */
void qtl_epoch_record_encode_names(const struct qtl_names_record *names, struct qtl_bytes *out);

struct qtl_epoch_record_encoder {
    const struct qtl_epoch_record *record; /* borrowed until the last part */
    size_t rejected;                       /* of each list, how many are written */
    size_t erasures;
    size_t decisions;
    uint32_t part;  /* the next one */
    uint32_t parts; /* in all */
};

/* Begins a record; encoder->parts tells how many next() will give. */
void qtl_epoch_record_begin(struct qtl_epoch_record_encoder *encoder,
                            const struct qtl_epoch_record *record);

/* Appends the next part to `out`. False, and nothing appended, where there is none left. */
bool qtl_epoch_record_next(struct qtl_epoch_record_encoder *encoder, struct qtl_bytes *out);

/* The log record's key, `slice/sequence/part`, or `slice/names/version in hex`. `text` holds
 * QTL_EPOCH_RECORD_KEY_MAX bytes; what is returned borrows from it. */
struct qtl_text qtl_epoch_record_key(uint32_t slice, uint64_t sequence, uint32_t part, char *text);
struct qtl_text qtl_epoch_record_names_key(uint32_t slice, uint64_t rules_version, char *text);

#endif
