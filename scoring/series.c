/*
 * See series.h. Rows are kept by row, not by column: a row more is one move of what stands behind
 * it, and a customer's few rows are a cache line or two whichever way one looks at them.
 *
 * Rejected: a ring of buckets a window (a rule with a new window would need history that is gone),
 * and a tree (nobody has enough rows for it to pay, and it costs a miss a level).
 *
 * Thread: the slice's owner.
 */
#include "scoring/series.h"

#include "scoring/base/assert.h"

_Static_assert(QTL_COLUMNS == 5, "QTL_SHAPE_COLUMNS has a bit for each");

int64_t qtl_series_total(const struct qtl_series *series, enum qtl_column column, uint32_t rows)
{
    QTL_ASSERT(rows <= series->count);
    if ((series->shape >> column & 1U) == 0) {
        return qtl_series_default(series->code, column) *
               ((int64_t)qtl_series_forgotten(series) + rows);
    }
    const unsigned offset = qtl_series_offset(series->shape, column);
    if (rows > 0) {
        return (int64_t)qtl_series_load(qtl_series_row(series, rows - 1) + offset);
    }
    if (series->head_words == 0) {
        return 0;
    }
    const unsigned before = (series->shape & QTL_SHAPE_IDS) != 0 ? 3 : 1;
    return (int64_t)qtl_series_load(qtl_series_words(series) + 3 + (offset - before));
}

int64_t qtl_series_find_id(const struct qtl_series *series, uint64_t id, int64_t after,
                           int64_t upto)
{
    if ((series->shape & QTL_SHAPE_IDS) == 0) {
        return -1;
    }
    const uint32_t from = upto >= UINT32_MAX ? series->count : qtl_series_find(series, upto);
    const uint32_t *words = qtl_series_row(series, from);
    for (int64_t row = (int64_t)from - 1; row >= 0; row--) {
        words -= series->row_words;
        if (words[0] <= after) {
            return -1;
        }
        if (qtl_series_load(words + 1) == id) {
            return row;
        }
    }
    return -1;
}
