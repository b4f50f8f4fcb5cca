/*
 * Records gathered in memory to be appended in the order of their times (`quintil append --sort`):
 * a log is read in the order of its records, so history must go in sorted.
 *
 * Threads: belongs to one thread.
 */
#ifndef QTL_CONSUMER_SORTED_RECORDS_H
#define QTL_CONSUMER_SORTED_RECORDS_H

#include "schemas/log.h"
#include "scoring/base/arena.h"

#include <stddef.h>

struct qtl_sorted_record {
    struct qtl_log_append record;
    int64_t second; /* of its event; of one that has none, that of the record before it */
    size_t place;   /* in the order of the files: breaks ties */
};

/* Starts as zeros. */
struct qtl_sorted_records {
    struct qtl_sorted_record *items;
    size_t count;
    size_t capacity;
    struct qtl_arena arena; /* keys and values */
};

void qtl_sorted_records_fini(struct qtl_sorted_records *records);

/* Copies the record. `second` QTL_TIME_ABSENT: it has no time of its own. */
void qtl_sorted_records_add(struct qtl_sorted_records *records, const struct qtl_log_append *record,
                            int64_t second);

/* By second, then in the order in which they came. */
void qtl_sorted_records_sort(struct qtl_sorted_records *records);

#endif
