/*
 * The expression language (DESIGN 5): text -> nodes and metrics of a rule set. Called by
 * scoring/rule_builder.c when all kinds and segments are known, so that names resolve at once,
 * those of segments further down the file too.
 *
 * Threads: a context belongs to one thread.
 */
#ifndef QTL_SCORING_EXPRESSION_H
#define QTL_SCORING_EXPRESSION_H

#include "scoring/lexer.h"
#include "scoring/problems.h"
#include "scoring/rules.h"

/* The most nodes of one expression: bounds the depth of a long chain of `or`, which nests to the
 * left, for whoever walks the tree. */
#define QTL_EXPRESSION_NODES_MAX 1024

/* A metric that the present rule names, where it does so first. */
struct qtl_mention {
    uint16_t metric;
    struct qtl_place place;
};

struct qtl_expression_context {
    /* Borrowed. Kinds, retention and names of segments are set; `nodes` and `metrics` have room for
     * QTL_NODES_MAX and QTL_METRICS_MAX and are appended to. */
    struct qtl_rules *rules;
    struct qtl_problems *problems; /* borrowed */
    /* Distinct, in the order of the text; the caller empties it before each rule. */
    struct qtl_mention mentions[QTL_METRICS_MAX];
    uint16_t mention_count;
};

/* Parses a condition. Returns its root, or QTL_NODE_NONE after having reported at least one
 * problem. The nodes of one expression are neighbours, operands before their operator. */
uint16_t qtl_expression_parse(struct qtl_expression_context *context,
                              const struct qtl_source *source);

#endif
