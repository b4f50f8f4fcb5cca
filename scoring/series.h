/*
 * A series: one customer's rows of one sort (orders, returns, engagement of one kind, remembered
 * ids) in the order of their times, with running totals. A window is two look-ups and a
 * subtraction; expiry needs no work. Only integer sums are subtracted.
 *
 *   rows ->  | times      | ids        | sums of column 0 | sums of column 1 | ... |
 *            | u32 x cap  | u64 x cap  | int64 x (cap+1)  |                  |     |
 *
 *   sums[0]     total of what is forgotten (older than the retention)
 *   sums[i + 1] the same plus rows 0..i
 *
 * Columns that nobody needs take no memory: a column appears with the first row that has something
 * else than its default in it (0; for items 1).
 *
 * Threads: the slice's owner. Times are seconds since 1970 in 32 bits (1970..2106).
 */
#ifndef QTL_SCORING_SERIES_H
#define QTL_SCORING_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_pool;

/* What a series holds. Engagement kinds 0..31 are their own codes. */
enum qtl_series_code {
    QTL_SERIES_ORDERS = 32, /* standing orders: ids, amount, margin, items, discount */
    QTL_SERIES_RETURNS,     /* by booked time: amount */
    QTL_SERIES_VOIDED,      /* orders voided, by their own time: ids */
    QTL_SERIES_UNMATCHED,   /* cancellations before their order, by the clock: ids */
    QTL_SERIES_RETURN_IDS,  /* returns taken, by occurred_at: ids */
    QTL_SERIES_EVENT_IDS,   /* engagement taken, by occurred_at: ids */
    QTL_SERIES_AMENDMENTS,  /* last amendment of an order; rows belong to scoring/amendments.c */
};

/* Columns of sums. Engagement has its value in the first. */
enum qtl_column {
    QTL_COLUMN_AMOUNT,
    QTL_COLUMN_MARGIN,
    QTL_COLUMN_ITEMS, /* absent: one each */
    QTL_COLUMN_DISCOUNT,
    QTL_COLUMN_NEGATIVE, /* magnitudes of what is below 0 in the column that may be: margin, value
                          */
};
#define QTL_COLUMNS 5
#define QTL_COLUMN_VALUE QTL_COLUMN_AMOUNT

struct qtl_series {
    unsigned char *rows; /* owned, from the slice's pool */
    uint32_t count;
    uint32_t capacity;
    uint32_t forgotten; /* rows that left the retention, kept as totals */
    uint32_t forgotten_first;
    uint32_t forgotten_last;
    uint8_t code;    /* enum qtl_series_code or a kind */
    uint8_t columns; /* bit per qtl_column that is stored */
    uint8_t has_ids;
    uint8_t reserved;
};
_Static_assert(sizeof(struct qtl_series) == 32, "two to a cache line");

/* What a row holds besides its time and id. */
struct qtl_amounts {
    int64_t column[QTL_COLUMNS];
};

/* Frees the rows. */
void qtl_series_fini(struct qtl_series *series, struct qtl_pool *pool);

/* In a header because every window of every rule comes through here. */
static inline const uint32_t *qtl_series_times(const struct qtl_series *series)
{
    return (const uint32_t *)(const void *)series->rows;
}

const uint64_t *qtl_series_ids(const struct qtl_series *series); /* only where has_ids */

/* Number of rows with a time <= `second`. */
static inline uint32_t qtl_series_find(const struct qtl_series *series, int64_t second)
{
    const uint32_t *const times = qtl_series_times(series);
    if (series->count == 0 || times[0] > second) {
        return 0; /* nothing has left the window: the usual case for long ones */
    }
    uint32_t low = 0;
    uint32_t high = series->count;
    while (high - low > 8) {
        const uint32_t middle = low + (high - low) / 2;
        if (times[middle] <= second) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low < high && times[low] <= second) {
        low++;
    }
    return low;
}

/* Total of a column over everything forgotten and the first `rows` rows; whole numbers of rows
 * where the column is not stored and its default is 1 each (items). Ten-thousandths. */
int64_t qtl_series_total(const struct qtl_series *series, enum qtl_column column, uint32_t rows);

/* The same totals as an array, by the number of rows; NULL where the column is not stored. Stale
 * after any change of the series. */
const int64_t *qtl_series_sums(const struct qtl_series *series, enum qtl_column column);

/* Adds a row behind those of the same second. `id` 0: none. What leaves the retention (times <=
 * `forget_before`) may be forgotten to make room. */
void qtl_series_insert(struct qtl_series *series, struct qtl_pool *pool, int64_t second,
                       uint64_t id, const struct qtl_amounts *amounts, int64_t forget_before);

/* Adds what is older than the retention (`second` <= `forget_before`): to the totals only. */
void qtl_series_add_forgotten(struct qtl_series *series, struct qtl_pool *pool, int64_t second,
                              const struct qtl_amounts *amounts, int64_t forget_before);

/* Takes a row out as if it had never been there. */
void qtl_series_remove(struct qtl_series *series, uint32_t row);

/* Gives a row other amounts. */
void qtl_series_change(struct qtl_series *series, struct qtl_pool *pool, uint32_t row,
                       const struct qtl_amounts *amounts);

/* The row with this id and a time in (after, upto], or -1. Searches from the newest. */
int64_t qtl_series_find_id(const struct qtl_series *series, uint64_t id, int64_t after,
                           int64_t upto);

/* First and last second ever, forgotten ones included; false where there is none. */
bool qtl_series_first(const struct qtl_series *series, int64_t *second);
bool qtl_series_last(const struct qtl_series *series, int64_t *second);

/* Bytes of its block. */
size_t qtl_series_bytes(const struct qtl_series *series);

/* Stops the process where an invariant is broken (times rise, counts fit). For tests. */
void qtl_series_check(const struct qtl_series *series);

#endif
