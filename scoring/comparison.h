/*
 * A comparison of a metric with a constant, prepared once for all evaluations: its truth, and the
 * second at which time alone changes it (DESIGN 5). Nearly every term of nearly every rule is one.
 *
 * Threads: the slice's owner. Nothing here changes anything but the comparison that is prepared.
 */
#ifndef QTL_SCORING_COMPARISON_H
#define QTL_SCORING_COMPARISON_H

#include "scoring/metric.h"
#include "scoring/rules.h"

#include <stdbool.h>
#include <stdint.h>

/* A condition's truth, and the first later second at which time alone may change it, or an earlier
 * one up to which it certainly does not; QTL_FOREVER. */
struct qtl_verdict {
    int64_t next;
    bool holds;
};

struct qtl_comparison {
    const struct qtl_metric *metric; /* borrowed */
    const struct qtl_metric *other; /* borrowed: instead of the constant, where both are instants */
    int64_t constant;
    int64_t rows;     /* of a count: so many make it true */
    int64_t window_s; /* the metric's */
    uint8_t way;      /* how it is decided: comparison.c */
    uint8_t op;       /* enum qtl_op */
    uint8_t code;     /* of the series that it looks at */
    uint8_t column;
    bool is_opposite; /* the answer is the opposite of `op`'s */
};

/* `metric OP constant`; `op` is one of the six comparisons. */
struct qtl_comparison qtl_comparison_prepare(const struct qtl_metric *metric, enum qtl_op op,
                                             int64_t constant);

/* `left OP right`, both of them instants. */
struct qtl_comparison qtl_comparison_prepare_instants(const struct qtl_metric *left, enum qtl_op op,
                                                      const struct qtl_metric *right);

struct qtl_verdict qtl_comparison_decide(const struct qtl_comparison *comparison,
                                         const struct qtl_view *view);

/* Truth of a comparison of two numbers, durations or instants. */
static inline bool qtl_comparison_holds(enum qtl_op op, int64_t left, int64_t right)
{
    /* For each operator: is it true where left is smaller (1), equal (2), greater (4)? */
    static const uint8_t truths[] = {
        [QTL_OP_GREATER] = 4,    [QTL_OP_GREATER_EQUAL] = 6, [QTL_OP_LESS] = 1,
        [QTL_OP_LESS_EQUAL] = 3, [QTL_OP_EQUAL] = 2,         [QTL_OP_NOT_EQUAL] = 5,
    };
    const unsigned order = 1U + (left > right) - (left < right);
    return (truths[op] >> order & 1U) != 0;
}

#endif
