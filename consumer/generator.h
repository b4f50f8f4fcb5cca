/*
 * A made-up shop: customers join, buy as in the Pareto/NBD model, pay as in the gamma-gamma model
 * (both with the parameters published for CDNOW), and do around it what customers do: get e-mail,
 * open it, look around, fill carts and leave some of them, cancel, change and send back orders.
 * What `quintil generate` writes. Pure: no clock, no files; the same settings give the same events.
 *
 * Events come in the order of their time. Memory: some 200 bytes a customer.
 *
 * Threads: a generator belongs to one thread.
 */
#ifndef QTL_CONSUMER_GENERATOR_H
#define QTL_CONSUMER_GENERATOR_H

#include "schemas/event.h"

#include <stdbool.h>
#include <stdint.h>

struct qtl_generator;

struct qtl_generator_settings {
    uint64_t seed;
    uint32_t customers; /* who join, spread evenly, from start up to end */
    int64_t start;      /* the first second */
    int64_t end;        /* no event is at or after it, unless endless */
    bool endless;       /* goes on after end: the same customers, and new ones at the same pace */
};

struct qtl_generator *qtl_generator_new(const struct qtl_generator_settings *settings);
void qtl_generator_free(struct qtl_generator *generator); /* NULL is fine */

/* The next event; false at the end. The texts are borrowed until the next call; the hashes are not
 * set. */
bool qtl_generator_next(struct qtl_generator *generator, struct qtl_event *event);

/* Customers who have joined so far. */
uint32_t qtl_generator_customers(const struct qtl_generator *generator);

#endif
