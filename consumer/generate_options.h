/*
 * The command line of `quintil generate`, read and checked.
 */
#ifndef QTL_CONSUMER_GENERATE_OPTIONS_H
#define QTL_CONSUMER_GENERATE_OPTIONS_H

#include "consumer/config.h"

#include <stdbool.h>
#include <stdint.h>

struct qtl_generate_options {
    const char *out;        /* folder of files; NULL: none */
    const char *data;       /* folder of a local log; NULL: none */
    bool has_config;        /* the log of the configuration. One of the three is given */
    const char *ready_file; /* made once the history is written; NULL: none */
    bool ndjson;
    bool live;
    uint32_t customers;
    int64_t days;
    uint64_t seed;
    int64_t start;
    int32_t partitions; /* 0: the log's own */
    double speed;       /* 0: all at once */
    int64_t for_s;      /* 0: until the end, or for ever */
};

/* `config` is initialised, and the caller's. False: the process is to end with *code; help or a
 * sentence has been printed. */
bool qtl_generate_options_parse(struct qtl_generate_options *options, struct qtl_config *config,
                                int argc, char **argv, int *code);

#endif
