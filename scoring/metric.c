/*
 * See metric.h. Every windowed metric is the running total at the end less the running total at the
 * window's edge. The next change of a window is the expiry of its oldest row; a comparison with a
 * constant knows better (scoring/comparison.c).
 *
 * Thread: the slice's owner.
 */
#include "scoring/metric.h"

#include "schemas/event.h"
#include "scoring/base/assert.h"

/* The part of a series that a window covers. */
struct span {
    const struct qtl_series *series; /* NULL: nothing there */
    uint32_t first;                  /* row; rows before it have left */
    bool lifetime;                   /* forgotten rows count too */
};

static struct span span_of(const struct qtl_view *view, const struct qtl_series *series,
                           int64_t window_s)
{
    if (series == NULL || window_s == 0) {
        return (struct span){.series = series, .lifetime = true};
    }
    return (struct span){.series = series,
                         .first = qtl_series_find(series, view->second - window_s)};
}

static int64_t span_count(struct span span)
{
    if (span.series == NULL) {
        return 0;
    }
    return (int64_t)span.series->count - span.first +
           (span.lifetime ? qtl_series_forgotten(span.series) : 0);
}

static int64_t span_sum(struct span span, enum qtl_column column)
{
    if (span.series == NULL) {
        return 0;
    }
    const int64_t total = qtl_series_total(span.series, column, span.series->count);
    return span.lifetime ? total : total - qtl_series_total(span.series, column, span.first);
}

/* When the oldest row of the window leaves it. */
static int64_t span_next(struct span span, int64_t window_s)
{
    if (span.series == NULL || window_s == 0 || span.first >= span.series->count) {
        return QTL_FOREVER;
    }
    return qtl_series_time(span.series, span.first) + window_s;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct qtl_reading number(int64_t value, int64_t next)
{
    return (struct qtl_reading){.value = value, .next = next, .defined = true};
}

static struct qtl_reading undefined(int64_t next)
{
    return (struct qtl_reading){.next = next};
}

static const struct qtl_series *orders_of(const struct qtl_view *view)
{
    return qtl_book_list(view->customer->book);
}

static struct qtl_reading read_count(const struct qtl_view *view, const struct qtl_series *series,
                                     int64_t window_s)
{
    const struct span span = span_of(view, series, window_s);
    return number(span_count(span) * QTL_E4, span_next(span, window_s));
}

static struct qtl_reading read_sum(const struct qtl_view *view, const struct qtl_series *series,
                                   int64_t window_s, enum qtl_column column)
{
    const struct span span = span_of(view, series, window_s);
    return number(span_sum(span, column), span_next(span, window_s));
}

static const struct qtl_series *returns_of(const struct qtl_view *view)
{
    return qtl_book_series(view->customer->book, QTL_SERIES_RETURNS);
}

static struct qtl_reading read_spend(const struct qtl_view *view, int64_t window_s)
{
    const struct qtl_reading paid = read_sum(view, orders_of(view), window_s, QTL_COLUMN_AMOUNT);
    const struct qtl_reading back = read_sum(view, returns_of(view), window_s, QTL_COLUMN_AMOUNT);
    return number(paid.value - back.value, sooner(paid.next, back.next));
}

static struct qtl_reading read_aov(const struct qtl_view *view, int64_t window_s)
{
    const struct qtl_reading spend = read_spend(view, window_s);
    const struct span orders = span_of(view, orders_of(view), window_s);
    const int64_t count = span_count(orders);
    if (count == 0) {
        return undefined(spend.next);
    }
    /* spend * 10000 / (count * 10000), cut toward zero */
    return number(spend.value / count, spend.next);
}

static bool last_engagement(const struct qtl_view *view, int64_t *last)
{
    bool found = false;
    for (unsigned i = 1; i < view->customer->book->series_count; i++) {
        const struct qtl_series *const series = qtl_book_list(view->customer->book) + i;
        int64_t second = 0;
        if (series->code >= QTL_KINDS_MAX || (view->rules->kinds_sent >> series->code & 1U) != 0 ||
            !qtl_series_last(series, &second)) {
            continue;
        }
        if (!found || second > *last) {
            *last = second;
        }
        found = true;
    }
    return found;
}

bool qtl_metric_last(const struct qtl_view *view, unsigned subject, int64_t *last)
{
    if (subject == QTL_SUBJECT_ORDER) {
        return qtl_series_last(orders_of(view), last);
    }
    if (subject == QTL_SUBJECT_ANY) {
        int64_t order = 0;
        const bool engaged = last_engagement(view, last);
        const bool ordered = qtl_series_last(orders_of(view), &order);
        if (ordered && (!engaged || order > *last)) {
            *last = order;
        }
        return engaged || ordered;
    }
    const struct qtl_series *const series = qtl_book_series(view->customer->book, subject);
    return series != NULL && qtl_series_last(series, last);
}

bool qtl_metric_first(const struct qtl_view *view, unsigned subject, int64_t *first)
{
    const struct qtl_series *const series = qtl_book_series(view->customer->book, subject);
    return series != NULL && qtl_series_first(series, first);
}

int64_t qtl_metric_instant(const struct qtl_view *view, const struct qtl_metric *metric)
{
    const bool is_last = metric->function == QTL_METRIC_LAST;
    const int64_t of_nothing = is_last ? INT64_MIN : INT64_MAX;
    QTL_ASSERT(is_last || metric->function == QTL_METRIC_FIRST);
    const struct qtl_series *const series = qtl_book_series(view->customer->book, metric->subject);
    int64_t instant = 0;
    if (series == NULL) {
        return of_nothing;
    }
    const bool found =
        is_last ? qtl_series_last(series, &instant) : qtl_series_first(series, &instant);
    return found ? instant : of_nothing;
}

static struct qtl_reading duration_from(const struct qtl_view *view, bool found, int64_t base)
{
    if (!found) {
        return undefined(QTL_FOREVER);
    }
    return (struct qtl_reading){
        .value = view->second - base, .next = QTL_FOREVER, .base = base, .defined = true};
}

static struct qtl_reading read_in(const struct qtl_view *view, const struct qtl_metric *metric)
{
    const uint8_t state = view->states[metric->segment] & QTL_STATE_MASK;
    return number(state == metric->state, QTL_FOREVER);
}

struct qtl_reading qtl_metric_read(const struct qtl_view *view, const struct qtl_metric *metric)
{
    const struct qtl_customer *const customer = view->customer;
    const struct qtl_series *const orders = orders_of(view);
    const int64_t window_s = metric->window_s;
    int64_t instant = 0;
    switch ((enum qtl_metric_function)metric->function) {
    case QTL_METRIC_ORDERS:
        return read_count(view, orders, window_s);
    case QTL_METRIC_SPEND:
        return read_spend(view, window_s);
    case QTL_METRIC_MARGIN:
        return read_sum(view, orders, window_s, QTL_COLUMN_MARGIN);
    case QTL_METRIC_ITEMS:
        return read_sum(view, orders, window_s, QTL_COLUMN_ITEMS);
    case QTL_METRIC_DISCOUNT:
        return read_sum(view, orders, window_s, QTL_COLUMN_DISCOUNT);
    case QTL_METRIC_RETURNS:
        return read_count(view, returns_of(view), window_s);
    case QTL_METRIC_AOV:
        return read_aov(view, window_s);
    case QTL_METRIC_COUNT:
        return read_count(view, qtl_book_series(customer->book, metric->subject), window_s);
    case QTL_METRIC_VALUE:
        return read_sum(view, qtl_book_series(customer->book, metric->subject), window_s,
                        QTL_COLUMN_VALUE);
    case QTL_METRIC_SINCE: {
        const bool found = qtl_metric_last(view, metric->subject, &instant);
        return duration_from(view, found, instant);
    }
    case QTL_METRIC_FIRST:
    case QTL_METRIC_LAST:
        return number(qtl_metric_instant(view, metric), QTL_FOREVER);
    case QTL_METRIC_AGE: {
        const bool found = qtl_metric_first(view, QTL_SUBJECT_ORDER, &instant);
        return duration_from(view, found, instant);
    }
    case QTL_METRIC_IN:
        return read_in(view, metric);
    case QTL_METRIC_DWELL:
        return duration_from(view, true, customer->since[metric->segment]);
    }
    QTL_UNREACHABLE("a metric of no known function");
}
