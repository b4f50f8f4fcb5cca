/*
 * Metrics: a number, duration or instant computed from one customer's history at one second (DESIGN
 * 4), with how long it stays so. This is where a window expires.
 *
 * A window of length W at second t covers what has occurred_at > t - W; what occurred at e leaves
 * at exactly e + W.
 *
 * Threads: the slice's owner. Nothing here changes anything.
 */
#ifndef QTL_SCORING_METRIC_H
#define QTL_SCORING_METRIC_H

#include "scoring/customer.h"
#include "scoring/rules.h"

#include <stdbool.h>
#include <stdint.h>

#define QTL_FOREVER INT64_MAX

/* One customer at one second, as a metric sees it. */
struct qtl_view {
    const struct qtl_rules *rules;
    const struct qtl_customer *customer;
    const uint8_t *states; /* the customer's states */
    int64_t second;
};

struct qtl_reading {
    int64_t value; /* ten-thousandths, seconds, instant or 0/1, as the metric's type says */
    int64_t next;  /* the first later second at which time alone may change it; QTL_FOREVER.
                      Of durations, which change with every second: QTL_FOREVER, see base. */
    int64_t base;  /* durations: the instant they count from */
    bool defined;
};

struct qtl_reading qtl_metric_read(const struct qtl_view *view, const struct qtl_metric *metric);

/* The last second of an order, of a kind, or of QTL_SUBJECT_ANY; false where there is none. */
bool qtl_metric_last(const struct qtl_view *view, unsigned subject, int64_t *last);

/* The first; not of ANY. */
bool qtl_metric_first(const struct qtl_view *view, unsigned subject, int64_t *first);

/* Of QTL_METRIC_FIRST and QTL_METRIC_LAST: the instant, also where there is none. */
int64_t qtl_metric_instant(const struct qtl_view *view, const struct qtl_metric *metric);

#endif
