/*
 * The customer table of one slice: a record a customer in chunks, found through an index of 8-byte
 * entries. A record's number is its place; it never moves, so that timers and (later) snapshots can
 * refer to it.
 *
 *   index   -> | tag, low 32 bits of the hash | number + 1 |     open addressing, at most 3/4 full
 *   chunks  -> | record | since[segments] | next[segments] | state[segments] | id, where it fits |
 *              whole half cache lines each, 65,536 to a chunk
 *
 * Threads: the slice's owner.
 */
#ifndef QTL_SCORING_CUSTOMERS_H
#define QTL_SCORING_CUSTOMERS_H

#include "scoring/customer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_pool;
struct qtl_customers;

struct qtl_customers *qtl_customers_new(uint16_t segment_count, struct qtl_pool *pool);
void qtl_customers_free(struct qtl_customers *customers); /* NULL is fine */

/* Asks for the cache line in which find() begins. */
void qtl_customers_prefetch(const struct qtl_customers *customers, uint64_t hash);

/* Who probably has this hash, by the index alone, without touching the record; or NULL. */
struct qtl_customer *qtl_customers_guess(const struct qtl_customers *customers, uint64_t hash);

/* Whether a guess is right. */
bool qtl_customers_is(const struct qtl_customer *customer, struct qtl_text id, uint64_t hash);

/* The customer, or NULL. */
struct qtl_customer *qtl_customers_find(const struct qtl_customers *customers, struct qtl_text id,
                                        uint64_t hash);

/* A new customer with an empty book; the id must not be there yet. Times are QTL_NEVER or 0, all
 * else 0. */
struct qtl_customer *qtl_customers_add(struct qtl_customers *customers, struct qtl_text id,
                                       uint64_t hash);

/* By number, 0 .. count-1. */
struct qtl_customer *qtl_customers_at(const struct qtl_customers *customers, uint32_t number);
uint32_t qtl_customers_count(const struct qtl_customers *customers);

/* Bytes of index and records (histories are the pool's). */
size_t qtl_customers_bytes(const struct qtl_customers *customers);

#endif
