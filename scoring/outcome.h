/*
 * What one slice makes of one epoch: transitions, rejected records, and a hash of the change.
 * Filled by the slice, read by the publisher, used again for a later epoch.
 *
 * Threads: one at a time; handed on through a ring.
 */
#ifndef QTL_SCORING_OUTCOME_H
#define QTL_SCORING_OUTCOME_H

#include "schemas/event.h"
#include "schemas/transition.h"
#include "scoring/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record that the slice itself refused: a dead letter. */
struct qtl_reject {
    const struct qtl_event *event;
    enum qtl_reason reason;
};

struct qtl_outcome {
    struct qtl_transition *transitions; /* in applied order */
    size_t transition_count;
    size_t transition_capacity;
    struct qtl_reject *rejects;
    size_t reject_count;
    size_t reject_capacity;
    struct qtl_arena arena; /* ids and evidence of the transitions */
    uint64_t state_hash;    /* of every record booked and decision made, in applied order */
    uint32_t records;       /* booked */
    uint32_t deadlines;     /* fired */
    int64_t clock;          /* the slice's, after the epoch */
    bool unfinished;        /* deadlines up to the epoch's clock are left for the next */
    bool swept;             /* every customer was evaluated again, under other rules */
    bool sweep_waits;       /* that is still to be done */
};

void qtl_outcome_fini(struct qtl_outcome *outcome);

/* Empties it; memory stays. */
void qtl_outcome_reset(struct qtl_outcome *outcome);

/* Room for one more; its fields are the caller's to fill. */
struct qtl_transition *qtl_outcome_add_transition(struct qtl_outcome *outcome);
void qtl_outcome_add_reject(struct qtl_outcome *outcome, struct qtl_reject reject);

/* Mixes a word into the hash of the change. Every bit of the word and all that came before reach
 * every bit of the hash within three words; it guards against mistakes, not against malice. */
static inline void qtl_outcome_mix(struct qtl_outcome *outcome, uint64_t word)
{
    const uint64_t mixed = (outcome->state_hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    outcome->state_hash = mixed ^ mixed >> 29;
}

#endif
