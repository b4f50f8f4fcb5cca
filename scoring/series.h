/*
 * A series: one customer's rows of one sort (orders, returns, engagement of one kind, remembered
 * ids) in the order of their times, with running totals. A window is two look-ups and a
 * subtraction; expiry needs no work. Only integer sums are subtracted.
 *
 * This is the directory entry of a series and how it is read; entries and rows stand in one block a
 * customer (scoring/book.h), where everything that changes them is.
 *
 *   head, only where rows were forgotten   | rows | first | last | total of each column |
 *   row                                    | time | id    | total of each column        |
 *                                            u32    u64     int64, this row's included
 *
 * All of it is 32-bit words, so that a row is as long as what it holds: an id takes no room where
 * no row of the series has one, and a column appears with the first row that has something else
 * than its default in it (0; for items 1).
 *
 * Threads: the slice's owner. Times are seconds since 1970 in 32 bits (1970..2106).
 */
#ifndef QTL_SCORING_SERIES_H
#define QTL_SCORING_SERIES_H

#include "schemas/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What a series holds. Engagement kinds 0..31 are their own codes. */
enum qtl_series_code {
    QTL_SERIES_ORDERS = 32, /* standing orders: ids, amount, margin, items, discount */
    QTL_SERIES_RETURNS,     /* by booked time: amount */
    QTL_SERIES_VOIDED,      /* orders voided, by their own time: ids */
    QTL_SERIES_UNMATCHED,   /* cancellations before their order, by the clock: ids */
    QTL_SERIES_RETURN_IDS,  /* returns taken, by occurred_at: ids */
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

/* A series' shape: a bit for each column that is stored, and these. */
#define QTL_SHAPE_COLUMNS 0x1fU
#define QTL_SHAPE_IDS 0x20U
#define QTL_SHAPE_FORGOTTEN 0x40U /* it has a head */

struct qtl_series {
    uint32_t place; /* where its words are: bytes from this entry */
    uint32_t count; /* rows */
    uint8_t code;   /* enum qtl_series_code or a kind */
    uint8_t shape;
    uint8_t row_words;
    uint8_t head_words;
};
_Static_assert(sizeof(struct qtl_series) == 12, "four and what they head fit a cache line");

/* What a row holds besides its time and id. */
struct qtl_amounts {
    int64_t column[QTL_COLUMNS];
};

/* Windows of every rule come through here, so most of it is in the header. */
static inline uint32_t *qtl_series_words(const struct qtl_series *series)
{
    return (uint32_t *)((uintptr_t)series + series->place);
}

static inline uint32_t *qtl_series_row(const struct qtl_series *series, uint32_t row)
{
    return qtl_series_words(series) + series->head_words + (size_t)row * series->row_words;
}

static inline uint32_t qtl_series_time(const struct qtl_series *series, uint32_t row)
{
    return qtl_series_row(series, row)[0];
}

/* 64 bits stand on any word. */
static inline uint64_t qtl_series_load(const uint32_t *words)
{
    uint64_t value = 0;
    memcpy(&value, words, sizeof(value));
    return value;
}

/* A row's id; only where the shape has ids. 0: none. */
static inline uint64_t qtl_series_id(const struct qtl_series *series, uint32_t row)
{
    return qtl_series_load(qtl_series_row(series, row) + 1);
}

/* Where a row has the total of a stored column. */
static inline unsigned qtl_series_offset(unsigned shape, unsigned column)
{
    unsigned offset = (shape & QTL_SHAPE_IDS) != 0 ? 3 : 1;
    for (unsigned before = shape & ((1U << column) - 1); before != 0; before &= before - 1) {
        offset += 2;
    }
    return offset;
}

/* Rows that left the retention and are kept as totals. */
static inline uint32_t qtl_series_forgotten(const struct qtl_series *series)
{
    return (series->shape & QTL_SHAPE_FORGOTTEN) != 0 ? qtl_series_words(series)[0] : 0;
}

/* Number of rows with a time <= `second`. */
static inline uint32_t qtl_series_find(const struct qtl_series *series, int64_t second)
{
    const uint32_t *const rows = qtl_series_row(series, 0);
    const uint32_t words = series->row_words;
    if (series->count == 0 || rows[0] > second) {
        return 0; /* nothing has left the window: the usual case for long ones */
    }
    uint32_t low = 1;
    uint32_t high = series->count;
    while (high - low > 8) {
        const uint32_t middle = low + (high - low) / 2;
        if (rows[(size_t)middle * words] <= second) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low < high && rows[(size_t)low * words] <= second) {
        low++;
    }
    return low;
}

/* Total of a column over everything forgotten and the first `rows` rows; whole numbers of rows
 * where the column is not stored and its default is 1 each (items). Ten-thousandths. */
int64_t qtl_series_total(const struct qtl_series *series, enum qtl_column column, uint32_t rows);

/* What a row counts for where its column is not stored. */
static inline int64_t qtl_series_default(unsigned code, unsigned column)
{
    return code == QTL_SERIES_ORDERS && column == QTL_COLUMN_ITEMS ? QTL_E4 : 0;
}

/* The row with this id and a time in (after, upto], or -1. Searches from the newest. */
int64_t qtl_series_find_id(const struct qtl_series *series, uint64_t id, int64_t after,
                           int64_t upto);

/* First and last second ever, forgotten ones included; false where there is none. */
static inline bool qtl_series_first(const struct qtl_series *series, int64_t *second)
{
    if ((series->shape & QTL_SHAPE_FORGOTTEN) != 0) {
        *second = qtl_series_words(series)[1];
        return true;
    }
    *second = series->count > 0 ? qtl_series_time(series, 0) : 0;
    return series->count > 0;
}

static inline bool qtl_series_last(const struct qtl_series *series, int64_t *second)
{
    if (series->count > 0) {
        *second = qtl_series_time(series, series->count - 1);
        return true;
    }
    if ((series->shape & QTL_SHAPE_FORGOTTEN) != 0) {
        *second = qtl_series_words(series)[2];
        return true;
    }
    return false;
}

#endif
