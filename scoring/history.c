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
#include "scoring/rules.h"

/* One event on its way into the books. */
struct booking {
    struct qtl_history *history;
    struct qtl_customer *customer;
    const struct qtl_event *event;
    int64_t clock;
    int64_t forgotten; /* what is at or before this is older than the retention */
};

static const struct qtl_series *orders_of(const struct booking *booking)
{
    return qtl_book_list(booking->customer->book);
}

static bool is_remembered(const struct booking *booking, unsigned code, uint64_t id)
{
    const struct qtl_series *const series = qtl_book_series(booking->customer->book, code);
    return series != NULL && qtl_series_find_id(series, id, booking->forgotten, UINT32_MAX) >= 0;
}

static void add_row(const struct booking *booking, unsigned code, const struct qtl_row *row)
{
    struct qtl_pool *const pool = booking->history->pool;
    struct qtl_book **const book = &booking->customer->book;
    if (row->second > booking->forgotten) {
        qtl_book_insert(book, pool, code, row, booking->forgotten);
    } else {
        qtl_book_add_forgotten(book, pool, code, row, booking->forgotten);
    }
}

static void remember(const struct booking *booking, unsigned code, int64_t second, uint64_t id)
{
    if (second > booking->forgotten) {
        add_row(booking, code, &(struct qtl_row){.second = second, .id = id});
    }
}

/* Whether every total stays within its bound when `less` (may be NULL) makes way for `more`. What
 * is bounded is the sum of magnitudes: late and back-dated bookings put rows between others, so
 * that only this keeps every window's sum within 64 bits. `series` NULL: there is none yet. */
static bool totals_fit(const struct qtl_series *series, const struct qtl_amounts *less,
                       const struct qtl_amounts *more)
{
    qtl_i128 totals[QTL_COLUMNS];
    for (int column = 0; column < QTL_COLUMNS; column++) {
        const int64_t total =
            series == NULL ? 0 : qtl_series_total(series, (enum qtl_column)column, series->count);
        totals[column] =
            (qtl_i128)total - (less == NULL ? 0 : less->column[column]) + more->column[column];
    }
    const int may_be_negative =
        series != NULL && series->code == QTL_SERIES_ORDERS ? QTL_COLUMN_MARGIN : QTL_COLUMN_VALUE;
    totals[may_be_negative] += 2 * totals[QTL_COLUMN_NEGATIVE];
    for (int column = 0; column < QTL_COLUMNS; column++) {
        if (totals[column] > QTL_TOTAL_E4_MAX) {
            return false;
        }
    }
    return true;
}

/* The same for one row more, at less cost where all is far from the bounds. */
static bool one_more_fits(const struct qtl_series *series, const struct qtl_amounts *more)
{
    enum { SMALL_BITS = 56 };
    uint64_t bits = 0;
    for (int column = 0; column < QTL_COLUMNS; column++) {
        bits |= (uint64_t)more->column[column];
    }
    for (unsigned column = 0; series != NULL && series->shape >> column != 0; column++) {
        if (column < QTL_COLUMNS && (series->shape >> column & 1U) != 0) {
            bits |= (uint64_t)qtl_series_total(series, (enum qtl_column)column, series->count);
        }
    }
    const bool is_small = bits >> SMALL_BITS == 0; /* nothing negative either */
    return is_small || totals_fit(series, NULL, more);
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
    return qtl_series_find_id(orders_of(booking), booking->event->order_hash, booking->forgotten,
                              UINT32_MAX);
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
    if (!one_more_fits(orders_of(booking), &amounts)) {
        return QTL_REASON_BAD_AMOUNT;
    }
    const struct qtl_row row = {.second = second, .id = event->order_hash, .amounts = &amounts};
    add_row(booking, QTL_SERIES_ORDERS, &row);
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
    const struct qtl_series *const orders = orders_of(booking);
    struct qtl_amounts former;
    for (int i = 0; i < QTL_COLUMNS; i++) {
        const enum qtl_column column = (enum qtl_column)i;
        former.column[i] = qtl_series_total(orders, column, (uint32_t)row + 1) -
                           qtl_series_total(orders, column, (uint32_t)row);
    }
    if (!totals_fit(orders, &former, &amounts)) {
        return QTL_REASON_BAD_AMOUNT;
    }
    qtl_book_change(&customer->book, pool, QTL_SERIES_ORDERS, (uint32_t)row, &amounts);
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
    struct qtl_book *const book = booking->customer->book;
    const struct qtl_series *const unmatched = qtl_book_series(book, QTL_SERIES_UNMATCHED);
    if (unmatched != NULL && unmatched->count > QTL_UNMATCHED_MAX) {
        qtl_book_remove(book, QTL_SERIES_UNMATCHED, 0);
        history->forgotten_cancellations++;
    }
}

static enum qtl_reason book_cancelled(const struct booking *booking)
{
    const uint64_t order = booking->event->order_hash;
    const int64_t row = standing_row(booking);
    if (row >= 0) {
        const int64_t second = qtl_series_time(orders_of(booking), (uint32_t)row);
        qtl_book_remove(booking->customer->book, QTL_SERIES_ORDERS, (uint32_t)row);
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
    if (!one_more_fits(qtl_book_series(booking->customer->book, QTL_SERIES_RETURNS), &amounts)) {
        return QTL_REASON_BAD_AMOUNT;
    }
    const struct qtl_row row = {.second = placed_at(event), .amounts = &amounts};
    add_row(booking, QTL_SERIES_RETURNS, &row);
    remember(booking, QTL_SERIES_RETURN_IDS, event->occurred_at, key);
    return QTL_REASON_NONE;
}

/* The same id near this second, in rows of whatever kind. */
static bool is_repeated_engagement(const struct booking *booking)
{
    const struct qtl_event *const event = booking->event;
    const struct qtl_book *const book = booking->customer->book;
    if (event->event_hash == 0 || book->event_ids == 0) {
        return false;
    }
    const int64_t horizon_s = booking->history->duplicate_horizon_s;
    const int64_t horizon = event->occurred_at - horizon_s - 1;
    const int64_t after = horizon > booking->forgotten ? horizon : booking->forgotten;
    const struct qtl_series *series = qtl_book_list(book) + 1; /* behind the orders */
    for (const struct qtl_series *const end = series + book->series_count - 1; series < end;
         series++) {
        if (series->code < QTL_KINDS_MAX && series->count > 0 &&
            qtl_series_time(series, series->count - 1) > after &&
            qtl_series_find_id(series, event->event_hash, after, event->occurred_at + horizon_s) >=
                0) {
            return true;
        }
    }
    return false;
}

/* The id to book with a row of engagement. Where there are as many as may be, one that is older
 * than all of them is not remembered at all. */
static uint64_t id_to_remember(const struct booking *booking)
{
    const struct qtl_event *const event = booking->event;
    const struct qtl_book *const book = booking->customer->book;
    if (event->event_hash == 0 || event->occurred_at <= booking->forgotten) {
        return 0;
    }
    if (book->event_ids == QTL_EVENT_IDS_MAX && event->occurred_at < book->ids_since) {
        booking->history->forgotten_event_ids++;
        return 0;
    }
    return event->event_hash;
}

static enum qtl_reason book_engagement(const struct booking *booking)
{
    const struct qtl_event *const event = booking->event;
    QTL_ASSERT(event->kind < QTL_KINDS_MAX);
    if (is_repeated_engagement(booking)) {
        booking->history->duplicates++;
        return QTL_REASON_NONE;
    }
    struct qtl_row row = {.second = event->occurred_at};
    const struct qtl_amounts amounts = {
        .column = {[QTL_COLUMN_VALUE] = event->amount_e4,
                   [QTL_COLUMN_NEGATIVE] = below_zero(event->amount_e4)}};
    if (event->amount_e4 != 0) {
        row.amounts = &amounts;
        if (!one_more_fits(qtl_book_series(booking->customer->book, event->kind), &amounts)) {
            return QTL_REASON_BAD_AMOUNT;
        }
    }
    row.id = id_to_remember(booking);
    add_row(booking, event->kind, &row);
    if (booking->customer->book->event_ids > QTL_EVENT_IDS_MAX) {
        qtl_book_drop_oldest_id(booking->customer->book);
        booking->history->forgotten_event_ids++;
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

static enum qtl_reason book_event(const struct booking *booking)
{
    switch ((enum qtl_stream)booking->event->stream) {
    case QTL_STREAM_ORDERS:
        return book_order(booking);
    case QTL_STREAM_ENGAGEMENT:
        return book_engagement(booking);
    case QTL_STREAM_CUSTOMERS:
        return QTL_REASON_NONE; /* profile fields are booked here when they come */
    }
    QTL_UNREACHABLE("an event of no known stream");
}

enum qtl_reason qtl_history_book(struct qtl_history *history, struct qtl_customer *customer,
                                 int64_t clock, const struct qtl_event *event)
{
    const struct booking booking = {.history = history,
                                    .customer = customer,
                                    .event = event,
                                    .clock = clock,
                                    .forgotten = clock - history->retention_s};
    const enum qtl_reason reason = book_event(&booking);
    qtl_customer_note_book(customer);
    return reason;
}
