/*
 * The command line of `quintil run`.
 *
 * Threads: main.
 */
#ifndef QTL_CONSUMER_RUN_OPTIONS_H
#define QTL_CONSUMER_RUN_OPTIONS_H

#include "consumer/config.h"

#include <stdbool.h>

struct qtl_run_options {
    bool drain;              /* end once everything that is there is read and committed */
    bool quiet;              /* only errors on standard error */
    bool offsets_from_state; /* take the last records' offsets where the group has none any more */
};

/* Parses into options and configuration. False where there is nothing to run: `code` is then the
 * exit code, help or the error was printed, and the configuration is finished already. */
bool qtl_run_options_parse(struct qtl_run_options *options, struct qtl_config *config, int argc,
                           char **argv, int *code);

#endif
