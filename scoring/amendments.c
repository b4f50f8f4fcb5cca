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

static struct amendment *rows_of(const struct qtl_series *series)
{
    return (struct amendment *)(void *)series->rows;
}

static struct amendment *find(const struct qtl_customer *customer, uint64_t order)
{
    const struct qtl_series *const series = qtl_customer_series(customer, QTL_SERIES_AMENDMENTS);
    if (series == NULL) {
        return NULL;
    }
    for (uint32_t row = 0; row < series->count; row++) {
        if (rows_of(series)[row].order == order) {
            return &rows_of(series)[row];
        }
    }
    return NULL;
}

bool qtl_amendments_is_latest(const struct qtl_customer *customer, const struct qtl_event *event)
{
    const struct amendment *const kept = find(customer, event->order_hash);
    if (kept == NULL || event->occurred_at > kept->occurred_at) {
        return true;
    }
    return event->occurred_at == kept->occurred_at &&
           qtl_text_compare(event->event_id,
                            (struct qtl_text){kept->event_id, kept->event_id_bytes}) >= 0;
}

/* Amendments of orders that no longer stand are of no use: voided orders stay void, forgotten ones
 * are not known. */
static void drop_stale(const struct qtl_customer *customer, struct qtl_series *series,
                       struct qtl_pool *pool)
{
    struct amendment *const rows = rows_of(series);
    uint32_t kept = 0;
    for (uint32_t row = 0; row < series->count; row++) {
        if (qtl_series_find_id(&customer->orders, rows[row].order, 0, UINT32_MAX) >= 0) {
            rows[kept++] = rows[row];
        } else {
            qtl_pool_give(pool, rows[row].event_id, rows[row].event_id_bytes);
        }
    }
    series->count = kept;
}

static struct amendment *add(struct qtl_customer *customer, struct qtl_pool *pool)
{
    struct qtl_series *const series =
        qtl_customer_series_make(customer, pool, QTL_SERIES_AMENDMENTS);
    if (series->count == series->capacity) {
        drop_stale(customer, series, pool);
    }
    if (series->count == series->capacity) {
        const size_t size = sizeof(struct amendment);
        const uint32_t capacity = series->capacity * 2 + 1;
        unsigned char *const moved = qtl_pool_take(pool, capacity * size);
        if (series->count > 0) {
            memcpy(moved, series->rows, series->count * size);
        }
        qtl_pool_give(pool, series->rows, series->capacity * size);
        series->rows = moved;
        series->capacity = capacity;
    }
    struct amendment *const row = &rows_of(series)[series->count++];
    memset(row, 0, sizeof(*row));
    return row;
}

void qtl_amendments_remember(struct qtl_customer *customer, struct qtl_pool *pool,
                             const struct qtl_event *event)
{
    struct amendment *row = find(customer, event->order_hash);
    if (row == NULL) {
        row = add(customer, pool);
    }
    qtl_pool_give(pool, row->event_id, row->event_id_bytes);
    row->order = event->order_hash;
    row->occurred_at = (uint32_t)event->occurred_at;
    row->event_id_bytes = event->event_id.length;
    row->event_id = NULL;
    if (event->event_id.length > 0) {
        row->event_id = qtl_pool_take(pool, event->event_id.length);
        memcpy(row->event_id, event->event_id.bytes, event->event_id.length);
    }
}
