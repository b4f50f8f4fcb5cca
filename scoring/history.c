/*
 * See history.h. An order is in exactly one place: the standing orders, the voided ones, or (its
 * cancellation came first) the unmatched cancellations. "Known" always means: its time is after the
 * customer's clock less the retention, whether or not the row is still there.
 *
 * Thread: the slice's owner.
 */
#include "scoring/history.h"

#include "scoring/amendments.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "scoring/base/i128.h"
#include "scoring/base/pool.h"

static const struct qtl_amounts nothing;

/* One event on its way into the books. */
struct booking {
    struct qtl_history *history;
    struct qtl_customer *customer;
    const struct qtl_event *event;
    int64_t clock;
    int64_t forgotten; /* what is at or before this is older than the retention */
};

static struct qtl_series *series_of(const struct booking *booking, unsigned code)
{
    return qtl_customer_series_make(booking->customer, booking->history->pool, code);
}

static bool is_remembered(const struct booking *booking, unsigned code, uint64_t id)
{
    const struct qtl_series *const series = qtl_customer_series(booking->customer, code);
    return series != NULL && qtl_series_find_id(series, id, booking->forgotten, UINT32_MAX) >= 0;
}

static void remember(const struct booking *booking, unsigned code, int64_t second, uint64_t id)
{
    if (second > booking->forgotten) {
        qtl_series_insert(series_of(booking, code), booking->history->pool, second, id, &nothing,
                          booking->forgotten);
    }
}

/* Whether every total stays within its bound when `less` (may be NULL) makes way for `more`. What
 * is bounded is the sum of magnitudes: late and back-dated bookings put rows between others, so
 * that only this keeps every window's sum within 64 bits. */
static bool totals_fit(const struct qtl_series *series, const struct qtl_amounts *less,
                       const struct qtl_amounts *more)
{
    qtl_i128 totals[QTL_COLUMNS];
    for (int column = 0; column < QTL_COLUMNS; column++) {
        totals[column] =
            (qtl_i128)qtl_series_total(series, (enum qtl_column)column, series->count) -
            (less == NULL ? 0 : less->column[column]) + more->column[column];
    }
    const int may_be_negative =
        series->code == QTL_SERIES_ORDERS ? QTL_COLUMN_MARGIN : QTL_COLUMN_VALUE;
    totals[may_be_negative] += 2 * totals[QTL_COLUMN_NEGATIVE];
    for (int column = 0; column < QTL_COLUMNS; column++) {
        if (totals[column] > QTL_TOTAL_E4_MAX) {
            return false;
        }
    }
    return true;
}

static void add_row(const struct booking *booking, struct qtl_series *series, int64_t second,
                    uint64_t id, const struct qtl_amounts *amounts)
{
    struct qtl_pool *const pool = booking->history->pool;
    if (second > booking->forgotten) {
        qtl_series_insert(series, pool, second, id, amounts, booking->forgotten);
    } else {
        qtl_series_add_forgotten(series, pool, second, amounts, booking->forgotten);
    }
}

static int64_t below_zero(int64_t value)
{
    return value < 0 ? -value : 0;
}

static struct qtl_amounts amounts_of(const struct qtl_event *event)
{
    return (struct qtl_amounts){.column = {[QTL_COLUMN_AMOUNT] = event->amount_e4,
                                           [QTL_COLUMN_MARGIN] = event->margin_e4,
                                           [QTL_COLUMN_ITEMS] = event->items_e4,
                                           [QTL_COLUMN_DISCOUNT] = event->discount_e4,
                                           [QTL_COLUMN_NEGATIVE] = below_zero(event->margin_e4)}};
}

/* When the order was placed that a record of another kind speaks of. */
static int64_t placed_at(const struct qtl_event *event)
{
    const bool known = event->placed_at != QTL_TIME_ABSENT;
    return known && event->placed_at < event->occurred_at ? event->placed_at : event->occurred_at;
}

static int64_t standing_row(const struct booking *booking)
{
    return qtl_series_find_id(&booking->customer->orders, booking->event->order_hash,
                              booking->forgotten, UINT32_MAX);
}

/* An order not known yet, at `second`. Void from the start where its cancellation came first. */
static enum qtl_reason book_new_order(const struct booking *booking, int64_t second)
{
    const struct qtl_event *const event = booking->event;
    if (is_remembered(booking, QTL_SERIES_UNMATCHED, event->order_hash)) {
        remember(booking, QTL_SERIES_VOIDED, second, event->order_hash);
        return QTL_REASON_NONE;
    }
    const struct qtl_amounts amounts = amounts_of(event);
    if (!totals_fit(&booking->customer->orders, NULL, &amounts)) {
        return QTL_REASON_BAD_AMOUNT;
    }
    add_row(booking, &booking->customer->orders, second, event->order_hash, &amounts);
    return QTL_REASON_NONE;
}

static enum qtl_reason book_placed(const struct booking *booking)
{
    const uint64_t order = booking->event->order_hash;
    if (standing_row(booking) >= 0 || is_remembered(booking, QTL_SERIES_VOIDED, order)) {
        booking->history->duplicates++;
        return QTL_REASON_NONE;
    }
    return book_new_order(booking, booking->event->occurred_at);
}

static enum qtl_reason book_amended(const struct booking *booking)
{
    struct qtl_customer *const customer = booking->customer;
    const struct qtl_event *const event = booking->event;
    struct qtl_pool *const pool = booking->history->pool;
    const int64_t row = standing_row(booking);
    if (row < 0) {
        if (is_remembered(booking, QTL_SERIES_VOIDED, event->order_hash)) {
            return QTL_REASON_NONE;
        }
        const enum qtl_reason reason = book_new_order(booking, placed_at(event));
        if (reason == QTL_REASON_NONE && standing_row(booking) >= 0) {
            qtl_amendments_remember(customer, pool, event);
        }
        return reason;
    }
    if (!qtl_amendments_is_latest(customer, event)) {
        return QTL_REASON_NONE;
    }
    const struct qtl_amounts amounts = amounts_of(event);
    struct qtl_amounts former;
    for (int i = 0; i < QTL_COLUMNS; i++) {
        const enum qtl_column column = (enum qtl_column)i;
        former.column[i] = qtl_series_total(&customer->orders, column, (uint32_t)row + 1) -
                           qtl_series_total(&customer->orders, column, (uint32_t)row);
    }
    if (!totals_fit(&customer->orders, &former, &amounts)) {
        return QTL_REASON_BAD_AMOUNT;
    }
    qtl_series_change(&customer->orders, pool, (uint32_t)row, &amounts);
    qtl_amendments_remember(customer, pool, event);
    return QTL_REASON_NONE;
}

static void remember_unmatched(const struct booking *booking)
{
    struct qtl_history *const history = booking->history;
    const uint64_t order = booking->event->order_hash;
    history->unmatched_cancellations++;
    if (is_remembered(booking, QTL_SERIES_UNMATCHED, order)) {
        return;
    }
    remember(booking, QTL_SERIES_UNMATCHED, booking->clock, order);
    struct qtl_series *const unmatched = series_of(booking, QTL_SERIES_UNMATCHED);
    if (unmatched->count > QTL_UNMATCHED_MAX) {
        qtl_series_remove(unmatched, 0);
        history->forgotten_cancellations++;
    }
}

static enum qtl_reason book_cancelled(const struct booking *booking)
{
    struct qtl_series *const orders = &booking->customer->orders;
    const uint64_t order = booking->event->order_hash;
    const int64_t row = standing_row(booking);
    if (row >= 0) {
        const int64_t second = qtl_series_times(orders)[row];
        qtl_series_remove(orders, (uint32_t)row);
        remember(booking, QTL_SERIES_VOIDED, second, order);
    } else if (!is_remembered(booking, QTL_SERIES_VOIDED, order)) {
        remember_unmatched(booking);
    }
    return QTL_REASON_NONE;
}

/* A return is known by its event id, else by its order and second. */
static uint64_t return_key(const struct qtl_event *event)
{
    if (event->event_hash != 0) {
        return event->event_hash;
    }
    const uint64_t key[2] = {event->order_hash, (uint64_t)event->occurred_at};
    const uint64_t hash = qtl_hash(key, sizeof(key), 4);
    return hash == 0 ? 1 : hash;
}

static enum qtl_reason book_returned(const struct booking *booking)
{
    const struct qtl_event *const event = booking->event;
    const uint64_t key = return_key(event);
    if (is_remembered(booking, QTL_SERIES_RETURN_IDS, key)) {
        booking->history->duplicates++;
        return QTL_REASON_NONE;
    }
    const struct qtl_amounts amounts = {.column = {[QTL_COLUMN_AMOUNT] = event->amount_e4}};
    struct qtl_series *const returns = series_of(booking, QTL_SERIES_RETURNS);
    if (!totals_fit(returns, NULL, &amounts)) {
        return QTL_REASON_BAD_AMOUNT;
    }
    add_row(booking, returns, placed_at(event), 0, &amounts);
    remember(booking, QTL_SERIES_RETURN_IDS, event->occurred_at, key);
    return QTL_REASON_NONE;
}

static bool is_repeated_engagement(const struct booking *booking)
{
    const struct qtl_event *const event = booking->event;
    const struct qtl_series *const ids =
        qtl_customer_series(booking->customer, QTL_SERIES_EVENT_IDS);
    if (event->event_hash == 0 || ids == NULL) {
        return false;
    }
    const int64_t horizon_s = booking->history->duplicate_horizon_s;
    const int64_t after = event->occurred_at - horizon_s - 1;
    return qtl_series_find_id(ids, event->event_hash,
                              after > booking->forgotten ? after : booking->forgotten,
                              event->occurred_at + horizon_s) >= 0;
}

static enum qtl_reason book_engagement(const struct booking *booking)
{
    const struct qtl_event *const event = booking->event;
    QTL_ASSERT(event->kind < 32);
    if (is_repeated_engagement(booking)) {
        booking->history->duplicates++;
        return QTL_REASON_NONE;
    }
    const struct qtl_amounts amounts = {
        .column = {[QTL_COLUMN_VALUE] = event->amount_e4,
                   [QTL_COLUMN_NEGATIVE] = below_zero(event->amount_e4)}};
    struct qtl_series *const series = series_of(booking, event->kind);
    if (!totals_fit(series, NULL, &amounts)) {
        return QTL_REASON_BAD_AMOUNT;
    }
    add_row(booking, series, event->occurred_at, 0, &amounts);
    if (event->event_hash != 0) {
        remember(booking, QTL_SERIES_EVENT_IDS, event->occurred_at, event->event_hash);
        struct qtl_series *const ids = qtl_customer_series(booking->customer, QTL_SERIES_EVENT_IDS);
        if (ids != NULL && ids->count > QTL_EVENT_IDS_MAX) {
            qtl_series_remove(ids, 0);
            booking->history->forgotten_event_ids++;
        }
    }
    return QTL_REASON_NONE;
}

static enum qtl_reason book_order(const struct booking *booking)
{
    switch ((enum qtl_order_kind)booking->event->kind) {
    case QTL_ORDER_PLACED:
        return book_placed(booking);
    case QTL_ORDER_AMENDED:
        return book_amended(booking);
    case QTL_ORDER_CANCELLED:
        return book_cancelled(booking);
    case QTL_ORDER_RETURNED:
        return book_returned(booking);
    }
    QTL_UNREACHABLE("an order of no known kind");
}

enum qtl_reason qtl_history_book(struct qtl_history *history, struct qtl_customer *customer,
                                 int64_t clock, const struct qtl_event *event)
{
    const struct booking booking = {.history = history,
                                    .customer = customer,
                                    .event = event,
                                    .clock = clock,
                                    .forgotten = clock - history->retention_s};
    switch ((enum qtl_stream)event->stream) {
    case QTL_STREAM_ORDERS:
        return book_order(&booking);
    case QTL_STREAM_ENGAGEMENT:
        return book_engagement(&booking);
    case QTL_STREAM_CUSTOMERS:
        return QTL_REASON_NONE; /* profile fields are booked here when they come */
    }
    QTL_UNREACHABLE("an event of no known stream");
}
