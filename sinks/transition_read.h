/*
 * The other way round: what quintil.transitions and quintil.customers hold, back into fields, for
 * the sinks that are fed from committed transitions. The one place that knows the forms they have
 * on the wire: JSON here, Avro in transition_avro_read.c.
 *
 * Threads: a reader belongs to one thread.
 */
#ifndef QTL_SINKS_TRANSITION_READ_H
#define QTL_SINKS_TRANSITION_READ_H

#include "schemas/status.h"
#include "schemas/text.h"

#include <stdint.h>

struct qtl_arena;

struct qtl_transition_pair {
    struct qtl_text name;
    struct qtl_text value; /* texts decoded; numbers, true and false as they are written */
};

/* Texts that are absent have length 0. All of them live in the document and the arena. */
struct qtl_transition_fields {
    struct qtl_text id;
    struct qtl_text customer_id;
    struct qtl_text segment;
    struct qtl_text from;
    struct qtl_text to;
    struct qtl_text at;
    struct qtl_text cause;
    uint32_t sequence;
    const struct qtl_transition_pair *pairs; /* evidence, or the segments of a state */
    uint32_t pair_count;
};

struct qtl_transition_read;

struct qtl_transition_read *qtl_transition_read_new(void);
void qtl_transition_read_free(struct qtl_transition_read *read); /* NULL is fine */

/* A record of quintil.transitions, in JSON or in Avro. MALFORMED where it is none, or customer,
 * sequence, segment or time are missing. `document` must live as long as the fields are used, and
 * the arena be left alone. */
QTL_CHECKED enum qtl_status qtl_transition_read_change(struct qtl_transition_read *read,
                                                       struct qtl_text document,
                                                       struct qtl_arena *arena,
                                                       struct qtl_transition_fields *fields);

/* A record of quintil.customers: customer_id, sequence, at, and the segments as pairs. */
QTL_CHECKED enum qtl_status qtl_transition_read_state(struct qtl_transition_read *read,
                                                      struct qtl_text document,
                                                      struct qtl_arena *arena,
                                                      struct qtl_transition_fields *fields);

#endif
