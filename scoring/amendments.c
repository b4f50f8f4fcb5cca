/*
 * See amendments.h. The event ids' bytes are kept, not their hashes: a tie of times is broken by
 * the order of the bytes, so that the result does not depend on the order of arrival.
 *
 * Thread: the slice's owner.
 */
#include "scoring/amendments.h"

#include "scoring/base/pool.h"

#include <string.h>

struct amendment {
    uint64_t order;
    char *event_id; /* from the pool; NULL where it had none */
    uint32_t occurred_at;
    uint32_t event_id_bytes;
};

enum { ROW_WORDS = sizeof(struct amendment) / sizeof(uint32_t) };

/* Rows stand on any word, so they are copied in and out. */
static struct amendment read_row(const struct qtl_series *series, uint32_t row)
{
    struct amendment amendment;
    memcpy(&amendment, qtl_series_row(series, row), sizeof(amendment));
    return amendment;
}

static void write_row(uint32_t *words, const struct amendment *amendment)
{
    memcpy(words, amendment, sizeof(*amendment));
}

/* The place of an order's amendment, or -1. */
static int64_t find(const struct qtl_series *series, uint64_t order)
{
    for (uint32_t row = 0; series != NULL && row < series->count; row++) {
        if (read_row(series, row).order == order) {
            return row;
        }
    }
    return -1;
}

bool qtl_amendments_is_latest(const struct qtl_customer *customer, const struct qtl_event *event)
{
    const struct qtl_series *const series = qtl_book_series(customer->book, QTL_SERIES_AMENDMENTS);
    const int64_t row = find(series, event->order_hash);
    if (row < 0) {
        return true;
    }
    const struct amendment kept = read_row(series, (uint32_t)row);
    if (event->occurred_at != kept.occurred_at) {
        return event->occurred_at > kept.occurred_at;
    }
    return qtl_text_compare(event->event_id,
                            (struct qtl_text){kept.event_id, kept.event_id_bytes}) >= 0;
}

/* Amendments of orders that no longer stand are of no use: voided orders stay void, forgotten ones
 * are not known. */
static void drop_stale(const struct qtl_customer *customer, struct qtl_series *series,
                       struct qtl_pool *pool)
{
    const struct qtl_series *const orders = qtl_book_list(customer->book);
    uint32_t kept = 0;
    for (uint32_t row = 0; row < series->count; row++) {
        const struct amendment amendment = read_row(series, row);
        if (qtl_series_find_id(orders, amendment.order, 0, UINT32_MAX) >= 0) {
            write_row(qtl_series_row(series, kept++), &amendment);
        } else {
            qtl_pool_give(pool, amendment.event_id, amendment.event_id_bytes);
        }
    }
    series->count = kept;
}

/* Room for one more. Stale ones go whenever the count is a power of two: seldom enough to cost
 * nothing, often enough to keep no more than twice what is of use. */
static uint32_t *add(struct qtl_customer *customer, struct qtl_pool *pool)
{
    struct qtl_series *const series = qtl_book_series(customer->book, QTL_SERIES_AMENDMENTS);
    if (series != NULL && series->count > 1 && (series->count & (series->count - 1)) == 0) {
        drop_stale(customer, series, pool);
    }
    return qtl_book_append(&customer->book, pool, QTL_SERIES_AMENDMENTS, ROW_WORDS);
}

void qtl_amendments_remember(struct qtl_customer *customer, struct qtl_pool *pool,
                             const struct qtl_event *event)
{
    const struct qtl_series *const series = qtl_book_series(customer->book, QTL_SERIES_AMENDMENTS);
    const int64_t row = find(series, event->order_hash);
    uint32_t *words = NULL;
    if (row < 0) {
        words = add(customer, pool);
    } else {
        words = qtl_series_row(series, (uint32_t)row);
        const struct amendment former = read_row(series, (uint32_t)row);
        qtl_pool_give(pool, former.event_id, former.event_id_bytes);
    }
    struct amendment amendment = {.order = event->order_hash,
                                  .occurred_at = (uint32_t)event->occurred_at,
                                  .event_id_bytes = event->event_id.length};
    if (event->event_id.length > 0) {
        amendment.event_id = qtl_pool_take(pool, event->event_id.length);
        memcpy(amendment.event_id, event->event_id.bytes, event->event_id.length);
    }
    write_row(words, &amendment);
}
