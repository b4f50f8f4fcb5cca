/*
 * One line, rewritten in place. The rate is the mean since the start: a rate of the last second
 * jumps too much to be read, and the time left follows from the same mean.
 */
#include "consumer/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define STEPS_PER_LOOK 1024
#define PAUSE_MS 200

static int64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void qtl_progress_start(struct qtl_progress *progress, const char *what)
{
    *progress = (struct qtl_progress){.what = what, .begun_ms = now_ms(), .on = isatty(2) == 1};
    progress->said_ms = progress->begun_ms;
}

void qtl_progress_say(struct qtl_progress *progress, uint64_t count, uint64_t part_done,
                      uint64_t part_all)
{
    if (!progress->on) {
        return;
    }
    progress->said_ms = now_ms();
    const int64_t elapsed_ms = progress->said_ms - progress->begun_ms;
    const double seconds = elapsed_ms > 0 ? (double)elapsed_ms / 1000.0 : 0.001;
    fprintf(stderr, "\r%s %" PRIu64 ", %.0f a second", progress->what, count,
            (double)count / seconds);
    if (part_all > 0 && part_done > 0) {
        const double share = (double)part_done / (double)part_all;
        fprintf(stderr, ", %.0f %%, %.0f s left", 100.0 * share, seconds * (1.0 / share - 1.0));
    }
    fprintf(stderr, "\033[K");
    fflush(stderr);
}

void qtl_progress_step(struct qtl_progress *progress, uint64_t count, uint64_t part_done,
                       uint64_t part_all)
{
    if (!progress->on || ++progress->skipped < STEPS_PER_LOOK) {
        return;
    }
    progress->skipped = 0;
    if (now_ms() - progress->said_ms >= PAUSE_MS) {
        qtl_progress_say(progress, count, part_done, part_all);
    }
}

void qtl_progress_stop(struct qtl_progress *progress)
{
    if (progress->on) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
        progress->on = false;
    }
}
