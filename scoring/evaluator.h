/*
 * Evaluates a condition for one customer at one second: its truth *and how long that stays so*
 * (DESIGN 5). Integer arithmetic only.
 *
 * Threads: any number at a time; an evaluator is immutable once made.
 */
#ifndef QTL_SCORING_EVALUATOR_H
#define QTL_SCORING_EVALUATOR_H

#include "scoring/comparison.h"
#include "scoring/metric.h"
#include "scoring/rules.h"

#include <stdint.h>

struct qtl_evaluator;

struct qtl_evaluator *qtl_evaluator_new(const struct qtl_rules *rules); /* rules borrowed */
void qtl_evaluator_free(struct qtl_evaluator *evaluator);               /* NULL is fine */

/* The truth of the condition whose root is the rules' node `index`. */
struct qtl_verdict qtl_evaluator_condition(const struct qtl_evaluator *evaluator,
                                           const struct qtl_view *view, uint16_t index);

#endif
