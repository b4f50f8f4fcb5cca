/* See wall_clock.h. */
#include "consumer/wall_clock.h"

#include <stddef.h>
#include <time.h>

enum { JUMP_MS = 5000, STEADY_MS = 60000 };

static int64_t read_clock_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_wall_ms(void)
{
    return read_clock_ms(CLOCK_REALTIME);
}

static int64_t system_monotonic_ms(void)
{
    return read_clock_ms(CLOCK_MONOTONIC);
}

static bool differs(int64_t a, int64_t b)
{
    return a - b > JUMP_MS || b - a > JUMP_MS;
}

void qtl_wall_clock_init(struct qtl_wall_clock *clock, int64_t (*read_wall_ms)(void),
                         int64_t (*read_monotonic_ms)(void))
{
    clock->read_wall_ms = read_wall_ms != NULL ? read_wall_ms : system_wall_ms;
    clock->read_monotonic_ms = read_monotonic_ms != NULL ? read_monotonic_ms : system_monotonic_ms;
    clock->offset_ms = clock->read_wall_ms() - clock->read_monotonic_ms();
    clock->strange_since_ms = -1;
}

struct qtl_wall_reading qtl_wall_clock_read(struct qtl_wall_clock *clock)
{
    struct qtl_wall_reading reading = {.wall_ms = clock->read_wall_ms(),
                                       .monotonic_ms = clock->read_monotonic_ms()};
    const int64_t offset_ms = reading.wall_ms - reading.monotonic_ms;
    if (!differs(offset_ms, clock->offset_ms)) {
        clock->offset_ms = offset_ms; /* slow drift is followed */
        clock->strange_since_ms = -1;
        return reading;
    }
    if (clock->strange_since_ms < 0 || differs(offset_ms, clock->strange_offset_ms)) {
        clock->strange_since_ms = reading.monotonic_ms;
        clock->strange_offset_ms = offset_ms;
    }
    reading.jumped = reading.monotonic_ms - clock->strange_since_ms < STEADY_MS;
    if (!reading.jumped) {
        clock->offset_ms = offset_ms;
        clock->strange_since_ms = -1;
    }
    return reading;
}
