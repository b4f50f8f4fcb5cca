/*
 * The command line of `quintil replay`.
 *
 * Threads: main.
 */
#ifndef QTL_CONSUMER_REPLAY_OPTIONS_H
#define QTL_CONSUMER_REPLAY_OPTIONS_H

#include "consumer/config.h"
#include "consumer/record_file.h"
#include "schemas/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_replay_file {
    const char *path;
    enum qtl_stream stream;
};

struct qtl_replay_options {
    struct qtl_config config;      /* mapping, base currency, horizon; all else is not looked at */
    const char *rules;             /* --rules, else the configuration's */
    struct qtl_replay_file *files; /* in command-line order */
    size_t file_count;
    const char *output; /* NULL: standard output */
    const char *state;  /* NULL: none */
    int64_t to;         /* QTL_TIME_ABSENT: the last event's second */
    enum qtl_record_format format;
    size_t shards;
    size_t slices;
    size_t epoch_records;
};

/* Parses; the texts are argv's. False where there is nothing to run: `code` is then the exit code,
 * and help or the error was printed. Call fini only after true. */
bool qtl_replay_options_parse(struct qtl_replay_options *options, int argc, char **argv, int *code);
void qtl_replay_options_fini(struct qtl_replay_options *options);

#endif
