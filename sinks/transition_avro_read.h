/*
 * A transition in Avro (schemas/transition.avsc, transition_avro.h) back into the fields that
 * transition_read.h makes of the JSON form: the same texts for the same transition.
 *
 * Threads: any; nothing is kept.
 */
#ifndef QTL_SINKS_TRANSITION_AVRO_READ_H
#define QTL_SINKS_TRANSITION_AVRO_READ_H

#include "sinks/transition_read.h"

#include <stdbool.h>

/* Whether a record of quintil.transitions is in Avro, in any framing: JSON begins with a brace,
 * which no framing and no bare record (its first byte says that an id of 32 digits follows) does.
 */
bool qtl_transition_avro_read_is(struct qtl_text document);

/* MALFORMED where the bytes are none. Texts are borrowed from the document and the arena. */
QTL_CHECKED enum qtl_status qtl_transition_avro_read(struct qtl_text document,
                                                     struct qtl_arena *arena,
                                                     struct qtl_transition_fields *fields);

#endif
