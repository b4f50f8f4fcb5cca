/*
 * A transition: one change of one segment for one customer (DESIGN 6). What scoring/ makes and
 * sinks/ tell the world.
 *
 * Ownership: texts and evidence are borrowed from the epoch that carries the transition.
 */
#ifndef QTL_SCHEMAS_TRANSITION_H
#define QTL_SCHEMAS_TRANSITION_H

#include "schemas/text.h"

#include <stdbool.h>
#include <stdint.h>

enum qtl_cause {
#define QTL_CAUSE(name, text) QTL_CAUSE_##name,
#include "schemas/causes.def"
#undef QTL_CAUSE
};

/* A metric the rule names, at the second of evaluation. Undefined ones are left out of the list. */
struct qtl_evidence {
    uint16_t metric; /* place in the rules' metrics, which know its text and type */
    int64_t value;   /* ten-thousandths, seconds, or 0/1, as the type says */
};

struct qtl_transition {
    struct qtl_text customer_id;
    struct qtl_text cause_event_id; /* length 0: absent */
    const struct qtl_evidence *evidence;
    const uint8_t *states; /* of every segment after this evaluation, in the rules' order */
    uint64_t id_high;      /* qtl_hash_128 over what DESIGN 6 names; see scoring/transition_id.h */
    uint64_t id_low;
    int64_t at;
    uint32_t sequence;       /* per customer, from 1, gapless */
    uint32_t records_before; /* of its slice booked in this epoch before this change */
    uint16_t segment;        /* place in the rules' segments */
    uint8_t from;
    uint8_t to;
    uint8_t cause; /* enum qtl_cause */
    uint16_t evidence_count;
    bool holdout;
};

#endif
