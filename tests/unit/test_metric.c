/*
 * Metrics: windows at their edges by hand, and the second at which a comparison changes, compared
 * with looking at every second of random histories.
 */
#include "consumer/random.h"
#include "scoring/base/pool.h"
#include "scoring/comparison.h"
#include "scoring/metric.h"
#include "tests/unit/rig.h"

#include <stdlib.h>

enum { WINDOW = 100, NOW = 1000, OPS = 6 };

static const enum qtl_op ops[OPS] = {QTL_OP_GREATER,    QTL_OP_GREATER_EQUAL, QTL_OP_LESS,
                                     QTL_OP_LESS_EQUAL, QTL_OP_EQUAL,         QTL_OP_NOT_EQUAL};

/* ---- windows -----------------------------------------------------------------------------------
 */

static const char every_sum[] =
    "segments:\n"
    "  all:\n"
    "    when: orders(60s) + spend(60s) + margin(60s) + items(60s) + discount(60s) +\n"
    "      returns(60s) + aov(60s) + count(review,60s) + value(review,60s) +\n"
    "      orders() + spend() + margin() + items() + discount() + returns() + aov() +\n"
    "      count(review) + value(review) < 0\n";

static void a_window_ends_exactly_at_its_length(void **state)
{
    (void)state;
    struct rig rig = rig_start(every_sum);
    struct qtl_event order = rig_order("c", 0, "o1", 30);
    order.margin_e4 = -2 * QTL_E4;
    order.items_e4 = 4 * QTL_E4;
    order.discount_e4 = 15000;
    rig_apply(&rig, order);
    rig_apply(&rig, rig_order_record(QTL_ORDER_RETURNED, "c", 0, "o1", 10));
    struct qtl_event review = rig_engagement(&rig, "c", 0, "review", "");
    review.amount_e4 = 5 * QTL_E4;
    rig_apply(&rig, review);
    static const struct {
        const char *windowed;
        const char *lifetime;
        int64_t value;
        int64_t afterwards;
    } cases[] = {
        {"orders(1m)", "orders()", 1 * QTL_E4, 0},
        {"spend(1m)", "spend()", 20 * QTL_E4, 0},
        {"margin(1m)", "margin()", -2 * QTL_E4, 0},
        {"items(1m)", "items()", 4 * QTL_E4, 0},
        {"discount(1m)", "discount()", 15000, 0},
        {"returns(1m)", "returns()", 1 * QTL_E4, 0},
        {"aov(1m)", "aov()", 20 * QTL_E4, RIG_UNDEFINED},
        {"count(review,1m)", "count(review)", 1 * QTL_E4, 0},
        {"value(review,1m)", "value(review)", 5 * QTL_E4, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(rig_metric(&rig, "c", cases[i].windowed, 0), cases[i].value);
        assert_int_equal(rig_metric(&rig, "c", cases[i].windowed, 59), cases[i].value);
        assert_int_equal(rig_metric(&rig, "c", cases[i].windowed, 60), cases[i].afterwards);
        assert_int_equal(rig_metric(&rig, "c", cases[i].lifetime, 60), cases[i].value);
        assert_int_equal(rig_metric(&rig, "c", cases[i].lifetime, 900 * RIG_DAY), cases[i].value);
    }
    rig_stop(&rig);
}

/* A return may be booked where no order is; its average is cut toward zero. */
static void sums_below_zero(void **state)
{
    (void)state;
    struct rig rig = rig_start(every_sum);
    for (int i = 0; i < 3; i++) {
        char id[2] = {(char)('a' + i), 0};
        rig_apply(&rig, rig_order("c", i, id, 1));
    }
    assert_int_equal(rig_metric(&rig, "c", "aov(1m)", 3), 10000);
    rig_apply(&rig, rig_order_record(QTL_ORDER_RETURNED, "c", 4, "a", 13));
    assert_int_equal(rig_metric(&rig, "c", "spend(1m)", 4), -10 * QTL_E4);
    assert_int_equal(rig_metric(&rig, "c", "aov(1m)", 4), -33333);
    assert_int_equal(rig_metric(&rig, "c", "aov(1m)", 62), RIG_UNDEFINED);
    assert_int_equal(rig_metric(&rig, "c", "spend(1m)", 62), -13 * QTL_E4);
    rig_stop(&rig);
}

static void instants_and_durations(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  a:\n"
                               "    when: since(order) > 1s or since(any) > 1s or age(order) > 1s\n"
                               "      or since(email_sent) > 1s or first(order) > last(order)\n"
                               "      or first(review) < last(review)\n");
    rig_apply(&rig, rig_engagement(&rig, "c", 10, "email_sent", ""));
    assert_int_equal(rig_metric(&rig, "c", "since(any)", 20), RIG_UNDEFINED); /* the merchant's */
    assert_int_equal(rig_metric(&rig, "c", "since(email_sent)", 20), 10);
    assert_int_equal(rig_metric(&rig, "c", "since(order)", 20), RIG_UNDEFINED);
    assert_int_equal(rig_metric(&rig, "c", "first(order)", 20), RIG_UNDEFINED);
    assert_int_equal(rig_metric(&rig, "c", "last(review)", 20), RIG_UNDEFINED);
    rig_apply(&rig, rig_order("c", 30, "o1", 1));
    rig_apply(&rig, rig_order("c", 50, "o2", 1));
    rig_apply(&rig, rig_engagement(&rig, "c", 40, "review", ""));
    assert_int_equal(rig_metric(&rig, "c", "since(any)", 60), 10);
    assert_int_equal(rig_metric(&rig, "c", "since(order)", 60), 10);
    assert_int_equal(rig_metric(&rig, "c", "age(order)", 60), 30);
    assert_int_equal(rig_metric(&rig, "c", "first(order)", 60), RIG_START + 30);
    assert_int_equal(rig_metric(&rig, "c", "last(order)", 60), RIG_START + 50);
    assert_int_equal(rig_metric(&rig, "c", "first(review)", 60), RIG_START + 40);
    rig_apply(&rig, rig_engagement(&rig, "c", 70, "review", ""));
    assert_int_equal(rig_metric(&rig, "c", "since(any)", 75), 5);
    /* An event up to five minutes ahead counts at once; its duration is negative till then. */
    struct qtl_event ahead = rig_order("c", 200, "o3", 1);
    ahead.stamp = RIG_START + 80;
    rig_apply(&rig, ahead);
    assert_int_equal(rig_metric(&rig, "c", "since(order)", 80), -120);
    rig_stop(&rig);
}

/* ---- crossings ---------------------------------------------------------------------------------
 */

struct history {
    struct qtl_pool *pool;
    struct qtl_customer *customer;
    struct qtl_rules *rules;
};

static const char crossing_rules[] =
    "segments:\n"
    "  a:\n"
    "    when: orders(100s) + spend(100s) + count(review,100s) + value(review,100s) +\n"
    "      margin(100s) + items(100s) + discount(100s) + returns(100s) + aov(100s) + orders() +\n"
    "      spend() + count(review) + value(review) > 1\n";

static void random_rows(struct history *history, struct qtl_random *random, uint32_t rows,
                        uint32_t spread)
{
    for (uint32_t i = 0; i < rows; i++) {
        /* Also a few seconds ahead of now, and several in one second. */
        const int64_t second = NOW - WINDOW + 5 + qtl_random_below(random, spread);
        const struct qtl_amounts amounts = {
            .column = {[QTL_COLUMN_AMOUNT] = qtl_random_below(random, 5) * QTL_E4,
                       [QTL_COLUMN_MARGIN] = qtl_random_below(random, 3) * QTL_E4,
                       [QTL_COLUMN_ITEMS] = QTL_E4}};
        const struct qtl_row order = {.second = second, .id = i + 1, .amounts = &amounts};
        struct qtl_book **const book = &history->customer->book;
        qtl_book_insert(book, history->pool, QTL_SERIES_ORDERS, &order, 0);
        const struct qtl_amounts value = {
            .column = {[QTL_COLUMN_VALUE] = ((int64_t)qtl_random_below(random, 7) - 3) * QTL_E4}};
        const struct qtl_row review = {.second = second, .amounts = &value};
        const int kind = qtl_rules_kind(history->rules, rig_text("review"));
        qtl_book_insert(book, history->pool, (unsigned)kind, &review, 0);
        if (qtl_random_chance(random, 0.01)) {
            const struct qtl_row back = {.second = second, .amounts = &amounts};
            qtl_book_insert(book, history->pool, QTL_SERIES_RETURNS, &back, 0);
        }
    }
}

/* The first later second at which the comparison is true where it was false or the other way
 * round, by looking at each. */
static int64_t true_flip(const struct history *history, const struct qtl_metric *metric,
                         enum qtl_op op, int64_t constant)
{
    struct qtl_view view = {.rules = history->rules, .customer = history->customer, .second = NOW};
    const struct qtl_reading now = qtl_metric_read(&view, metric);
    const bool truth = now.defined && qtl_comparison_holds(op, now.value, constant);
    for (view.second = NOW + 1; view.second <= NOW + 3 * WINDOW; view.second++) {
        const struct qtl_reading then = qtl_metric_read(&view, metric);
        if ((then.defined && qtl_comparison_holds(op, then.value, constant)) != truth) {
            return view.second;
        }
    }
    return QTL_FOREVER;
}

/* Whether the reading itself may be relied on until `next`. */
static void check_reading(const struct history *history, const struct qtl_metric *metric)
{
    struct qtl_view view = {.rules = history->rules, .customer = history->customer, .second = NOW};
    const struct qtl_reading now = qtl_metric_read(&view, metric);
    assert_true(now.next > NOW);
    for (view.second = NOW; view.second < NOW + 3 * WINDOW && view.second < now.next;
         view.second++) {
        const struct qtl_reading then = qtl_metric_read(&view, metric);
        assert_int_equal(then.defined, now.defined);
        assert_int_equal(then.value, now.value);
    }
}

static void check_history(const struct history *history, bool is_exact)
{
    const bool has_returns = qtl_book_series(history->customer->book, QTL_SERIES_RETURNS) != NULL;
    for (uint16_t i = 0; i < history->rules->metric_count; i++) {
        const struct qtl_metric *const metric = &history->rules->metrics[i];
        check_reading(history, metric);
        const struct qtl_view view = {
            .rules = history->rules, .customer = history->customer, .second = NOW};
        const struct qtl_reading now = qtl_metric_read(&view, metric);
        const bool walks =
            metric->function == QTL_METRIC_ORDERS ||
            (metric->function == QTL_METRIC_SPEND && !has_returns) ||
            metric->function == QTL_METRIC_MARGIN || metric->function == QTL_METRIC_ITEMS ||
            metric->function == QTL_METRIC_DISCOUNT || metric->function == QTL_METRIC_COUNT ||
            metric->function == QTL_METRIC_VALUE;
        for (int op = 0; op < OPS; op++) {
            for (int64_t constant = -30000; constant <= 120000; constant += 15000) {
                const int64_t flip = true_flip(history, metric, ops[op], constant);
                const struct qtl_comparison comparison =
                    qtl_comparison_prepare(metric, ops[op], constant);
                const struct qtl_verdict verdict = qtl_comparison_decide(&comparison, &view);
                assert_int_equal(verdict.holds,
                                 now.defined && qtl_comparison_holds(ops[op], now.value, constant));
                assert_true(verdict.next > NOW);
                assert_true(verdict.next <= flip);
                assert_true(!is_exact || !walks || verdict.next == flip);
            }
        }
    }
}

static void run_histories(uint32_t rows_max, uint32_t spread, int rounds, bool is_exact)
{
    struct history history = {.rules = rig_rules(crossing_rules)};
    struct qtl_random random = qtl_random_seed(31, rows_max);
    for (int i = 0; i < rounds; i++) {
        history.pool = qtl_pool_new();
        history.customer = calloc(1, sizeof(*history.customer));
        assert_non_null(history.customer);
        history.customer->book = qtl_book_new(history.pool);
        random_rows(&history, &random, qtl_random_below(&random, rows_max + 1), spread);
        check_history(&history, is_exact);
        qtl_pool_free(history.pool);
        free(history.customer);
    }
    qtl_rules_free(history.rules);
}

static void crossings_are_exact_where_rows_are_few(void **state)
{
    (void)state;
    run_histories(10, 130, 150, true);
    run_histories(12, 4, 50, true); /* several in each second */
    run_histories(40, 110, 50, true);
}

static void crossings_are_never_late_where_rows_are_many(void **state)
{
    (void)state;
    run_histories(400, 130, 20, false);
    run_histories(400, 3, 10, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_ends_exactly_at_its_length),
        cmocka_unit_test(sums_below_zero),
        cmocka_unit_test(instants_and_durations),
        cmocka_unit_test(crossings_are_exact_where_rows_are_few),
        cmocka_unit_test(crossings_are_never_late_where_rows_are_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
