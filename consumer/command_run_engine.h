/*
 * One life of the engine of `quintil run`: from recovery to the last commit, on a log that is open
 * and slices that are ours.
 *
 * Threads: main; it starts the others and waits for them.
 */
#ifndef QTL_CONSUMER_COMMAND_RUN_ENGINE_H
#define QTL_CONSUMER_COMMAND_RUN_ENGINE_H

#include "schemas/status.h"

#include <stdbool.h>
#include <stdint.h>

struct qtl_command_run_log;
struct qtl_rules;
struct qtl_run_options;

/* How one life went. */
struct qtl_command_run_life {
    bool asked;      /* a signal asked for its end */
    bool started;    /* it got as far as starting the stages */
    bool revoked;    /* it ended because slices were revoked, with all committed */
    uint64_t epochs; /* committed */
};

/* Recovers, runs until something ends it, and frees all but the log. Signals must be blocked. */
QTL_CHECKED enum qtl_status qtl_command_run_engine_live(struct qtl_command_run_log *log,
                                                        const struct qtl_rules *rules,
                                                        const struct qtl_run_options *options,
                                                        struct qtl_command_run_life *life,
                                                        struct qtl_error *error);

#endif
