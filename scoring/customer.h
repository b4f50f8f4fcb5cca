/*
 * The customer table of one slice: a record a customer in chunks, found through an index of 8-byte
 * entries. A record's number is its place; it never moves, so that timers and (later) snapshots can
 * refer to it.
 *
 *   index   -> | tag, low 32 bits of the hash | number + 1 |     open addressing, at most 3/4 full
 *   chunks  -> | record | since[segments] | state[segments] |    2,048 to a chunk
 *
 * Threads: the slice's owner.
 */
#ifndef QTL_SCORING_CUSTOMER_H
#define QTL_SCORING_CUSTOMER_H

#include "schemas/text.h"
#include "scoring/series.h"

#include <stddef.h>
#include <stdint.h>

struct qtl_pool;

#define QTL_NEVER UINT32_MAX      /* a deadline that does not come */
#define QTL_STATE_CHANGED 0x80U   /* in a stored state: it has changed since birth, so holds hold */
#define QTL_STATE_MASK 0x7fU

struct qtl_customer {
    struct qtl_series orders;  /* standing orders: nearly every rule looks at them */
    struct qtl_series *series; /* the others, `series_count` of them; from the pool */
    char *id;                  /* from the pool */
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
    uint32_t since[]; /* per segment: when its state began; behind them uint8_t state[segments] */
};

struct qtl_customers;

struct qtl_customers *qtl_customers_new(uint16_t segment_count, struct qtl_pool *pool);
void qtl_customers_free(struct qtl_customers *customers); /* NULL is fine */

/* Asks for the cache lines that find() will touch. */
void qtl_customers_prefetch_index(const struct qtl_customers *customers, uint64_t hash);
void qtl_customers_prefetch_record(const struct qtl_customers *customers, uint64_t hash);
void qtl_customers_prefetch_history(const struct qtl_customers *customers, uint64_t hash);

/* The customer, or NULL. */
struct qtl_customer *qtl_customers_find(const struct qtl_customers *customers, struct qtl_text id,
                                        uint64_t hash);

/* A new customer; the id must not be there yet. Times are QTL_NEVER or 0, all else 0. */
struct qtl_customer *qtl_customers_add(struct qtl_customers *customers, struct qtl_text id,
                                       uint64_t hash);

/* By number, 0 .. count-1. */
struct qtl_customer *qtl_customers_at(const struct qtl_customers *customers, uint32_t number);
uint32_t qtl_customers_count(const struct qtl_customers *customers);

/* The stored states behind since[]. */
uint8_t *qtl_customer_states(struct qtl_customer *customer, uint16_t segment_count);

/* A series of the customer, or NULL; or made where it is not there. A pointer to another of its
 * series is stale after _make(). */
struct qtl_series *qtl_customer_series(const struct qtl_customer *customer, unsigned code);
struct qtl_series *qtl_customer_series_make(struct qtl_customer *customer, struct qtl_pool *pool,
                                            unsigned code);

/* Bytes of index and records (histories are the pool's). */
size_t qtl_customers_bytes(const struct qtl_customers *customers);

#endif
