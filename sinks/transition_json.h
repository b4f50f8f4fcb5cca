/*
 * A transition as one line of JSON (DESIGN 6): the form on the wire, in files and on standard
 * output.
 *
 * Threads: any; a buffer belongs to its caller.
 */
#ifndef QTL_SINKS_TRANSITION_JSON_H
#define QTL_SINKS_TRANSITION_JSON_H

#include "schemas/transition.h"
#include "sinks/json_write.h"

struct qtl_rules;

/* What is stamped at publication and is no part of what "byte-identical" means. */
struct qtl_publication {
    int64_t detected_at; /* seconds */
    uint64_t epoch;
};

/* Appends the transition without a line end. `publication` NULL (a replay) leaves its fields out.
 */
void qtl_transition_json(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                         const struct qtl_transition *transition,
                         const struct qtl_publication *publication);

/* A metric's value as its type asks: decimal, seconds, instant, true or false. */
void qtl_transition_json_metric(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                                uint16_t metric, int64_t value);

/* The cause's text, e.g. "clock". Static. */
const char *qtl_transition_json_cause(enum qtl_cause cause);

#endif
