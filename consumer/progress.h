/*
 * Progress of long work on standard error, when that is a terminal: how many, how fast, how far and
 * how long yet. Says nothing otherwise, so that logs and pipes stay clean.
 *
 * Threads: belongs to one thread.
 */
#ifndef QTL_CONSUMER_PROGRESS_H
#define QTL_CONSUMER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct qtl_progress {
    const char *what; /* borrowed: "replay: events" */
    int64_t begun_ms;
    int64_t said_ms;
    uint32_t skipped; /* calls since the clock was read last */
    bool on;
};

void qtl_progress_start(struct qtl_progress *progress, const char *what);

/* May be called for every record: reads the clock once in 1,024 calls and writes at most five times
 * a second. `part_done` of `part_all` is how far it is, in any unit; part_all 0: unknown. */
void qtl_progress_step(struct qtl_progress *progress, uint64_t count, uint64_t part_done,
                       uint64_t part_all);

/* Writes now what step() would write some time, for work that makes few steps. */
void qtl_progress_say(struct qtl_progress *progress, uint64_t count, uint64_t part_done,
                      uint64_t part_all);

/* Removes the line. Call it before anything else is written to standard error. */
void qtl_progress_stop(struct qtl_progress *progress);

#endif
