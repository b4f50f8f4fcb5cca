/*
 * A customer's rows against a naive array that keeps every one of them and sums them anew for each
 * question: seeded random inserts (late ones too), removals, changes, forgetting, and additions to
 * what is forgotten, for every combination of columns, with and without ids.
 */
#include "consumer/random.h"
#include "schemas/event.h"
#include "scoring/base/pool.h"
#include "scoring/series.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 600, STEPS = 1500, SPAN = 2000, START = 1000000 };

struct row {
    int64_t second;
    uint64_t id;
    struct qtl_amounts amounts;
};

struct model {
    struct row rows[ROWS_MAX]; /* by second, those of one second by arrival; forgotten ones too */
    size_t count;
    int64_t forget_before;
};

struct trial {
    struct qtl_series series;
    struct qtl_pool *pool;
    struct qtl_random random;
    struct model model;
    unsigned columns; /* those that get something else than their default */
    bool has_ids;
};

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
    return trial->series.code == QTL_SERIES_ORDERS && column == QTL_COLUMN_ITEMS ? QTL_E4 : 0;
}

static struct qtl_amounts random_amounts(struct trial *trial)
{
    struct qtl_amounts amounts;
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        amounts.column[column] = default_of(trial, column);
        if ((trial->columns >> column & 1U) != 0 && qtl_random_chance(&trial->random, 0.7)) {
            amounts.column[column] = (int64_t)qtl_random_below(&trial->random, 2000000) - 500000;
        }
    }
    return amounts;
}

static uint64_t random_id(struct trial *trial)
{
    return trial->has_ids ? 1 + qtl_random_below(&trial->random, 300) : 0;
}

/* ---- the comparison ----------------------------------------------------------------------------
 */

static void compare_rows(const struct trial *trial)
{
    const struct qtl_series *const series = &trial->series;
    const struct model *const model = &trial->model;
    const size_t first = model->count - series->count;
    for (uint32_t i = 0; i < series->count; i++) {
        const struct row *const row = &model->rows[first + i];
        assert_int_equal(qtl_series_times(series)[i], row->second);
        if (series->has_ids) {
            assert_int_equal(qtl_series_ids(series)[i], row->id);
        }
        for (unsigned column = 0; column < QTL_COLUMNS; column++) {
            assert_int_equal(qtl_series_total(series, (enum qtl_column)column, i + 1),
                             model_total(model, column, 0, first + i + 1));
        }
    }
}

static void compare_ends(const struct trial *trial)
{
    const struct model *const model = &trial->model;
    int64_t first = 0;
    int64_t last = 0;
    assert_int_equal(qtl_series_first(&trial->series, &first), model->count > 0);
    assert_int_equal(qtl_series_last(&trial->series, &last), model->count > 0);
    if (model->count > 0) {
        assert_int_equal(first, model->rows[0].second);
        assert_int_equal(last, model->rows[model->count - 1].second);
    }
}

/* A window that begins no earlier than what may be forgotten, and a search for an id. */
static void compare_question(struct trial *trial)
{
    const struct qtl_series *const series = &trial->series;
    const struct model *const model = &trial->model;
    const int64_t after = model->forget_before + qtl_random_below(&trial->random, SPAN);
    const size_t from = rows_upto(model, after);
    const uint32_t row = qtl_series_find(series, after);
    assert_int_equal(series->count - row, model->count - from);
    for (unsigned column = 0; column < QTL_COLUMNS; column++) {
        assert_int_equal(qtl_series_total(series, (enum qtl_column)column, series->count) -
                             qtl_series_total(series, (enum qtl_column)column, row),
                         model_total(model, column, from, model->count));
    }
    const int64_t upto = after + qtl_random_below(&trial->random, SPAN);
    const uint64_t id = random_id(trial);
    int64_t expected = -1;
    for (size_t i = from; i < rows_upto(model, upto); i++) {
        if (trial->has_ids && model->rows[i].id == id) {
            expected = (int64_t)i;
        }
    }
    const int64_t found = qtl_series_find_id(series, id, after, upto);
    const int64_t first = (int64_t)model->count - series->count;
    assert_int_equal(found < 0 || !trial->has_ids ? -1 : found + first, expected);
}

static void compare(struct trial *trial)
{
    qtl_series_check(&trial->series);
    assert_int_equal((uint64_t)trial->series.count + trial->series.forgotten, trial->model.count);
    assert_true(trial->series.forgotten <= rows_upto(&trial->model, trial->model.forget_before));
    compare_ends(trial);
    compare_question(trial);
    if (qtl_random_chance(&trial->random, 0.1)) {
        compare_rows(trial);
    }
}

/* ---- one step ----------------------------------------------------------------------------------
 */

static void insert(struct trial *trial)
{
    struct model *const model = &trial->model;
    const struct row row = {.second =
                                model->forget_before + 1 + qtl_random_below(&trial->random, SPAN),
                            .id = random_id(trial),
                            .amounts = random_amounts(trial)};
    model_insert(model, row);
    qtl_series_insert(&trial->series, trial->pool, row.second, row.id, &row.amounts,
                      model->forget_before);
}

static void add_forgotten(struct trial *trial)
{
    struct model *const model = &trial->model;
    const struct row row = {.second = model->forget_before - qtl_random_below(&trial->random, 500),
                            .amounts = random_amounts(trial)};
    model_insert(model, row);
    qtl_series_add_forgotten(&trial->series, trial->pool, row.second, &row.amounts,
                             model->forget_before);
}

/* A row that is certainly still there: its time is after what may be forgotten. */
static bool pick(struct trial *trial, size_t *place, uint32_t *row)
{
    const struct model *const model = &trial->model;
    const size_t from = rows_upto(model, model->forget_before);
    if (from == model->count) {
        return false;
    }
    *place = from + qtl_random_below(&trial->random, (uint32_t)(model->count - from));
    *row = (uint32_t)(*place - (model->count - trial->series.count));
    return true;
}

static void remove_row(struct trial *trial)
{
    size_t place = 0;
    uint32_t row = 0;
    if (pick(trial, &place, &row)) {
        model_remove(&trial->model, place);
        qtl_series_remove(&trial->series, row);
    }
}

static void change_row(struct trial *trial)
{
    size_t place = 0;
    uint32_t row = 0;
    if (pick(trial, &place, &row)) {
        trial->model.rows[place].amounts = random_amounts(trial);
        qtl_series_change(&trial->series, trial->pool, row, &trial->model.rows[place].amounts);
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
        trial->model.forget_before += qtl_random_below(&trial->random, SPAN / 10);
    }
}

static void run(unsigned columns, bool has_ids, uint8_t code, uint64_t seed)
{
    static struct trial trial; /* too large for a stack */
    memset(&trial, 0, sizeof(trial));
    trial.pool = qtl_pool_new();
    trial.random = qtl_random_seed(seed, columns);
    trial.model.forget_before = START;
    trial.series.code = code;
    trial.columns = columns;
    trial.has_ids = has_ids;
    for (int i = 0; i < STEPS && trial.model.count < ROWS_MAX; i++) {
        step(&trial);
        compare(&trial);
    }
    compare_rows(&trial);
    assert_true(trial.series.forgotten > 0);
    qtl_series_fini(&trial.series, trial.pool);
    assert_int_equal(qtl_series_bytes(&trial.series), 0);
    qtl_pool_free(trial.pool);
}

static void random_rows_equal_the_naive_array(void **state)
{
    (void)state;
    for (unsigned columns = 0; columns < 1U << QTL_COLUMNS; columns++) {
        run(columns, true, QTL_SERIES_ORDERS, 11);
        run(columns, false, QTL_SERIES_ORDERS, 12);
        run(columns, columns % 2 == 0, 7, 13);
    }
}

/* ---- by hand -----------------------------------------------------------------------------------
 */

static const struct qtl_amounts one_item = {.column = {[QTL_COLUMN_ITEMS] = QTL_E4}};

static void columns_appear_when_they_are_needed(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_series series = {.code = QTL_SERIES_ORDERS};
    qtl_series_insert(&series, pool, 10, 5, &one_item, 0);
    qtl_series_insert(&series, pool, 20, 6, &one_item, 0);
    assert_int_equal(series.columns, 0); /* one item each is what an order has without saying */
    assert_int_equal(qtl_series_total(&series, QTL_COLUMN_ITEMS, 2), 2 * QTL_E4);
    struct qtl_amounts three = one_item;
    three.column[QTL_COLUMN_ITEMS] = 3 * QTL_E4;
    qtl_series_change(&series, pool, 0, &three);
    assert_int_equal(series.columns, 1U << QTL_COLUMN_ITEMS);
    assert_int_equal(qtl_series_total(&series, QTL_COLUMN_ITEMS, 1), 3 * QTL_E4);
    assert_int_equal(qtl_series_total(&series, QTL_COLUMN_ITEMS, 2), 4 * QTL_E4);
    assert_int_equal(qtl_series_find_id(&series, 6, 0, 20), 1);
    assert_int_equal(qtl_series_find_id(&series, 6, 20, 30), -1);
    qtl_series_fini(&series, pool);
    qtl_pool_free(pool);
}

static void rows_of_one_second_keep_their_order(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_series series = {.code = QTL_SERIES_EVENT_IDS};
    const struct qtl_amounts nothing = {0};
    for (uint64_t id = 1; id <= 40; id++) {
        qtl_series_insert(&series, pool, id % 2 == 0 ? 100 : 50, id, &nothing, 0);
    }
    for (uint32_t row = 0; row < 20; row++) {
        assert_int_equal(qtl_series_ids(&series)[row], 2 * row + 1);
        assert_int_equal(qtl_series_ids(&series)[20 + row], 2 * row + 2);
    }
    assert_int_equal(qtl_series_find(&series, 49), 0);
    assert_int_equal(qtl_series_find(&series, 50), 20);
    assert_int_equal(qtl_series_find(&series, 100), 40);
    qtl_series_fini(&series, pool);
    qtl_pool_free(pool);
}

static void thousands_of_rows_reuse_what_is_forgotten(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_series series = {.code = 3};
    const struct qtl_amounts ten = {.column = {[QTL_COLUMN_VALUE] = 10}};
    size_t most = 0;
    for (int64_t second = 1; second <= 200000; second++) {
        qtl_series_insert(&series, pool, second, 0, &ten, second - 1000);
        most = qtl_series_bytes(&series) > most ? qtl_series_bytes(&series) : most;
    }
    qtl_series_check(&series);
    assert_true(most < (size_t)4 * 1000 * (sizeof(int64_t) + sizeof(uint32_t)));
    assert_int_equal(qtl_series_total(&series, QTL_COLUMN_VALUE, series.count), 2000000);
    qtl_series_fini(&series, pool);
    qtl_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rows_equal_the_naive_array),
        cmocka_unit_test(columns_appear_when_they_are_needed),
        cmocka_unit_test(rows_of_one_second_keep_their_order),
        cmocka_unit_test(thousands_of_rows_reuse_what_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
