/*
 * The command line of a benchmark: `--name value` pairs from one table, with a help made of it.
 *
 * Threads: main.
 */
#ifndef QTL_BENCH_OPTIONS_H
#define QTL_BENCH_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/* One of `text` and `number` is set: where the value goes, and what stands there is the default. */
struct qtl_option {
    const char *name; /* without the dashes */
    const char **text;
    uint64_t *number;
    const char *meaning;
};

/* Fills in what the command line says. Ends the process: with 0 after `--help`, with 2 and a
 * sentence where something is wrong. The texts are borrowed from argv. */
void qtl_options_parse(const struct qtl_option *options, size_t count, int argc, char **argv);

#endif
