/* See merge.h. No bad stamp moves a clock, and the answer is the same after a restart. */
#include "scoring/merge.h"

#include <stdbool.h>

static bool is_believable(int64_t second, int64_t wall)
{
    return second != QTL_TIME_ABSENT && second >= QTL_EVENT_TIME_MIN && second <= wall;
}

int64_t qtl_merge_second(const struct qtl_event *event, int64_t floor, int64_t wall)
{
    if (floor < QTL_EVENT_TIME_MIN) {
        floor = QTL_EVENT_TIME_MIN; /* nothing was read yet: the earliest time there is */
    }
    int64_t second = floor;
    if (is_believable(event->stamp, wall)) {
        second = event->stamp;
    } else if (is_believable(event->occurred_at, wall)) {
        second = event->occurred_at;
    }
    return second > floor ? second : floor;
}
