/*
 * Evaluates an expression for one customer at one second: its value *and how long that value stays
 * so* (DESIGN 5). Integer arithmetic only.
 *
 * Threads: the slice's owner; an evaluator belongs to one slice.
 */
#ifndef QTL_SCORING_EVALUATOR_H
#define QTL_SCORING_EVALUATOR_H

#include "scoring/metric.h"
#include "scoring/rules.h"

#include <stdbool.h>
#include <stdint.h>

/* A condition's truth, and the first later second at which time alone may change it. */
struct qtl_verdict {
    int64_t next;
    bool holds;
};

struct qtl_evaluator;

struct qtl_evaluator *qtl_evaluator_new(const struct qtl_rules *rules); /* rules borrowed */
void qtl_evaluator_free(struct qtl_evaluator *evaluator);               /* NULL is fine */

/* Points the evaluator at a customer and second; what it read before is forgotten. `view` is
 * borrowed until the next call. */
void qtl_evaluator_begin(struct qtl_evaluator *evaluator, const struct qtl_view *view);

/* The truth of a condition. */
struct qtl_verdict qtl_evaluator_condition(struct qtl_evaluator *evaluator, uint16_t index);

/* The reading of one of the rules' metrics; computed once between two begins. in() and dwell() are
 * read anew each time: states change within an evaluation. */
const struct qtl_reading *qtl_evaluator_metric(struct qtl_evaluator *evaluator, uint16_t metric);

#endif
