/*
 * What is going to happen in a made-up shop, earliest first: a heap of happenings. Those of one
 * second come out in the order in which they were put in, so that a seed gives one order.
 *
 * Threads: belongs to one thread.
 */
#ifndef QTL_CONSUMER_AGENDA_H
#define QTL_CONSUMER_AGENDA_H

#include <stddef.h>
#include <stdint.h>

struct qtl_happening {
    int64_t at;
    uint64_t number;   /* given by push: the order within a second */
    int64_t placed_at; /* of the order it is about */
    int64_t amount_e4; /* of that order, or of the cart */
    uint32_t customer;
    uint32_t order; /* the customer's how-manieth, from 1 */
    uint32_t what;  /* the generator's own enum */
};

struct qtl_agenda {
    struct qtl_happening *heap; /* owned */
    size_t count;
    size_t capacity;
    uint64_t pushed;
};

/* All zero is an empty agenda. Stops the process where memory is out. */
void qtl_agenda_push(struct qtl_agenda *agenda, struct qtl_happening happening);
/* The earliest; NULL when empty. Valid until the next push or pop. */
const struct qtl_happening *qtl_agenda_first(const struct qtl_agenda *agenda);
/* Takes the earliest out; the agenda must not be empty. */
struct qtl_happening qtl_agenda_pop(struct qtl_agenda *agenda);
void qtl_agenda_fini(struct qtl_agenda *agenda);

#endif
