/*
 * One customer's record: its own clock, its deadline, its histories and the states of its segments.
 *
 * Threads: the slice's owner.
 */
#ifndef QTL_SCORING_CUSTOMER_H
#define QTL_SCORING_CUSTOMER_H

#include "scoring/series.h"

#include <stdint.h>

struct qtl_pool;

#define QTL_NEVER UINT32_MAX    /* a deadline that does not come */
#define QTL_STATE_CHANGED 0x80U /* in a stored state: it has changed since birth, so holds hold */
#define QTL_STATE_MASK 0x7fU

struct qtl_customer {
    struct qtl_series orders;  /* standing orders: nearly every rule looks at them */
    struct qtl_series *series; /* the others, `series_count` of them; from the pool */
    char *id;                  /* behind the states where it fits, else from the pool */
    uint64_t hash;
    uint32_t clock;    /* its own clock: never goes back */
    uint32_t deadline; /* the second at which time alone may change a rule; QTL_NEVER */
    uint32_t armed;    /* the earliest timer entry that is there for it; QTL_NEVER */
    uint32_t sequence; /* of its last transition; 0: none yet */
    uint32_t born;     /* merge second of its first record */
    uint32_t number;   /* its place in the table */
    uint8_t series_count;
    uint8_t series_capacity;
    uint8_t id_bytes;
    uint8_t reserved;
    /* Per segment when its state began; behind them uint32_t next[segments] and uint8_t
     * state[segments]. */
    uint32_t since[];
};

/* Three steps of asking for the cache lines of an evaluation; each follows pointers that the one
 * before asked for: the record, the orders and the list of the other series, their rows. */
void qtl_customer_prefetch_record(const struct qtl_customer *customer);
void qtl_customer_prefetch_series(const struct qtl_customer *customer);
void qtl_customer_prefetch_rows(const struct qtl_customer *customer);

/* Behind since[]: the second at which time alone may change each rule; QTL_NEVER. */
uint32_t *qtl_customer_next(struct qtl_customer *customer, uint16_t segment_count);

/* The stored states behind those. */
uint8_t *qtl_customer_states(struct qtl_customer *customer, uint16_t segment_count);

/* A series of the customer, or NULL; or made where it is not there. A pointer to another of its
 * series is stale after _make(). */
struct qtl_series *qtl_customer_series(const struct qtl_customer *customer, unsigned code);
struct qtl_series *qtl_customer_series_make(struct qtl_customer *customer, struct qtl_pool *pool,
                                            unsigned code);

#endif
