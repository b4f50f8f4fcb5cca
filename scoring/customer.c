/*
 * See customer.h. A customer has a handful of series; they stand in one array that is searched from
 * its start: two cache lines for nearly everybody.
 *
 * Thread: the slice's owner.
 */
#include "scoring/customer.h"

#include "scoring/base/pool.h"

#include <string.h>

enum { CACHE_LINE = 64 };

void qtl_customer_prefetch_record(const struct qtl_customer *customer)
{
    __builtin_prefetch(customer, 1);
    __builtin_prefetch((const char *)customer + CACHE_LINE, 1);
}

/* Times, ids and the first sums of a short series; a long one's are found by themselves. */
static void prefetch_series(const struct qtl_series *series)
{
    enum { LINES_MAX = 4 };
    const size_t bytes = (size_t)series->capacity * (series->columns == 0 ? 12U : 20U);
    for (size_t line = 0; line < LINES_MAX && line * CACHE_LINE < bytes + CACHE_LINE; line++) {
        __builtin_prefetch(series->rows + line * CACHE_LINE, 1);
    }
}

void qtl_customer_prefetch_series(const struct qtl_customer *customer)
{
    prefetch_series(&customer->orders);
    for (unsigned i = 0; i < customer->series_count; i++) {
        __builtin_prefetch(&customer->series[i], 1);
    }
}

void qtl_customer_prefetch_rows(const struct qtl_customer *customer)
{
    for (unsigned i = 0; i < customer->series_count; i++) {
        prefetch_series(&customer->series[i]);
    }
}

uint32_t *qtl_customer_next(struct qtl_customer *customer, uint16_t segment_count)
{
    return customer->since + segment_count;
}

uint8_t *qtl_customer_states(struct qtl_customer *customer, uint16_t segment_count)
{
    return (uint8_t *)(customer->since + 2U * segment_count);
}

struct qtl_series *qtl_customer_series(const struct qtl_customer *customer, unsigned code)
{
    struct qtl_series *const end = customer->series + customer->series_count;
    for (struct qtl_series *series = customer->series; series < end; series++) {
        if (series->code == code) {
            return series;
        }
    }
    return NULL;
}

struct qtl_series *qtl_customer_series_make(struct qtl_customer *customer, struct qtl_pool *pool,
                                            unsigned code)
{
    struct qtl_series *series = qtl_customer_series(customer, code);
    if (series != NULL) {
        return series;
    }
    if (customer->series_count == customer->series_capacity) {
        const size_t size = sizeof(*series);
        const unsigned capacity =
            customer->series_capacity + (customer->series_capacity < 4 ? 1U : 4U);
        struct qtl_series *const moved = qtl_pool_take(pool, capacity * size);
        if (customer->series_count > 0) {
            memcpy(moved, customer->series, customer->series_count * size);
        }
        qtl_pool_give(pool, customer->series, customer->series_capacity * size);
        customer->series = moved;
        customer->series_capacity = (uint8_t)capacity;
    }
    series = &customer->series[customer->series_count++];
    memset(series, 0, sizeof(*series));
    series->code = (uint8_t)code;
    return series;
}
