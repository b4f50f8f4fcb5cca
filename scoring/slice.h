/*
 * A slice: the state of one input partition's customers. Single owner, the unit of parallelism, of
 * recovery and of movement. Applies an epoch's records in the order of the merge, fires deadlines,
 * and says what changed. Pure: no clock, no I/O.
 *
 * Threads: one owner at a time (a shard, or recovery before the shards start).
 */
#ifndef QTL_SCORING_SLICE_H
#define QTL_SCORING_SLICE_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "schemas/transition.h"
#include "scoring/customers.h"
#include "scoring/outcome.h"
#include "scoring/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QTL_DEADLINES_MAX 65536 /* fired in one epoch: RECOVERY, Epoch record */

struct qtl_slice;

struct qtl_slice_settings {
    const struct qtl_rules *rules; /* borrowed for the slice's life */
    int64_t duplicate_horizon_s;   /* of engagement; 600 by default */
};

/* One epoch's input of one slice. */
struct qtl_slice_input {
    /* Per stream, in the order of their offsets; merge_second is set by apply(). */
    struct qtl_event *const *events[QTL_STREAMS];
    size_t counts[QTL_STREAMS];
    int64_t wall;           /* the epoch's wall reading: stamps ahead of it are not believed */
    int64_t clock;          /* fire deadlines up to here; the slice's clock never goes back */
    uint32_t deadlines_max; /* QTL_DEADLINES_MAX, or fewer in tests */
    bool is_live;           /* all partitions are read to their ends: the clock is the wall's */
    bool has_read;          /* offsets moved, if only over dead letters: there will be a record */
};

struct qtl_slice *qtl_slice_new(const struct qtl_slice_settings *settings);
void qtl_slice_free(struct qtl_slice *slice); /* NULL is fine */

/* Applies one epoch. `outcome` must be reset; its texts live until its next reset. */
void qtl_slice_apply(struct qtl_slice *slice, const struct qtl_slice_input *input,
                     struct qtl_outcome *outcome);

/* Recovery: books the epoch's records and takes the states from `decisions` (in applied order, with
 * records_before) instead of evaluating. MALFORMED where a decision names a customer that the input
 * did not bring. The outcome's hash can be compared with the one recorded. */
enum qtl_status qtl_slice_replay(struct qtl_slice *slice, const struct qtl_slice_input *input,
                                 const struct qtl_transition *decisions, size_t decision_count,
                                 struct qtl_outcome *outcome);

/* Recovery: what fell due up to the slice's clock has fired, or shall fire no more: the last
 * replayed epoch left nothing over, or other rules come into force now. */
void qtl_slice_settle(struct qtl_slice *slice);

/* After the last replayed epoch: sets every customer's deadline anew. What epochs since settle()
 * left over falls due again. */
void qtl_slice_rearm(struct qtl_slice *slice);

/* The rules are others than those that decided so far: at the first live second every customer is
 * evaluated again, cause `rules`. Its epoch's outcome says `swept`; those before it `sweep_waits`.
 */
void qtl_slice_request_sweep(struct qtl_slice *slice);

/* The slice's clock: what a record's merge second cannot be below. */
int64_t qtl_slice_clock(const struct qtl_slice *slice);

/* For final states: metrics of a customer at `second`; see segments.h. */
void qtl_slice_read_metrics(struct qtl_slice *slice, struct qtl_customer *customer, int64_t second,
                            void (*visit)(void *context, uint16_t metric, int64_t value),
                            void *context);

/* By number, 0 .. count-1, in the order of their births. */
uint32_t qtl_slice_customer_count(const struct qtl_slice *slice);
struct qtl_customer *qtl_slice_customer(const struct qtl_slice *slice, uint32_t number);
/* By id, or NULL. */
struct qtl_customer *qtl_slice_find(const struct qtl_slice *slice, struct qtl_text id,
                                    uint64_t hash);

/* Bytes held. */
size_t qtl_slice_bytes(const struct qtl_slice *slice);

struct qtl_slice_counters {
    uint64_t duplicates;
    uint64_t unmatched_cancellations;
    uint64_t forgotten_event_ids;
    uint64_t forgotten_cancellations;
};
struct qtl_slice_counters qtl_slice_counters(const struct qtl_slice *slice);

#endif
