/*
 * `name(arguments)` in an expression: looks the function up in schemas/metrics.def, checks subject
 * and window, and finds or makes the metric in the rule set. A part of scoring/expression.c's
 * grammar in a file of its own.
 */
#ifndef QTL_SCORING_METRIC_CALL_H
#define QTL_SCORING_METRIC_CALL_H

#include "scoring/expression.h"

#define QTL_METRIC_UNKNOWN UINT16_MAX

/* The lexer stands on the name and is left behind the closing parenthesis. False: the text cannot
 * be read on. True: `*metric` is the metric's place, or QTL_METRIC_UNKNOWN where something is wrong
 * with it; both were reported. */
bool qtl_metric_call_parse(struct qtl_expression_context *context, struct qtl_lexer *lexer,
                           uint16_t *metric);

/* A window as users write it, in the largest unit that divides it: `14d`, `90m`. Returns its
 * length; `text` holds 32 bytes. */
int qtl_metric_call_duration(int64_t seconds, char *text);

#endif
