/*
 * Publish: the thread that commits epochs (DESIGN 7). One transaction an epoch: the input
 * positions, the transitions, the dead letters, one epoch record a slice, and, where switched on,
 * the customers' present states. An epoch that read nothing and decided nothing is not committed.
 *
 * After the first failure it publishes nothing more: epochs still under way are taken back
 * uncommitted, and run() says what happened. The caller rebuilds.
 *
 * Threads: run() is the publish thread; the counters may be read by any.
 */
#ifndef QTL_SINKS_PUBLISH_H
#define QTL_SINKS_PUBLISH_H

#include "schemas/event.h"
#include "schemas/log.h"
#include "schemas/status.h"
#include "scoring/ledger.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_ring;
struct qtl_rules;
struct qtl_shards;

/* How transitions are written: JSON, or Avro. */
struct qtl_transition_form {
    bool is_avro;
    uint8_t framing;    /* enum qtl_framing */
    uint32_t schema_id; /* for QTL_FRAMING_CONFLUENT */
};

struct qtl_publish_settings {
    const struct qtl_rules *rules; /* borrowed, as all of these */
    struct qtl_log_writer *writer;
    const struct qtl_log_token *token; /* the reader's, captured at the assignment */
    struct qtl_shards *shards;
    struct qtl_ring *returned;  /* epochs go back there */
    struct qtl_ledger *ledgers; /* one a slice; publish owns them while it runs */
    size_t slice_count;
    struct qtl_ledger_versions versions;
    struct qtl_transition_form transitions;
    bool customers;              /* keep quintil.customers */
    void (*wake)(void *context); /* called after each epoch went back, and after a failure */
    void *context;
};

/* Written by publish, read by anyone; relaxed, each for itself. */
struct qtl_publish_counters {
    atomic_uint_fast64_t epochs; /* committed */
    atomic_uint_fast64_t records;
    atomic_uint_fast64_t transitions;
    atomic_uint_fast64_t skipped;
    atomic_uint_fast64_t dead_letters[QTL_REASON_SKIPPED + 1];
    atomic_bool failed;
};

struct qtl_publish;

struct qtl_publish *qtl_publish_new(const struct qtl_publish_settings *settings);
void qtl_publish_free(struct qtl_publish *publish); /* NULL is fine */

/* Commits epochs until the shards' input ended. OK, or why it stopped publishing. @thread publish
 */
QTL_CHECKED enum qtl_status qtl_publish_run(struct qtl_publish *publish, struct qtl_error *error);

/* @thread any */
const struct qtl_publish_counters *qtl_publish_counters(const struct qtl_publish *publish);

#endif
