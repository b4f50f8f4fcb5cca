/*
 * See book.h. One block a customer: whoever comes back is read from memory as one run of cache
 * lines, which can be asked for ahead of time, and nothing but words that say something is in it.
 *
 * Rejected: a block a series with room in each (an evaluation then waits for a dozen scattered
 * lines, and every series has room to spare), and all rows in one list by time (a window of one
 * kind would have to be counted row by row).
 *
 * Thread: the slice's owner.
 */
#include "scoring/book.h"

#include "scoring/base/assert.h"
#include "scoring/base/pool.h"
#include "scoring/rules.h"

enum {
    WORD = sizeof(uint32_t),
    HEAD_WORDS = 3, /* of a series with forgotten rows, before its totals */
    ROW_WORDS_MAX = 1 + 2 + 2 * QTL_COLUMNS,
    LARGE_BYTES = 1024, /* from here on a block has room to spare */
    SPARE_SHARE = 64,   /* behind a series that grew: this part of the block */
    GROWTH_SHARE = 16,  /* at its end, when it moves */
    GROWTH_LEAST = 24   /* two rows of engagement: whoever came is likely to come again */
};

/* ---- places in the block -----------------------------------------------------------------------
 */

/* Bytes from the start of the book to a series' words, and to the end of its rows. */
static size_t start_of(const struct qtl_book *book, const struct qtl_series *series)
{
    return (uintptr_t)series + series->place - (uintptr_t)book;
}

static size_t end_of(const struct qtl_book *book, const struct qtl_series *series)
{
    return start_of(book, series) +
           (series->head_words + (size_t)series->count * series->row_words) * WORD;
}

/* Where the next series begins, or the block ends. */
static size_t limit_of(const struct qtl_book *book, unsigned index)
{
    return index + 1U < book->series_count ? start_of(book, qtl_book_list(book) + index + 1)
                                           : book->bytes;
}

static size_t used_bytes(const struct qtl_book *book)
{
    return end_of(book, qtl_book_list(book) + book->series_count - 1);
}

static unsigned index_of(const struct qtl_book *book, const struct qtl_series *series)
{
    return (unsigned)(series - qtl_book_list(book));
}

/* Moves the book to a block of at least `bytes`. */
static void grow(struct qtl_book **book, struct qtl_pool *pool, size_t bytes)
{
    bytes = qtl_pool_round(bytes + (bytes >= LARGE_BYTES ? bytes / GROWTH_SHARE : GROWTH_LEAST));
    QTL_ASSERT(bytes <= UINT32_MAX);
    struct qtl_book *const moved = qtl_pool_take(pool, bytes);
    memcpy(moved, *book, used_bytes(*book));
    qtl_pool_give(pool, *book, (*book)->bytes);
    moved->bytes = (uint32_t)bytes;
    *book = moved;
}

struct qtl_book *qtl_book_new(struct qtl_pool *pool)
{
    const size_t bytes = qtl_pool_round(2 * QTL_POOL_GRAIN);
    struct qtl_book *const book = qtl_pool_take(pool, bytes);
    *book = (struct qtl_book){.bytes = (uint32_t)bytes, .series_count = 1};
    *qtl_book_list(book) = (struct qtl_series){
        .place = sizeof(struct qtl_series), .code = QTL_SERIES_ORDERS, .row_words = 1};
    return book;
}

void qtl_book_free(struct qtl_book *book, struct qtl_pool *pool)
{
    if (book != NULL) {
        qtl_pool_give(pool, book, book->bytes);
    }
}

/* Makes room for `words` more words of a series. */
static struct qtl_series *make_room(struct qtl_book **book, struct qtl_pool *pool, unsigned index,
                                    size_t words)
{
    const size_t end = end_of(*book, qtl_book_list(*book) + index);
    const size_t limit = limit_of(*book, index);
    if (limit - end >= words * WORD) {
        return qtl_book_list(*book) + index;
    }
    const bool is_last = index + 1U == (*book)->series_count;
    const bool is_large = (*book)->bytes >= LARGE_BYTES;
    const size_t spare = is_large && !is_last ? (*book)->bytes / SPARE_SHARE / WORD * WORD : 0;
    const size_t more = words * WORD - (limit - end) + spare;
    const size_t used = is_last ? limit : used_bytes(*book);
    if (used + more > (*book)->bytes) {
        grow(book, pool, used + more);
    }
    struct qtl_series *const list = qtl_book_list(*book);
    if (!is_last) {
        unsigned char *const bytes = (unsigned char *)*book;
        memmove(bytes + limit + more, bytes + limit, used - limit);
    }
    for (unsigned i = index + 1U; i < (*book)->series_count; i++) {
        list[i].place += (uint32_t)more;
    }
    return list + index;
}

/* ---- series ------------------------------------------------------------------------------------
 */

/* Orders first, the others by code. */
static unsigned rank_of(unsigned code)
{
    return code == QTL_SERIES_ORDERS ? 0 : code + 1;
}

static struct qtl_series *add_series(struct qtl_book **book, struct qtl_pool *pool, unsigned index,
                                     unsigned code)
{
    const size_t used = used_bytes(*book);
    if (used + sizeof(struct qtl_series) > (*book)->bytes) {
        grow(book, pool, used + sizeof(struct qtl_series));
    }
    struct qtl_series *const list = qtl_book_list(*book);
    const unsigned count = (*book)->series_count;
    QTL_ASSERT(count < UINT8_MAX);
    const size_t start = index < count ? start_of(*book, list + index) : used;
    unsigned char *const behind = (unsigned char *)(list + count);
    memmove(behind + sizeof(*list), behind, used - (size_t)(behind - (unsigned char *)*book));
    memmove(list + index + 1, list + index, (count - index) * sizeof(*list));
    for (unsigned i = 0; i < index; i++) {
        list[i].place += (uint32_t)sizeof(*list); /* those behind moved with their words */
    }
    const size_t entry = (uintptr_t)(list + index) - (uintptr_t)*book;
    list[index] = (struct qtl_series){
        .place = (uint32_t)(start + sizeof(*list) - entry), .code = (uint8_t)code, .row_words = 1};
    (*book)->series_count++;
    return list + index;
}

static struct qtl_series *make_series(struct qtl_book **book, struct qtl_pool *pool, unsigned code)
{
    struct qtl_series *const list = qtl_book_list(*book);
    unsigned index = 0;
    while (index < (*book)->series_count && rank_of(list[index].code) < rank_of(code)) {
        index++;
    }
    if (index < (*book)->series_count && list[index].code == code) {
        return list + index;
    }
    return add_series(book, pool, index, code);
}

static void store(uint32_t *words, uint64_t value)
{
    memcpy(words, &value, sizeof(value));
}

/* A row, or the head's totals, as they are in another shape: whatever is not stored yet has its
 * default `rows` times. */
static unsigned copy_totals(const struct qtl_series *series, unsigned shape, uint32_t rows,
                            uint32_t *words)
{
    unsigned length = 0;
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if ((shape >> column & 1U) != 0) {
            store(words + length,
                  (uint64_t)qtl_series_total(series, (enum qtl_column)column, rows));
            length += 2;
        }
    }
    return length;
}

/* Gives a series another shape that has all of the present one. What its rows say stays. */
static struct qtl_series *reshape(struct qtl_book **book, struct qtl_pool *pool,
                                  struct qtl_series *series, unsigned shape)
{
    QTL_ASSERT((series->shape & ~shape) == 0);
    const unsigned first = (shape & QTL_SHAPE_IDS) != 0 ? 3 : 1;
    struct qtl_series moved = *series;
    moved.shape = (uint8_t)shape;
    moved.row_words = (uint8_t)qtl_series_offset(shape, QTL_COLUMNS);
    moved.head_words =
        (shape & QTL_SHAPE_FORGOTTEN) == 0 ? 0 : (uint8_t)(HEAD_WORDS + moved.row_words - first);
    const size_t before = series->head_words + (size_t)series->count * series->row_words;
    const size_t after = moved.head_words + (size_t)moved.count * moved.row_words;
    series = make_room(book, pool, index_of(*book, series), after - before);
    uint32_t *const words = qtl_series_words(series);
    uint32_t row_words[ROW_WORDS_MAX];
    for (uint32_t row = series->count;
         row-- > 0;) { /* from the last: each moves to behind itself */
        row_words[0] = qtl_series_time(series, row);
        if (first == 3) {
            const bool has_id = (series->shape & QTL_SHAPE_IDS) != 0;
            store(row_words + 1, has_id ? qtl_series_id(series, row) : 0);
        }
        copy_totals(series, shape, row + 1, row_words + first);
        memcpy(words + moved.head_words + (size_t)row * moved.row_words, row_words,
               moved.row_words * sizeof(*words));
    }
    if (moved.head_words > 0) {
        const bool has_head = series->head_words > 0;
        uint32_t head[HEAD_WORDS + ROW_WORDS_MAX] = {
            has_head ? words[0] : 0, has_head ? words[1] : 0, has_head ? words[2] : 0};
        copy_totals(series, shape, 0, head + HEAD_WORDS);
        memcpy(words, head, moved.head_words * sizeof(*words));
    }
    series->shape = moved.shape;
    series->row_words = moved.row_words;
    series->head_words = moved.head_words;
    return series;
}

/* The shape that a series needs to hold this row. */
static unsigned shape_for(const struct qtl_series *series, const struct qtl_row *row)
{
    unsigned shape = series->shape | (row->id != 0 ? QTL_SHAPE_IDS : 0U);
    if (row->amounts != NULL) {
        const int64_t *const amounts = row->amounts->column;
        for (unsigned column = 0; column < QTL_COLUMNS; column++) {
            shape |= (unsigned)(amounts[column] != qtl_series_default(series->code, column))
                     << column;
        }
    }
    return shape;
}

static int64_t amount_of(const struct qtl_series *series, const struct qtl_row *row,
                         unsigned column)
{
    return row->amounts != NULL ? row->amounts->column[column]
                                : qtl_series_default(series->code, column);
}

/* Adds to one total in each of the rows from `from` on. */
static void add_from(const struct qtl_series *series, uint32_t from, unsigned offset,
                     int64_t amount)
{
    uint32_t *words = qtl_series_row(series, from) + offset;
    for (uint32_t row = from; row < series->count; row++) {
        store(words, qtl_series_load(words) + (uint64_t)amount);
        words += series->row_words;
    }
}

static size_t row_bytes(const struct qtl_series *series, size_t rows)
{
    return rows * series->row_words * WORD;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

/* The ids that the first `rows` rows of a kind of engagement have. */
static uint32_t count_ids(const struct qtl_series *series, uint32_t rows)
{
    uint32_t count = 0;
    if (series->code < QTL_KINDS_MAX && (series->shape & QTL_SHAPE_IDS) != 0) {
        for (uint32_t row = 0; row < rows; row++) {
            count += qtl_series_id(series, row) != 0 ? 1U : 0U;
        }
    }
    return count;
}

/* Rows with a time <= `second` become totals. */
static struct qtl_series *forget(struct qtl_book **book, struct qtl_pool *pool,
                                 struct qtl_series *series, int64_t second)
{
    const uint32_t gone = qtl_series_find(series, second);
    if (gone == 0) {
        return series;
    }
    series = reshape(book, pool, series, series->shape | QTL_SHAPE_FORGOTTEN);
    (*book)->event_ids = (uint16_t)((*book)->event_ids - count_ids(series, gone));
    uint32_t *const head = qtl_series_words(series);
    if (head[0] == 0) {
        head[1] = qtl_series_time(series, 0);
    }
    head[0] += gone;
    head[2] = qtl_series_time(series, gone - 1);
    copy_totals(series, series->shape, gone, head + HEAD_WORDS);
    memmove(qtl_series_row(series, 0), qtl_series_row(series, gone),
            row_bytes(series, series->count - gone));
    series->count -= gone;
    return series;
}

static void write_row(const struct qtl_series *series, uint32_t place, const struct qtl_row *row)
{
    uint32_t *words = qtl_series_row(series, place);
    /* The totals up to here: of the row before, or the head's; both stand in the same order. */
    const uint32_t *totals = words - series->row_words;
    if (place == 0) {
        totals = series->head_words == 0 ? NULL : qtl_series_words(series) + HEAD_WORDS;
    } else {
        totals += (series->shape & QTL_SHAPE_IDS) != 0 ? 3 : 1;
    }
    *words++ = (uint32_t)row->second;
    if ((series->shape & QTL_SHAPE_IDS) != 0) {
        store(words, row->id);
        words += 2;
    }
    for (unsigned bits = series->shape & QTL_SHAPE_COLUMNS; bits != 0; bits &= bits - 1) {
        const uint64_t before = totals == NULL ? 0 : qtl_series_load(totals);
        const int64_t amount = amount_of(series, row, (unsigned)__builtin_ctz(bits));
        store(words, before + (uint64_t)amount);
        words += 2;
        totals = totals == NULL ? NULL : totals + 2;
    }
}

static void add_to_totals(const struct qtl_series *series, uint32_t from, const struct qtl_row *row)
{
    const unsigned columns = series->shape & QTL_SHAPE_COLUMNS;
    for (unsigned column = 0; columns >> column != 0; column++) {
        if ((columns >> column & 1U) != 0) {
            add_from(series, from, qtl_series_offset(series->shape, column),
                     amount_of(series, row, column));
        }
    }
}

void qtl_book_insert(struct qtl_book **book, struct qtl_pool *pool, unsigned code,
                     const struct qtl_row *row, int64_t forget_before)
{
    QTL_ASSERT(row->second > 0 && row->second <= UINT32_MAX);
    struct qtl_series *series = make_series(book, pool, code);
    const unsigned shape = shape_for(series, row);
    if (shape != series->shape) {
        series = reshape(book, pool, series, shape);
    }
    unsigned index = index_of(*book, series);
    if (limit_of(*book, index) - end_of(*book, series) < series->row_words * (size_t)WORD) {
        if (series->count > 0 && qtl_series_time(series, 0) <= forget_before) {
            series = forget(book, pool, series, forget_before);
        }
        series = make_room(book, pool, index, series->row_words);
    }
    uint32_t place = series->count;
    if (place > 0 && qtl_series_time(series, place - 1) > row->second) {
        place = qtl_series_find(series, row->second);
        memmove(qtl_series_row(series, place + 1), qtl_series_row(series, place),
                row_bytes(series, series->count - place));
    }
    write_row(series, place, row);
    series->count++;
    if (place + 1 < series->count) {
        add_to_totals(series, place + 1, row);
    }
    if (row->id != 0 && code < QTL_KINDS_MAX) {
        const bool is_first = (*book)->event_ids++ == 0;
        if (is_first || row->second < (*book)->ids_since) {
            (*book)->ids_since = (uint32_t)row->second;
        }
    }
}

void qtl_book_add_forgotten(struct qtl_book **book, struct qtl_pool *pool, unsigned code,
                            const struct qtl_row *row, int64_t forget_before)
{
    QTL_ASSERT(row->second > 0 && row->second <= forget_before);
    struct qtl_series *series = make_series(book, pool, code);
    /* so that what is forgotten stays older than every row */
    series = forget(book, pool, series, forget_before);
    const struct qtl_row amounts = {.amounts = row->amounts};
    series = reshape(book, pool, series, shape_for(series, &amounts) | QTL_SHAPE_FORGOTTEN);
    uint32_t *const head = qtl_series_words(series);
    const uint32_t time = (uint32_t)row->second;
    if (head[0] == 0 || time < head[1]) {
        head[1] = time;
    }
    if (head[0] == 0 || time > head[2]) {
        head[2] = time;
    }
    head[0]++;
    uint32_t *words = head + HEAD_WORDS;
    const unsigned columns = series->shape & QTL_SHAPE_COLUMNS;
    for (unsigned column = 0; columns >> column != 0; column++) {
        if ((columns >> column & 1U) != 0) {
            store(words, qtl_series_load(words) + (uint64_t)amount_of(series, row, column));
            words += 2;
        }
    }
    add_to_totals(series, 0, row);
}

void qtl_book_remove(struct qtl_book *book, unsigned code, uint32_t row)
{
    struct qtl_series *const series = qtl_book_series(book, code);
    QTL_ASSERT(series != NULL && row < series->count && code >= QTL_KINDS_MAX);
    const unsigned columns = series->shape;
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if ((columns >> column & 1U) != 0) {
            const int64_t amount = qtl_series_total(series, (enum qtl_column)column, row + 1) -
                                   qtl_series_total(series, (enum qtl_column)column, row);
            add_from(series, row + 1, qtl_series_offset(series->shape, column), -amount);
        }
    }
    memmove(qtl_series_row(series, row), qtl_series_row(series, row + 1),
            row_bytes(series, series->count - row - 1));
    series->count--;
}

void qtl_book_change(struct qtl_book **book, struct qtl_pool *pool, unsigned code, uint32_t row,
                     const struct qtl_amounts *amounts)
{
    struct qtl_series *series = qtl_book_series(*book, code);
    QTL_ASSERT(series != NULL && row < series->count);
    const struct qtl_row changed = {.amounts = amounts};
    const unsigned shape = shape_for(series, &changed);
    if (shape != series->shape) {
        series = reshape(book, pool, series, shape);
    }
    const unsigned columns = series->shape;
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        if ((columns >> column & 1U) != 0) {
            const int64_t amount = qtl_series_total(series, (enum qtl_column)column, row + 1) -
                                   qtl_series_total(series, (enum qtl_column)column, row);
            add_from(series, row, qtl_series_offset(series->shape, column),
                     amounts->column[column] - amount);
        }
    }
}

/* The first row that has an id and a time >= `since`, or `count`. */
static uint32_t first_id(const struct qtl_series *series, uint32_t since)
{
    uint32_t row = qtl_series_find(series, (int64_t)since - 1);
    while (row < series->count && qtl_series_id(series, row) == 0) {
        row++;
    }
    return row;
}

void qtl_book_drop_oldest_id(struct qtl_book *book)
{
    QTL_ASSERT(book->event_ids > 0);
    struct qtl_series *const list = qtl_book_list(book);
    uint32_t *oldest = NULL;
    for (unsigned i = 0; i < book->series_count; i++) {
        if (list[i].code >= QTL_KINDS_MAX || (list[i].shape & QTL_SHAPE_IDS) == 0) {
            continue;
        }
        const uint32_t row = first_id(&list[i], book->ids_since);
        if (row < list[i].count && (oldest == NULL || qtl_series_time(&list[i], row) < oldest[0])) {
            oldest = qtl_series_row(&list[i], row);
        }
    }
    QTL_ASSERT(oldest != NULL);
    store(oldest + 1, 0);
    book->ids_since = oldest[0];
    book->event_ids--;
}

uint32_t *qtl_book_append(struct qtl_book **book, struct qtl_pool *pool, unsigned code,
                          uint8_t words)
{
    struct qtl_series *series = make_series(book, pool, code);
    QTL_ASSERT(series->shape == 0 && (series->count == 0 || series->row_words == words));
    series->row_words = words;
    series = make_room(book, pool, index_of(*book, series), words);
    return qtl_series_row(series, series->count++);
}

void qtl_book_check(const struct qtl_book *book)
{
    const struct qtl_series *const list = qtl_book_list(book);
    uint32_t ids = 0;
    QTL_ASSERT(list[0].code == QTL_SERIES_ORDERS);
    QTL_ASSERT(start_of(book, list) >= sizeof(*book) + book->series_count * sizeof(*list));
    for (unsigned i = 0; i < book->series_count; i++) {
        const struct qtl_series *const series = &list[i];
        QTL_ASSERT(i == 0 || rank_of(series[-1].code) < rank_of(series->code));
        QTL_ASSERT(end_of(book, series) <= limit_of(book, i));
        if (series->code == QTL_SERIES_AMENDMENTS) {
            continue;
        }
        QTL_ASSERT(series->row_words == qtl_series_offset(series->shape, QTL_COLUMNS));
        for (uint32_t row = 1; row < series->count; row++) {
            QTL_ASSERT(qtl_series_time(series, row - 1) <= qtl_series_time(series, row));
        }
        QTL_ASSERT(qtl_series_forgotten(series) == 0 || series->count == 0 ||
                   qtl_series_words(series)[2] <= qtl_series_time(series, 0));
        ids += count_ids(series, series->count);
    }
    QTL_ASSERT(ids == book->event_ids);
}
