/*
 * One evaluation of a customer (DESIGN 5): every rule once, in the rules' order; which flags enter
 * and leave, what a hold protects, and the transitions that come of it. Ladders come here, beside
 * the flags.
 *
 * Threads: the slice's owner; a `struct qtl_segments` belongs to one slice.
 */
#ifndef QTL_SCORING_SEGMENTS_H
#define QTL_SCORING_SEGMENTS_H

#include "schemas/event.h"
#include "schemas/transition.h"
#include "scoring/customer.h"
#include "scoring/outcome.h"
#include "scoring/rules.h"

#include <stdbool.h>
#include <stdint.h>

struct qtl_segments;

struct qtl_segments *qtl_segments_new(const struct qtl_rules *rules); /* rules borrowed */
void qtl_segments_free(struct qtl_segments *segments);                /* NULL is fine */

/* A new customer's states begin at `second`: flags `out`. */
void qtl_segments_begin(const struct qtl_segments *segments, struct qtl_customer *customer,
                        int64_t second);

/* Evaluates every rule at `second`; changes states, adds transitions, sets the customer's deadline
 * (not its timer). `event` is the cause's, NULL for the clock. Returns how many transitions. */
unsigned qtl_segments_evaluate(struct qtl_segments *segments, struct qtl_customer *customer,
                               int64_t second, enum qtl_cause cause, const struct qtl_event *event,
                               struct qtl_outcome *outcome);

/* Recovery: takes one decision as it was recorded. */
void qtl_segments_take(const struct qtl_segments *segments, struct qtl_customer *customer,
                       const struct qtl_transition *decision, struct qtl_outcome *outcome);

/* Recovery: the deadline that the rules give at `second`, without deciding anything. */
void qtl_segments_rearm(struct qtl_segments *segments, struct qtl_customer *customer,
                        int64_t second);

/* For final states: the readings of the rules' metrics for a customer at `second`. `visit` is
 * called for each defined one, in the order of the rules' metric table. */
void qtl_segments_read_metrics(struct qtl_segments *segments, struct qtl_customer *customer,
                               int64_t second,
                               void (*visit)(void *context, uint16_t metric, int64_t value),
                               void *context);

#endif
