/*
 * A load for the scoring core alone: one slice, so many customers, each with the same number of
 * orders and of engagement before the clock starts, then events for customers chosen at random, all
 * equally likely. Events are made outside what is timed, as ingest makes them on another thread.
 *
 * Threads: main.
 */
#ifndef QTL_BENCH_LOAD_H
#define QTL_BENCH_LOAD_H

#include "scoring/rules.h"

#include <stdbool.h>
#include <stdint.h>

struct qtl_load_settings {
    const struct qtl_rules *rules; /* borrowed; must know email_open, page_view and cart_add */
    uint32_t customers;
    uint32_t orders;     /* of each customer before the measurement */
    uint32_t engagement; /* the same */
    uint32_t epoch_records;
    bool has_ids; /* engagement comes with event_id */
};

struct qtl_load_result {
    uint64_t events;
    uint64_t elapsed_ns; /* in qtl_slice_apply(), by the wall */
    uint64_t cpu_ns;     /* the same, of processor time: what counts where others run beside it */
    uint64_t transitions;
    uint64_t deadlines;
    uint64_t seconds; /* of the shop's time that went by */
};

struct qtl_load;

struct qtl_load *qtl_load_new(const struct qtl_load_settings *settings);
void qtl_load_free(struct qtl_load *load); /* NULL is fine */

/* Every customer's history, in time order over 300 days. */
struct qtl_load_result qtl_load_fill(struct qtl_load *load);

/* `events` more at the same rate, for random customers; a third are orders. */
struct qtl_load_result qtl_load_measure(struct qtl_load *load, uint64_t events);

/* What the slice says that it holds. */
uint64_t qtl_load_slice_bytes(const struct qtl_load *load);

#endif
