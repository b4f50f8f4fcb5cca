/*
 * A customer's book against naive arrays, one a series, that keep every row and sum them anew for
 * each question: seeded random inserts (late ones too), removals, changes, forgetting, additions to
 * what is forgotten, and ids dropped, for every combination of columns, with and without ids, in
 * series that grow side by side in one block.
 */
#include "consumer/random.h"
#include "schemas/event.h"
#include "scoring/base/pool.h"
#include "scoring/book.h"
#include "scoring/rules.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 300, STEPS = 2500, SPAN = 2000, START = 1000000, SERIES = 4 };

/* Not in the order of the book. */
static const uint8_t codes[SERIES] = {7, QTL_SERIES_RETURNS, QTL_SERIES_ORDERS, 2};

struct row {
    int64_t second;
    uint64_t id;
    struct qtl_amounts amounts;
};

struct model {
    struct row rows[ROWS_MAX]; /* by second, those of one second by arrival; forgotten ones too */
    size_t count;
    uint8_t code;
    bool has_ids;
    unsigned columns; /* those that get something else than their default */
};

struct trial {
    struct qtl_book *book;
    struct qtl_pool *pool;
    struct qtl_random random;
    struct model models[SERIES];
    struct model *model; /* of this step */
    int64_t forget_before;
};

static const struct qtl_series *series_of(const struct trial *trial)
{
    return qtl_book_series(trial->book, trial->model->code);
}

static size_t rows_upto(const struct model *model, int64_t second)
{
    size_t row = 0;
    while (row < model->count && model->rows[row].second <= second) {
        row++;
    }
    return row;
}

static void model_insert(struct model *model, struct row row)
{
    const size_t place = rows_upto(model, row.second);
    memmove(&model->rows[place + 1], &model->rows[place],
            (model->count - place) * sizeof(model->rows[0]));
    model->rows[place] = row;
    model->count++;
}

static void model_remove(struct model *model, size_t place)
{
    memmove(&model->rows[place], &model->rows[place + 1],
            (model->count - place - 1) * sizeof(model->rows[0]));
    model->count--;
}

static int64_t model_total(const struct model *model, unsigned column, size_t from, size_t to)
{
    int64_t total = 0;
    for (size_t row = from; row < to; row++) {
        total += model->rows[row].amounts.column[column];
    }
    return total;
}

static int64_t default_of(const struct trial *trial, unsigned column)
{
    return trial->model->code == QTL_SERIES_ORDERS && column == QTL_COLUMN_ITEMS ? QTL_E4 : 0;
}

static struct qtl_amounts random_amounts(struct trial *trial)
{
    struct qtl_amounts amounts;
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        amounts.column[column] = default_of(trial, column);
        if ((trial->model->columns >> column & 1U) != 0 && qtl_random_chance(&trial->random, 0.7)) {
            amounts.column[column] = (int64_t)qtl_random_below(&trial->random, 2000000) - 500000;
        }
    }
    return amounts;
}

static uint64_t random_id(struct trial *trial)
{
    return trial->model->has_ids && qtl_random_chance(&trial->random, 0.8)
               ? 1 + qtl_random_below(&trial->random, 300)
               : 0;
}

/* ---- the comparison ----------------------------------------------------------------------------
 */

static void compare_rows(const struct trial *trial)
{
    const struct qtl_series *const series = series_of(trial);
    const struct model *const model = trial->model;
    const size_t first = model->count - series->count;
    for (uint32_t i = 0; i < series->count; i++) {
        const struct row *const row = &model->rows[first + i];
        assert_int_equal(qtl_series_time(series, i), row->second);
        const bool stores_ids = (series->shape & QTL_SHAPE_IDS) != 0;
        assert_int_equal(stores_ids ? qtl_series_id(series, i) : 0, row->id);
        for (unsigned column = 0; column < QTL_COLUMNS; column++) {
            assert_int_equal(qtl_series_total(series, (enum qtl_column)column, i + 1),
                             model_total(model, column, 0, first + i + 1));
        }
    }
}

static void compare_ends(const struct trial *trial)
{
    const struct model *const model = trial->model;
    int64_t first = 0;
    int64_t last = 0;
    assert_int_equal(qtl_series_first(series_of(trial), &first), model->count > 0);
    assert_int_equal(qtl_series_last(series_of(trial), &last), model->count > 0);
    if (model->count > 0) {
        assert_int_equal(first, model->rows[0].second);
        assert_int_equal(last, model->rows[model->count - 1].second);
    }
}

/* A window that begins no earlier than what may be forgotten, and a search for an id. */
static void compare_question(struct trial *trial)
{
    const struct qtl_series *const series = series_of(trial);
    const struct model *const model = trial->model;
    const int64_t after = trial->forget_before + qtl_random_below(&trial->random, SPAN);
    const size_t from = rows_upto(model, after);
    const uint32_t row = qtl_series_find(series, after);
    assert_int_equal(series->count - row, model->count - from);
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        assert_int_equal(qtl_series_total(series, (enum qtl_column)column, series->count) -
                             qtl_series_total(series, (enum qtl_column)column, row),
                         model_total(model, column, from, model->count));
    }
    const int64_t upto = after + qtl_random_below(&trial->random, SPAN);
    const uint64_t id = 1 + qtl_random_below(&trial->random, 300);
    int64_t expected = -1;
    for (size_t i = from; i < rows_upto(model, upto); i++) {
        expected = model->rows[i].id == id ? (int64_t)i : expected;
    }
    const int64_t found = qtl_series_find_id(series, id, after, upto);
    assert_int_equal(found < 0 ? -1 : found + (int64_t)(model->count - series->count), expected);
}

/* Ids of engagement that are kept: those of rows that were not forgotten. */
static uint32_t kept_ids(const struct trial *trial)
{
    uint32_t ids = 0;
    for (int i = 0; i < SERIES; i++) {
        const struct model *const model = &trial->models[i];
        const struct qtl_series *const series = qtl_book_series(trial->book, model->code);
        for (uint32_t row = 0; series != NULL && model->code < QTL_KINDS_MAX && row < series->count;
             row++) {
            ids += model->rows[model->count - series->count + row].id != 0 ? 1U : 0U;
        }
    }
    return ids;
}

static void compare(struct trial *trial)
{
    qtl_book_check(trial->book);
    const struct qtl_series *const series = series_of(trial);
    if (series == NULL) {
        assert_int_equal(trial->model->count, 0);
        return;
    }
    const uint32_t forgotten = qtl_series_forgotten(series);
    assert_int_equal((uint64_t)series->count + forgotten, trial->model->count);
    assert_true(forgotten <= rows_upto(trial->model, trial->forget_before));
    compare_ends(trial);
    compare_question(trial);
    if (qtl_random_chance(&trial->random, 0.1)) {
        compare_rows(trial);
        assert_int_equal(trial->book->event_ids, kept_ids(trial));
    }
}

/* ---- one step ----------------------------------------------------------------------------------
 */

static void insert(struct trial *trial)
{
    const struct row row = {.second =
                                trial->forget_before + 1 + qtl_random_below(&trial->random, SPAN),
                            .id = random_id(trial),
                            .amounts = random_amounts(trial)};
    model_insert(trial->model, row);
    const bool says_nothing = trial->model->columns == 0; /* the defaults, then */
    const struct qtl_row booked = {
        .second = row.second, .id = row.id, .amounts = says_nothing ? NULL : &row.amounts};
    qtl_book_insert(&trial->book, trial->pool, trial->model->code, &booked, trial->forget_before);
}

static void add_forgotten(struct trial *trial)
{
    const struct row row = {.second = trial->forget_before - qtl_random_below(&trial->random, 500),
                            .amounts = random_amounts(trial)};
    model_insert(trial->model, row);
    const struct qtl_row booked = {.second = row.second, .amounts = &row.amounts};
    qtl_book_add_forgotten(&trial->book, trial->pool, trial->model->code, &booked,
                           trial->forget_before);
}

/* A row that is certainly still there: its time is after what may be forgotten. */
static bool pick(struct trial *trial, size_t *place, uint32_t *row)
{
    const struct model *const model = trial->model;
    const size_t from = rows_upto(model, trial->forget_before);
    if (from == model->count) {
        return false;
    }
    *place = from + qtl_random_below(&trial->random, (uint32_t)(model->count - from));
    *row = (uint32_t)(*place - (model->count - series_of(trial)->count));
    return true;
}

/* The first kept row of engagement with an id, by second, then kind; NULL. */
static struct row *oldest_id(struct trial *trial)
{
    struct row *oldest = NULL;
    unsigned code = 0;
    for (int i = 0; i < SERIES; i++) {
        struct model *const model = &trial->models[i];
        const struct qtl_series *const series = qtl_book_series(trial->book, model->code);
        if (series == NULL || model->code >= QTL_KINDS_MAX) {
            continue;
        }
        size_t row = model->count - series->count;
        while (row < model->count && model->rows[row].id == 0) {
            row++;
        }
        if (row < model->count &&
            (oldest == NULL || model->rows[row].second < oldest->second ||
             (model->rows[row].second == oldest->second && model->code < code))) {
            oldest = &model->rows[row];
            code = model->code;
        }
    }
    return oldest;
}

static void remove_row(struct trial *trial)
{
    size_t place = 0;
    uint32_t row = 0;
    if (trial->model->code < QTL_KINDS_MAX) {
        struct row *const oldest = oldest_id(trial);
        if (oldest != NULL) {
            oldest->id = 0;
            qtl_book_drop_oldest_id(trial->book);
        }
    } else if (pick(trial, &place, &row)) {
        model_remove(trial->model, place);
        qtl_book_remove(trial->book, trial->model->code, row);
    }
}

static void change_row(struct trial *trial)
{
    size_t place = 0;
    uint32_t row = 0;
    if (pick(trial, &place, &row)) {
        struct qtl_amounts *const amounts = &trial->model->rows[place].amounts;
        *amounts = random_amounts(trial);
        qtl_book_change(&trial->book, trial->pool, trial->model->code, row, amounts);
    }
}

static void step(struct trial *trial)
{
    const uint32_t dice = qtl_random_below(&trial->random, 100);
    if (dice < 50) {
        insert(trial);
    } else if (dice < 70) {
        remove_row(trial);
    } else if (dice < 82) {
        change_row(trial);
    } else if (dice < 90) {
        add_forgotten(trial);
    } else {
        trial->forget_before += qtl_random_below(&trial->random, SPAN / 20);
    }
}

static void run(unsigned columns, unsigned with_ids, uint64_t seed)
{
    static struct trial trial; /* too large for a stack */
    memset(&trial, 0, sizeof(trial));
    trial.pool = qtl_pool_new();
    trial.book = qtl_book_new(trial.pool);
    trial.random = qtl_random_seed(seed, columns);
    trial.forget_before = START;
    for (int i = 0; i < SERIES; i++) {
        trial.models[i].code = codes[i];
        trial.models[i].columns = (columns + 11U * (unsigned)i) % (1U << QTL_COLUMNS);
        trial.models[i].has_ids = (with_ids >> i & 1U) != 0;
    }
    for (int i = 0; i < STEPS; i++) {
        trial.model = &trial.models[qtl_random_below(&trial.random, SERIES)];
        if (trial.model->count == ROWS_MAX) {
            continue;
        }
        step(&trial);
        compare(&trial);
    }
    for (int i = 0; i < SERIES; i++) {
        trial.model = &trial.models[i];
        compare_rows(&trial);
        assert_true(qtl_series_forgotten(series_of(&trial)) > 0);
    }
    qtl_book_free(trial.book, trial.pool);
    qtl_pool_free(trial.pool);
}

static void random_rows_equal_the_naive_arrays(void **state)
{
    (void)state;
    for (unsigned columns = 0; columns < 1U << QTL_COLUMNS; columns++) {
        run(columns, 0xf, 11);
        run(columns, 0, 12);
        run(columns, 5 + columns % 6, 13);
    }
}

/* ---- by hand -----------------------------------------------------------------------------------
 */

static const struct qtl_amounts one_item = {.column = {[QTL_COLUMN_ITEMS] = QTL_E4}};

static void columns_appear_when_they_are_needed(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_book *book = qtl_book_new(pool);
    const struct qtl_row rows[] = {{.second = 10, .id = 5, .amounts = &one_item},
                                   {.second = 20, .id = 6}};
    qtl_book_insert(&book, pool, QTL_SERIES_ORDERS, &rows[0], 0);
    qtl_book_insert(&book, pool, QTL_SERIES_ORDERS, &rows[1], 0);
    const struct qtl_series *orders = qtl_book_list(book);
    assert_int_equal(orders->shape, QTL_SHAPE_IDS); /* one item each goes without saying */
    assert_int_equal(qtl_series_total(orders, QTL_COLUMN_ITEMS, 2), 2 * QTL_E4);
    struct qtl_amounts three = one_item;
    three.column[QTL_COLUMN_ITEMS] = 3 * QTL_E4;
    qtl_book_change(&book, pool, QTL_SERIES_ORDERS, 0, &three);
    orders = qtl_book_list(book);
    assert_int_equal(orders->shape, QTL_SHAPE_IDS | 1U << QTL_COLUMN_ITEMS);
    assert_int_equal(qtl_series_total(orders, QTL_COLUMN_ITEMS, 1), 3 * QTL_E4);
    assert_int_equal(qtl_series_total(orders, QTL_COLUMN_ITEMS, 2), 4 * QTL_E4);
    assert_int_equal(qtl_series_find_id(orders, 6, 0, 20), 1);
    assert_int_equal(qtl_series_find_id(orders, 6, 20, 30), -1);
    qtl_book_free(book, pool);
    qtl_pool_free(pool);
}

static void rows_of_one_second_keep_their_order(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_book *book = qtl_book_new(pool);
    for (uint64_t id = 1; id <= 40; id++) {
        const struct qtl_row row = {.second = id % 2 == 0 ? 100 : 50, .id = id};
        qtl_book_insert(&book, pool, QTL_SERIES_VOIDED, &row, 0);
    }
    const struct qtl_series *const series = qtl_book_series(book, QTL_SERIES_VOIDED);
    for (uint32_t row = 0; row < 20; row++) {
        assert_int_equal(qtl_series_id(series, row), 2 * row + 1);
        assert_int_equal(qtl_series_id(series, 20 + row), 2 * row + 2);
    }
    assert_int_equal(qtl_series_find(series, 49), 0);
    assert_int_equal(qtl_series_find(series, 50), 20);
    assert_int_equal(qtl_series_find(series, 100), 40);
    qtl_book_free(book, pool);
    qtl_pool_free(pool);
}

static void thousands_of_rows_reuse_what_is_forgotten(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_book *book = qtl_book_new(pool);
    const struct qtl_amounts ten = {.column = {[QTL_COLUMN_VALUE] = 10}};
    uint32_t most = 0;
    for (int64_t second = 1; second <= 200000; second++) {
        const struct qtl_row row = {.second = second, .amounts = &ten};
        qtl_book_insert(&book, pool, 3, &row, second - 1000);
        most = book->bytes > most ? book->bytes : most;
    }
    qtl_book_check(book);
    assert_true(most < (size_t)2 * 1000 * (sizeof(int64_t) + sizeof(uint32_t)));
    const struct qtl_series *const series = qtl_book_series(book, 3);
    assert_int_equal(qtl_series_total(series, QTL_COLUMN_VALUE, series->count), 2000000);
    qtl_book_free(book, pool);
    qtl_pool_free(pool);
}

/* Whoever has done a great deal pays a bounded price for whatever comes: the blocks that were
 * needed are few, though every series takes its turn. */
static void a_large_book_seldom_moves(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_book *book = qtl_book_new(pool);
    unsigned moves = 0;
    for (int64_t second = 1; second <= 100000; second++) {
        const struct qtl_row row = {.second = second};
        const unsigned kind = second % 10 == 0 ? 1 + (unsigned)(second / 10 % 3) : 9;
        const struct qtl_book *const before = book;
        qtl_book_insert(&book, pool, kind, &row, 0);
        moves += book != before ? 1U : 0U;
    }
    qtl_book_check(book);
    assert_true(moves < 300);
    assert_true(book->bytes < 100000 * sizeof(uint32_t) * 5 / 4);
    qtl_book_free(book, pool);
    qtl_pool_free(pool);
    qtl_book_free(NULL, NULL);
}

static void rows_of_another_shape_stand_among_them(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_book *book = qtl_book_new(pool);
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t *const words = qtl_book_append(&book, pool, QTL_SERIES_AMENDMENTS, 6);
        for (uint32_t word = 0; word < 6; word++) {
            words[word] = 6 * i + word;
        }
        qtl_book_insert(&book, pool, i % 3, &(struct qtl_row){.second = i + 1, .id = i + 1}, 0);
        qtl_book_check(book);
    }
    const struct qtl_series *const series = qtl_book_series(book, QTL_SERIES_AMENDMENTS);
    for (uint32_t word = 0; word < 600; word++) {
        assert_int_equal(qtl_series_row(series, 0)[word], word);
    }
    qtl_book_free(book, pool);
    qtl_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rows_equal_the_naive_arrays),
        cmocka_unit_test(columns_appear_when_they_are_needed),
        cmocka_unit_test(rows_of_one_second_keep_their_order),
        cmocka_unit_test(thousands_of_rows_reuse_what_is_forgotten),
        cmocka_unit_test(a_large_book_seldom_moves),
        cmocka_unit_test(rows_of_another_shape_stand_among_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
