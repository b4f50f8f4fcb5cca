/*
 * See series.h for the layout. Rows are kept in one block so that a customer's whole history of one
 * sort is one or two cache lines for nearly everybody. In-order input appends; a late row costs a
 * shift of what is behind it and an addition to each of its running totals.
 *
 * Rejected: a ring of buckets a window (a rule with a new window would need history that is gone),
 * and a tree (nobody has enough rows for it to pay, and it costs a miss a level).
 *
 * Thread: the slice's owner.
 */
#include "scoring/series.h"

#include "schemas/event.h"
#include "scoring/base/assert.h"
#include "scoring/base/pool.h"

#include <string.h>

_Static_assert(QTL_COLUMNS <= 8, "columns are counted in eight bits");

/* Bits in parallel: popcount is a call where the processor may be any. */
static unsigned column_count(unsigned columns)
{
    const unsigned pairs = columns - (columns >> 1 & 0x55U);
    const unsigned fours = (pairs & 0x33U) + (pairs >> 2 & 0x33U);
    return (fours + (fours >> 4)) & 0xfU;
}

static size_t row_bytes(unsigned columns, unsigned has_ids)
{
    return sizeof(uint32_t) + (has_ids ? sizeof(uint64_t) : 0) +
           column_count(columns) * sizeof(int64_t);
}

/* Bytes of the times, padded so that what is behind them is aligned. */
static size_t times_bytes(uint32_t capacity)
{
    return ((size_t)capacity + 1) / 2 * sizeof(uint64_t);
}

static size_t block_bytes(unsigned columns, unsigned has_ids, uint32_t capacity)
{
    return times_bytes(capacity) + (has_ids ? (size_t)capacity * sizeof(uint64_t) : 0) +
           column_count(columns) * ((size_t)capacity + 1) * sizeof(int64_t);
}

size_t qtl_series_bytes(const struct qtl_series *series)
{
    return series->rows == NULL
               ? 0
               : qtl_pool_round(block_bytes(series->columns, series->has_ids, series->capacity));
}

static uint32_t *times_of(const struct qtl_series *series)
{
    return (uint32_t *)(void *)series->rows;
}

static uint64_t *ids_of(const struct qtl_series *series)
{
    return (uint64_t *)(void *)(series->rows + times_bytes(series->capacity));
}

static int64_t *sums_of(const struct qtl_series *series, enum qtl_column column)
{
    const unsigned before = column_count(series->columns & ((1U << column) - 1));
    return (int64_t *)(void *)ids_of(series) + (series->has_ids ? series->capacity : 0) +
           (size_t)before * (series->capacity + 1U);
}

const uint64_t *qtl_series_ids(const struct qtl_series *series)
{
    QTL_ASSERT(series->has_ids);
    return ids_of(series);
}

static bool has_column(const struct qtl_series *series, unsigned column)
{
    return (series->columns >> column & 1U) != 0;
}

/* What a row counts for where its column is not stored. */
static int64_t default_of(const struct qtl_series *series, unsigned column)
{
    return series->code == QTL_SERIES_ORDERS && column == QTL_COLUMN_ITEMS ? QTL_E4 : 0;
}

void qtl_series_fini(struct qtl_series *series, struct qtl_pool *pool)
{
    qtl_pool_give(pool, series->rows, qtl_series_bytes(series));
    series->rows = NULL;
    series->count = series->capacity = 0;
}

int64_t qtl_series_total(const struct qtl_series *series, enum qtl_column column, uint32_t rows)
{
    QTL_ASSERT(rows <= series->count);
    if (has_column(series, column)) {
        return sums_of(series, column)[rows];
    }
    return default_of(series, column) * ((int64_t)series->forgotten + rows);
}

const int64_t *qtl_series_sums(const struct qtl_series *series, enum qtl_column column)
{
    return has_column(series, column) ? sums_of(series, column) : NULL;
}

/* Moves the rows to a block with another capacity or other columns. */
static void relayout(struct qtl_series *series, struct qtl_pool *pool, unsigned columns,
                     unsigned has_ids, uint32_t capacity)
{
    QTL_ASSERT(capacity >= series->count);
    size_t bytes = qtl_pool_round(block_bytes(columns, has_ids, capacity));
    capacity =
        (uint32_t)((bytes - column_count(columns) * sizeof(int64_t)) / row_bytes(columns, has_ids));
    while (block_bytes(columns, has_ids, capacity) > bytes) {
        capacity--; /* the padding of the times */
    }
    struct qtl_series moved = *series;
    moved.columns = (uint8_t)columns;
    moved.has_ids = (uint8_t)has_ids;
    moved.capacity = capacity;
    QTL_ASSERT(qtl_pool_round(block_bytes(columns, has_ids, capacity)) == bytes);
    moved.rows = qtl_pool_take(pool, bytes);
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if (!has_column(&moved, column)) {
            continue;
        }
        int64_t *const sums = sums_of(&moved, column);
        for (uint32_t row = 0; row <= series->count; row++) {
            sums[row] = qtl_series_total(series, column, row);
        }
    }
    if (has_ids && series->has_ids) {
        memcpy(ids_of(&moved), ids_of(series), series->count * sizeof(uint64_t));
    } else if (has_ids) {
        memset(ids_of(&moved), 0, series->count * sizeof(uint64_t));
    }
    if (series->count > 0) {
        memcpy(times_of(&moved), times_of(series), series->count * sizeof(uint32_t));
    }
    qtl_pool_give(pool, series->rows, qtl_series_bytes(series));
    *series = moved;
}

/* The columns that must be stored to hold these amounts. */
static unsigned columns_for(const struct qtl_series *series, const struct qtl_amounts *amounts)
{
    unsigned columns = series->columns;
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if (amounts->column[column] != default_of(series, column)) {
            columns |= 1U << column;
        }
    }
    return columns;
}

static void shift_rows(const struct qtl_series *series, uint32_t to, uint32_t from)
{
    const size_t behind = series->count - from;
    uint32_t *const times = times_of(series);
    memmove(times + to, times + from, behind * sizeof(*times));
    if (series->has_ids) {
        uint64_t *const ids = ids_of(series);
        memmove(ids + to, ids + from, behind * sizeof(*ids));
    }
}

/* Rows with a time <= `second` become totals. */
static void forget(struct qtl_series *series, int64_t second)
{
    const uint32_t gone = qtl_series_find(series, second);
    if (gone == 0) {
        return;
    }
    const uint32_t *const times = times_of(series);
    if (series->forgotten == 0) {
        series->forgotten_first = times[0];
    }
    series->forgotten_last = times[gone - 1];
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if (has_column(series, column)) {
            int64_t *const sums = sums_of(series, column);
            memmove(sums, sums + gone, (series->count - gone + 1U) * sizeof(*sums));
        }
    }
    shift_rows(series, 0, gone);
    series->count -= gone;
    series->forgotten += gone;
}

static void make_room(struct qtl_series *series, struct qtl_pool *pool, unsigned columns,
                      unsigned has_ids, int64_t forget_before)
{
    if (series->count == series->capacity && series->count > 0) {
        forget(series, forget_before);
    }
    const bool full = series->count == series->capacity;
    if (!full && columns == series->columns && has_ids == series->has_ids) {
        return;
    }
    const uint32_t capacity = full ? series->count + series->count / 8 + 1 : series->capacity;
    relayout(series, pool, columns, has_ids, capacity);
}

void qtl_series_insert(struct qtl_series *series, struct qtl_pool *pool, int64_t second,
                       uint64_t id, const struct qtl_amounts *amounts, int64_t forget_before)
{
    QTL_ASSERT(second > 0 && second <= UINT32_MAX);
    make_room(series, pool, columns_for(series, amounts), id != 0 || series->has_ids,
              forget_before);
    const uint32_t row = qtl_series_find(series, second);
    shift_rows(series, row + 1, row);
    times_of(series)[row] = (uint32_t)second;
    if (series->has_ids) {
        ids_of(series)[row] = id;
    }
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if (!has_column(series, column)) {
            continue;
        }
        int64_t *const sums = sums_of(series, column);
        for (uint32_t i = series->count + 1U; i > row; i--) {
            sums[i] = sums[i - 1] + amounts->column[column];
        }
    }
    series->count++;
}

void qtl_series_add_forgotten(struct qtl_series *series, struct qtl_pool *pool, int64_t second,
                              const struct qtl_amounts *amounts, int64_t forget_before)
{
    QTL_ASSERT(second > 0 && second <= forget_before);
    forget(series, forget_before); /* so that what is forgotten stays older than every row */
    const unsigned columns = columns_for(series, amounts);
    if (columns != series->columns) {
        relayout(series, pool, columns, series->has_ids, series->capacity);
    }
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if (has_column(series, column)) {
            int64_t *const sums = sums_of(series, column);
            for (uint32_t i = 0; i <= series->count; i++) {
                sums[i] += amounts->column[column];
            }
        }
    }
    const uint32_t time = (uint32_t)second;
    if (series->forgotten == 0 || time < series->forgotten_first) {
        series->forgotten_first = time;
    }
    if (series->forgotten == 0 || time > series->forgotten_last) {
        series->forgotten_last = time;
    }
    series->forgotten++;
}

void qtl_series_remove(struct qtl_series *series, uint32_t row)
{
    QTL_ASSERT(row < series->count);
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if (has_column(series, column)) {
            int64_t *const sums = sums_of(series, column);
            const int64_t amount = sums[row + 1] - sums[row];
            for (uint32_t i = row + 1; i < series->count; i++) {
                sums[i] = sums[i + 1] - amount;
            }
        }
    }
    shift_rows(series, row, row + 1);
    series->count--;
}

void qtl_series_change(struct qtl_series *series, struct qtl_pool *pool, uint32_t row,
                       const struct qtl_amounts *amounts)
{
    QTL_ASSERT(row < series->count);
    const unsigned columns = columns_for(series, amounts);
    if (columns != series->columns) {
        relayout(series, pool, columns, series->has_ids, series->capacity);
    }
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if (has_column(series, column)) {
            int64_t *const sums = sums_of(series, column);
            const int64_t more = amounts->column[column] - (sums[row + 1] - sums[row]);
            for (uint32_t i = row + 1; i <= series->count; i++) {
                sums[i] += more;
            }
        }
    }
}

int64_t qtl_series_find_id(const struct qtl_series *series, uint64_t id, int64_t after,
                           int64_t upto)
{
    if (series->count == 0 || !series->has_ids) {
        return -1;
    }
    const uint32_t *const times = times_of(series);
    const uint64_t *const ids = ids_of(series);
    for (int64_t row = (int64_t)qtl_series_find(series, upto) - 1; row >= 0; row--) {
        if (times[row] <= after) {
            return -1;
        }
        if (ids[row] == id) {
            return row;
        }
    }
    return -1;
}

bool qtl_series_first(const struct qtl_series *series, int64_t *second)
{
    if (series->forgotten > 0) {
        *second = series->forgotten_first;
        return true;
    }
    if (series->count > 0) {
        *second = times_of(series)[0];
        return true;
    }
    return false;
}

bool qtl_series_last(const struct qtl_series *series, int64_t *second)
{
    if (series->count > 0) {
        *second = times_of(series)[series->count - 1];
        return true;
    }
    if (series->forgotten > 0) {
        *second = series->forgotten_last;
        return true;
    }
    return false;
}

void qtl_series_check(const struct qtl_series *series)
{
    QTL_ASSERT(series->count <= series->capacity);
    if (series->count == 0) {
        return;
    }
    const uint32_t *const times = times_of(series);
    for (uint32_t row = 1; row < series->count; row++) {
        QTL_ASSERT(times[row - 1] <= times[row]);
    }
    QTL_ASSERT(series->forgotten == 0 || series->forgotten_last <= times[0]);
}
