/*
 * See outcome.h. Arrays double and stay, so that a steady stream allocates nothing.
 */
#include "scoring/outcome.h"

#include "scoring/base/assert.h"

#include <stdlib.h>

void qtl_outcome_fini(struct qtl_outcome *outcome)
{
    free(outcome->transitions);
    free(outcome->rejects);
    qtl_arena_fini(&outcome->arena);
    *outcome = (struct qtl_outcome){0};
}

void qtl_outcome_reset(struct qtl_outcome *outcome)
{
    outcome->transition_count = 0;
    outcome->reject_count = 0;
    qtl_arena_reset(&outcome->arena);
    outcome->state_hash = 0;
    outcome->records = 0;
    outcome->deadlines = 0;
    outcome->clock = 0;
    outcome->unfinished = outcome->swept = outcome->sweep_waits = false;
}

struct qtl_transition *qtl_outcome_add_transition(struct qtl_outcome *outcome)
{
    if (outcome->transition_count == outcome->transition_capacity) {
        const size_t capacity =
            outcome->transition_capacity == 0 ? 256 : 2 * outcome->transition_capacity;
        struct qtl_transition *const grown =
            realloc(outcome->transitions, capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        outcome->transitions = grown;
        outcome->transition_capacity = capacity;
    }
    return &outcome->transitions[outcome->transition_count++];
}

void qtl_outcome_add_reject(struct qtl_outcome *outcome, struct qtl_reject reject)
{
    if (outcome->reject_count == outcome->reject_capacity) {
        const size_t capacity = outcome->reject_capacity == 0 ? 64 : 2 * outcome->reject_capacity;
        struct qtl_reject *const grown = realloc(outcome->rejects, capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        outcome->rejects = grown;
        outcome->reject_capacity = capacity;
    }
    outcome->rejects[outcome->reject_count++] = reject;
}
