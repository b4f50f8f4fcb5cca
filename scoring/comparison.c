/*
 * See comparison.h. What leaves a window only takes away from counts, and from sums of amounts that
 * are never negative: such a comparison, once false, stays so, and a true one ends with a row that
 * can be found. So a customer with ten orders and `orders(365d) >= 3` wakes once and not eight
 * times. Other sums of one series are walked row by row; for what is left the metric's own next
 * change is the answer.
 *
 * Thread: the slice's owner.
 */
#include "scoring/comparison.h"

#include "schemas/event.h"
#include "scoring/base/assert.h"

/* Rows walked in search of a crossing; beyond them the last row's expiry is a safe answer. */
enum { CROSSING_STEPS = 64 };

enum way {
    WAY_READING,  /* the metric's own next change */
    WAY_DURATION, /* age, dwell, since(any) */
    WAY_SINCE,    /* since of orders or of a kind */
    WAY_INSTANTS, /* last or first with last or first */
    WAY_COUNT,    /* rows in a window, at least so many or fewer */
    WAY_FALLING,  /* the sum of a column without negative amounts, by > or >= */
    WAY_WALK,     /* the sum of any column, or a count by == or != */
};

enum { NO_COLUMN = QTL_COLUMNS };

/* ---- preparing ---------------------------------------------------------------------------------
 */

/* `< x` is `not >= x`, `<= x` is `not > x`: one direction is enough. */
static bool turn_round(struct qtl_comparison *comparison)
{
    if (comparison->op == QTL_OP_LESS || comparison->op == QTL_OP_LESS_EQUAL) {
        comparison->op = comparison->op == QTL_OP_LESS ? QTL_OP_GREATER_EQUAL : QTL_OP_GREATER;
        comparison->is_opposite = true;
    }
    return comparison->op == QTL_OP_GREATER || comparison->op == QTL_OP_GREATER_EQUAL;
}

static void prepare_count(struct qtl_comparison *comparison, unsigned code)
{
    comparison->code = (uint8_t)code;
    comparison->column = NO_COLUMN;
    if (!turn_round(comparison)) {
        comparison->way = WAY_WALK;
        return;
    }
    comparison->way = WAY_COUNT;
    const int64_t constant = comparison->constant;
    int64_t whole = constant / QTL_E4;
    whole -= constant % QTL_E4 < 0 ? 1 : 0; /* down, also below zero */
    const bool is_enough = comparison->op == QTL_OP_GREATER_EQUAL && constant == whole * QTL_E4;
    comparison->rows = is_enough ? whole : whole + 1;
}

static void prepare_sum(struct qtl_comparison *comparison, unsigned code, enum qtl_column column)
{
    const bool may_be_negative = code != QTL_SERIES_ORDERS || column == QTL_COLUMN_MARGIN;
    comparison->code = (uint8_t)code;
    comparison->column = (uint8_t)column;
    comparison->way = !may_be_negative && turn_round(comparison) ? WAY_FALLING : WAY_WALK;
}

struct qtl_comparison qtl_comparison_prepare(const struct qtl_metric *metric, enum qtl_op op,
                                             int64_t constant)
{
    struct qtl_comparison comparison = {
        .metric = metric, .constant = constant, .window_s = metric->window_s, .op = (uint8_t)op};
    switch ((enum qtl_metric_function)metric->function) {
    case QTL_METRIC_ORDERS:
        prepare_count(&comparison, QTL_SERIES_ORDERS);
        break;
    case QTL_METRIC_RETURNS:
        prepare_count(&comparison, QTL_SERIES_RETURNS);
        break;
    case QTL_METRIC_COUNT:
        prepare_count(&comparison, metric->subject);
        break;
    case QTL_METRIC_SPEND:
        prepare_sum(&comparison, QTL_SERIES_ORDERS, QTL_COLUMN_AMOUNT);
        break;
    case QTL_METRIC_MARGIN:
        prepare_sum(&comparison, QTL_SERIES_ORDERS, QTL_COLUMN_MARGIN);
        break;
    case QTL_METRIC_ITEMS:
        prepare_sum(&comparison, QTL_SERIES_ORDERS, QTL_COLUMN_ITEMS);
        break;
    case QTL_METRIC_DISCOUNT:
        prepare_sum(&comparison, QTL_SERIES_ORDERS, QTL_COLUMN_DISCOUNT);
        break;
    case QTL_METRIC_VALUE:
        prepare_sum(&comparison, metric->subject, QTL_COLUMN_VALUE);
        break;
    case QTL_METRIC_SINCE:
        comparison.code = metric->subject;
        comparison.way = metric->subject == QTL_SUBJECT_ANY ? WAY_DURATION : WAY_SINCE;
        break;
    case QTL_METRIC_AGE:
    case QTL_METRIC_DWELL:
        comparison.way = WAY_DURATION;
        break;
    case QTL_METRIC_AOV:
    case QTL_METRIC_FIRST:
    case QTL_METRIC_LAST:
    case QTL_METRIC_IN:
        break;
    }
    return comparison;
}

struct qtl_comparison qtl_comparison_prepare_instants(const struct qtl_metric *left, enum qtl_op op,
                                                      const struct qtl_metric *right)
{
    QTL_ASSERT(left->type == QTL_TYPE_INSTANT && right->type == QTL_TYPE_INSTANT);
    return (struct qtl_comparison){
        .metric = left, .other = right, .op = (uint8_t)op, .way = WAY_INSTANTS};
}

/* ---- deciding ----------------------------------------------------------------------------------
 */

/* When `second - base OP length` next changes: at base + length for >= and <, one second later for
 * > and <=, at both for == and !=. */
static int64_t next_of_duration(enum qtl_op op, int64_t base, int64_t length, int64_t second)
{
    const int64_t reached = base + length;
    const bool at_reached = op != QTL_OP_GREATER && op != QTL_OP_LESS_EQUAL;
    const bool behind = op != QTL_OP_GREATER_EQUAL && op != QTL_OP_LESS;
    if (at_reached && reached > second) {
        return reached;
    }
    return behind && reached + 1 > second ? reached + 1 : QTL_FOREVER;
}

static struct qtl_verdict decide_from(const struct qtl_comparison *comparison, bool is_defined,
                                      int64_t base, int64_t second)
{
    const enum qtl_op op = (enum qtl_op)comparison->op;
    if (!is_defined) {
        return (struct qtl_verdict){.next = QTL_FOREVER};
    }
    return (struct qtl_verdict){.next = next_of_duration(op, base, comparison->constant, second),
                                .holds =
                                    qtl_comparison_holds(op, second - base, comparison->constant)};
}

static struct qtl_verdict decide_duration(const struct qtl_comparison *comparison,
                                          const struct qtl_view *view)
{
    const struct qtl_metric *const metric = comparison->metric;
    int64_t base = 0;
    bool is_defined = true;
    if (metric->function == QTL_METRIC_SINCE) {
        is_defined = qtl_metric_last(view, metric->subject, &base);
    } else if (metric->function == QTL_METRIC_AGE) {
        is_defined = qtl_metric_first(view, QTL_SUBJECT_ORDER, &base);
    } else {
        base = view->customer->since[metric->segment];
    }
    return decide_from(comparison, is_defined, base, view->second);
}

static struct qtl_verdict decide_since(const struct qtl_comparison *comparison,
                                       const struct qtl_view *view)
{
    const struct qtl_series *const series = qtl_book_series(view->customer->book, comparison->code);
    int64_t base = 0;
    const bool is_defined = series != NULL && qtl_series_last(series, &base);
    return decide_from(comparison, is_defined, base, view->second);
}

static struct qtl_verdict decide_instants(const struct qtl_comparison *comparison,
                                          const struct qtl_view *view)
{
    return (struct qtl_verdict){
        .next = QTL_FOREVER,
        .holds = qtl_comparison_holds((enum qtl_op)comparison->op,
                                      qtl_metric_instant(view, comparison->metric),
                                      qtl_metric_instant(view, comparison->other))};
}

static struct qtl_verdict decide_count(const struct qtl_comparison *comparison,
                                       const struct qtl_view *view)
{
    const struct qtl_series *const series = qtl_book_series(view->customer->book, comparison->code);
    const int64_t window_s = comparison->window_s;
    int64_t count = 0;
    if (series != NULL) {
        count = series->count;
        count += window_s == 0 ? (int64_t)qtl_series_forgotten(series)
                               : -(int64_t)qtl_series_find(series, view->second - window_s);
    }
    const bool is_enough = count >= comparison->rows;
    struct qtl_verdict verdict = {.next = QTL_FOREVER,
                                  .holds = is_enough != comparison->is_opposite};
    if (is_enough && comparison->rows > 0 && window_s != 0) {
        const uint32_t row = series->count - (uint32_t)comparison->rows;
        verdict.next = qtl_series_time(series, row) + window_s;
    }
    return verdict;
}

/* The part of a series that a window covers, and the totals of the column compared. */
struct tail {
    const uint32_t *row;     /* the window's first */
    const uint32_t *end;     /* behind the last */
    unsigned words;          /* from row to row */
    unsigned offset;         /* of the total */
    int64_t all;             /* total with the last row */
    int64_t value;           /* of the window */
    int64_t default_of_each; /* where the column is not stored; of a count: 1 */
    bool is_stored;
};

static struct tail tail_of(const struct qtl_comparison *comparison, const struct qtl_series *series,
                           int64_t second)
{
    const int64_t window_s = comparison->window_s;
    const uint32_t first = window_s == 0 ? 0 : qtl_series_find(series, second - window_s);
    const unsigned column = comparison->column;
    struct tail tail = {.row = qtl_series_row(series, first),
                        .end = qtl_series_row(series, series->count),
                        .words = series->row_words,
                        .is_stored = column != NO_COLUMN && (series->shape >> column & 1U) != 0};
    if (tail.is_stored) {
        tail.offset = qtl_series_offset(series->shape, column);
        tail.all = qtl_series_total(series, (enum qtl_column)column, series->count);
        tail.value = tail.all;
        if (window_s != 0) {
            tail.value -= qtl_series_total(series, (enum qtl_column)column, first);
        }
        return tail;
    }
    tail.default_of_each = column == NO_COLUMN ? QTL_E4 : qtl_series_default(series->code, column);
    const int64_t rows =
        (int64_t)series->count - first + (window_s == 0 ? qtl_series_forgotten(series) : 0);
    tail.value = tail.default_of_each * rows;
    return tail;
}

/* The window's value once a row and those before it have left. */
static int64_t value_behind(const struct tail *tail, const uint32_t *row)
{
    if (tail->is_stored) {
        return tail->all - (int64_t)qtl_series_load(row + tail->offset);
    }
    return tail->default_of_each * ((tail->end - row) / (ptrdiff_t)tail->words - 1);
}

/* When the comparison's truth is no longer `truth`, by rows that leave the window. */
static int64_t crossing(const struct qtl_comparison *comparison, const struct tail *tail,
                        bool truth)
{
    const enum qtl_op op = (enum qtl_op)comparison->op;
    const int64_t window_s = comparison->window_s;
    const uint32_t *row = tail->row;
    for (unsigned step = 0; row < tail->end; step++, row += tail->words) {
        const bool whole_second = row + tail->words == tail->end || row[tail->words] != row[0];
        const bool changes = whole_second && qtl_comparison_holds(op, value_behind(tail, row),
                                                                  comparison->constant) != truth;
        if (changes || step == CROSSING_STEPS) {
            return row[0] + window_s;
        }
    }
    return QTL_FOREVER;
}

static struct qtl_verdict decide_reading(const struct qtl_comparison *comparison,
                                         const struct qtl_view *view)
{
    const enum qtl_op op = (enum qtl_op)comparison->op;
    const struct qtl_reading reading = qtl_metric_read(view, comparison->metric);
    if (!reading.defined) {
        return (struct qtl_verdict){.next = reading.next};
    }
    return (struct qtl_verdict){.next = reading.next,
                                .holds =
                                    qtl_comparison_holds(op, reading.value, comparison->constant) !=
                                    comparison->is_opposite};
}

static struct qtl_verdict decide_sum(const struct qtl_comparison *comparison,
                                     const struct qtl_view *view)
{
    const struct qtl_book *const book = view->customer->book;
    const enum qtl_op op = (enum qtl_op)comparison->op;
    if (comparison->metric->function == QTL_METRIC_SPEND &&
        qtl_book_series(book, QTL_SERIES_RETURNS) != NULL) {
        return decide_reading(comparison, view); /* two series */
    }
    const struct qtl_series *const series = qtl_book_series(book, comparison->code);
    if (series == NULL) {
        return (struct qtl_verdict){.next = QTL_FOREVER,
                                    .holds = qtl_comparison_holds(op, 0, comparison->constant) !=
                                             comparison->is_opposite};
    }
    const struct tail tail = tail_of(comparison, series, view->second);
    const bool truth = qtl_comparison_holds(op, tail.value, comparison->constant);
    struct qtl_verdict verdict = {.next = QTL_FOREVER, .holds = truth != comparison->is_opposite};
    if (comparison->window_s != 0 && (truth || comparison->way == WAY_WALK)) {
        verdict.next = crossing(comparison, &tail, truth);
    }
    return verdict;
}

struct qtl_verdict qtl_comparison_decide(const struct qtl_comparison *comparison,
                                         const struct qtl_view *view)
{
    switch ((enum way)comparison->way) {
    case WAY_DURATION:
        return decide_duration(comparison, view);
    case WAY_SINCE:
        return decide_since(comparison, view);
    case WAY_INSTANTS:
        return decide_instants(comparison, view);
    case WAY_COUNT:
        return decide_count(comparison, view);
    case WAY_FALLING:
    case WAY_WALK:
        return decide_sum(comparison, view);
    case WAY_READING:
        return decide_reading(comparison, view);
    }
    QTL_UNREACHABLE("a comparison decided in no known way");
}
