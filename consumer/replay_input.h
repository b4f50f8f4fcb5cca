/*
 * The input of a replay: every record of the files, in memory, in the order (second, stream, line)
 * of DESIGN 3. Bad records are counted by reason and, where asked, handed to a callback.
 *
 * Threads: main.
 */
#ifndef QTL_CONSUMER_REPLAY_INPUT_H
#define QTL_CONSUMER_REPLAY_INPUT_H

#include "consumer/record_file.h"
#include "schemas/event.h"
#include "schemas/status.h"
#include "scoring/base/arena.h"

#include <stddef.h>
#include <stdint.h>

struct qtl_config;
struct qtl_rules;

/* A record that cannot be used. @thread main */
typedef void (*qtl_replay_bad_record)(void *context, const char *path,
                                      const struct qtl_file_record *record);

struct qtl_replay_input {
    /* Set by the caller before the first file. */
    const struct qtl_rules *rules;   /* borrowed: the kinds */
    const struct qtl_config *config; /* borrowed: the mapping */
    enum qtl_record_format format;
    qtl_replay_bad_record bad;
    void *context;             /* bad's */
    struct qtl_event **events; /* sorted once sort() was called */
    size_t count;
    uint64_t reasons[QTL_REASON_SKIPPED + 1]; /* bad records by reason */
    /* private to replay_input.c */
    struct qtl_arena arena;
    size_t capacity;
    uint64_t lines[QTL_STREAMS]; /* records seen a stream: lines count on through its files */
};

/* Starts as zeros, with the first five fields set. */
void qtl_replay_input_fini(struct qtl_replay_input *input);

/* Adds a file's records. @thread main */
QTL_CHECKED enum qtl_status qtl_replay_input_add(struct qtl_replay_input *input, const char *path,
                                                 enum qtl_stream stream, struct qtl_error *error);

/* Sorts; gives profile records without a time the first second of the whole input. */
void qtl_replay_input_sort(struct qtl_replay_input *input);

#endif
