/*
 * The merge second of a record (DESIGN 3): its stamp, where that is believable, else its
 * occurred_at, and never below `floor` (the partition's last merge second and the slice's clock) or
 * 1990.
 */
#ifndef QTL_SCORING_MERGE_H
#define QTL_SCORING_MERGE_H

#include "schemas/event.h"

/* Pure. @thread any */
int64_t qtl_merge_second(const struct qtl_event *event, int64_t floor, int64_t wall);

#endif
