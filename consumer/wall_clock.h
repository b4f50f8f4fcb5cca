/*
 * The wall clock, read by ingest once an epoch (DESIGN 3). Where it jumps by more than 5 s against
 * the monotonic clock (somebody set it, a virtual machine was resumed), the slices' clocks stand
 * until it has been steady for a minute.
 *
 * Threads: belongs to one thread.
 */
#ifndef QTL_CONSUMER_WALL_CLOCK_H
#define QTL_CONSUMER_WALL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct qtl_wall_clock {
    int64_t offset_ms; /* wall less monotonic, as it is trusted */
    int64_t strange_offset_ms;
    int64_t
        strange_since_ms; /* monotonic; when it was first off by more than it may; -1: it is not */
    int64_t (*read_wall_ms)(void);
    int64_t (*read_monotonic_ms)(void);
};

struct qtl_wall_reading {
    int64_t wall_ms;
    int64_t monotonic_ms;
    bool jumped; /* the slice clocks stand */
};

/* Starts trusting the clock as it is. Tests pass their own readers; NULL: the system's clocks. */
void qtl_wall_clock_init(struct qtl_wall_clock *clock, int64_t (*read_wall_ms)(void),
                         int64_t (*read_monotonic_ms)(void));

struct qtl_wall_reading qtl_wall_clock_read(struct qtl_wall_clock *clock);

#endif
