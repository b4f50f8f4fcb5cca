/*
 * The order in which segments are evaluated: that of the file, except that one comes after those it
 * names by in() or dwell(). A part of scoring/rule_builder.c.
 *
 * Threads: none of its own; allocates nothing but sentences of problems.
 */
#ifndef QTL_SCORING_RULE_ORDER_H
#define QTL_SCORING_RULE_ORDER_H

#include "scoring/problems.h"
#include "scoring/rules.h"

/* Writes the segments' places into `order` (segment_count of them). places[s][e] is where segment s
 * first mentions the metric evidence[e]; there a circle is reported, with the names on it. */
void qtl_rule_order_find(const struct qtl_rules *rules, struct qtl_place *const *places,
                         struct qtl_problems *problems, uint16_t *order);

#endif
