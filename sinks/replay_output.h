/*
 * The output of a replay: transitions as NDJSON, ordered by (at, customer id as bytes, sequence),
 * whatever epochs and slices they come from (DESIGN 3). What may still get company at its second is
 * held back.
 *
 * Threads: main.
 */
#ifndef QTL_SINKS_REPLAY_OUTPUT_H
#define QTL_SINKS_REPLAY_OUTPUT_H

#include "schemas/status.h"
#include "scoring/epoch.h"

#include <stdint.h>
#include <stdio.h>

struct qtl_rules;
struct qtl_replay_output;

/* `out` and `rules` are borrowed. */
struct qtl_replay_output *qtl_replay_output_new(FILE *out, const struct qtl_rules *rules);
void qtl_replay_output_free(struct qtl_replay_output *output); /* NULL is fine */

/* Takes an epoch's transitions; writes those before second `complete`, of which no more will come.
 * IO where writing fails. */
QTL_CHECKED enum qtl_status qtl_replay_output_write(struct qtl_replay_output *output,
                                                    const struct qtl_epoch *epoch, int64_t complete,
                                                    struct qtl_error *error);

/* Writes what is held back and flushes. */
QTL_CHECKED enum qtl_status qtl_replay_output_finish(struct qtl_replay_output *output,
                                                     struct qtl_error *error);

/* Transitions written so far. */
uint64_t qtl_replay_output_count(const struct qtl_replay_output *output);

/* One line a customer of its final state, sorted by customer id as bytes. */
QTL_CHECKED enum qtl_status qtl_replay_output_states(FILE *out, const struct qtl_rules *rules,
                                                     struct qtl_slice **slices, size_t slice_count,
                                                     int64_t second, struct qtl_error *error);

#endif
