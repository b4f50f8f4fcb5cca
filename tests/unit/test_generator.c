/* The made-up shop against the theory it is made by, its order in time, and its determinism. */
#include "consumer/generator.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S INT64_C(86400)
#define START INT64_C(1735689600) /* 2025-01-01 */
#define KINDS 32

enum kind {
#define QTL_KIND(name) KIND_##name,
#include "schemas/kinds.def"
#undef QTL_KIND
};

static struct qtl_generator *new_shop(uint64_t seed, uint32_t customers, int64_t days)
{
    const struct qtl_generator_settings settings = {
        .seed = seed, .customers = customers, .start = START, .end = START + days * DAY_S};
    return qtl_generator_new(&settings);
}

/* Expected repeat orders in (0, t] weeks of a Pareto/NBD customer with CDNOW's parameters. */
static double expected_repeats(double t)
{
    const double r = 0.55;
    const double alpha = 10.58;
    const double s = 0.61;
    const double beta = 11.67;
    return r * beta / (alpha * (s - 1)) * (1 - pow(beta / (beta + t), s - 1));
}

static uint32_t customer_of(const struct qtl_event *event)
{
    char text[16] = {0};
    assert_in_range(event->customer_id.length, 2, sizeof(text) - 1);
    memcpy(text, event->customer_id.bytes, event->customer_id.length);
    assert_int_equal(text[0], 'c');
    return (uint32_t)strtoul(text + 1, NULL, 10);
}

static void repeat_orders_are_as_many_as_pareto_nbd_says(void **state)
{
    (void)state;
    enum { CUSTOMERS = 20000, WEEKS = 78 };
    struct qtl_generator *const shop = new_shop(7, CUSTOMERS, INT64_C(7) * WEEKS * 2);
    int64_t *const joined = calloc(CUSTOMERS + 1, sizeof(*joined));
    double repeats[2] = {0, 0}; /* within 39 and 78 weeks of the first */
    double watched = 0;
    struct qtl_event event;
    while (qtl_generator_next(shop, &event)) {
        if (event.stream != QTL_STREAM_ORDERS || event.kind != QTL_ORDER_PLACED) {
            continue;
        }
        const uint32_t customer = customer_of(&event);
        if (joined[customer] == 0) {
            joined[customer] = event.occurred_at;
            watched += event.occurred_at < START + 7 * DAY_S * WEEKS;
            continue;
        }
        const int64_t weeks_e4 = (event.occurred_at - joined[customer]) / (7 * DAY_S / 10000);
        if (joined[customer] < START + 7 * DAY_S * WEEKS) { /* seen for 78 weeks at least */
            repeats[0] += weeks_e4 <= INT64_C(39) * 10000;
            repeats[1] += weeks_e4 <= INT64_C(78) * 10000;
        }
    }
    qtl_generator_free(shop);
    free(joined);
    assert_true(watched > 9700 && watched < 10300); /* joins are spread evenly: half of them */
    assert_true(fabs(repeats[0] / watched / expected_repeats(39) - 1) < 0.05);
    assert_true(fabs(repeats[1] / watched / expected_repeats(78) - 1) < 0.05);
}

static void amounts_are_as_gamma_gamma_says(void **state)
{
    (void)state;
    struct qtl_generator *const shop = new_shop(11, 20000, 30);
    double sum = 0;
    double sum_of_squares = 0;
    double first_orders = 0;
    struct qtl_event event;
    while (qtl_generator_next(shop, &event)) {
        if (event.stream == QTL_STREAM_ORDERS && event.kind == QTL_ORDER_PLACED &&
            event.order_id.bytes[event.order_id.length - 1] == '1' &&
            event.order_id.bytes[event.order_id.length - 2] == '-') {
            const double amount = (double)event.amount_e4 / 10000;
            assert_true(event.amount_e4 > 0 && event.amount_e4 % 100 == 0);
            assert_true(event.margin_e4 > 0 && event.margin_e4 < event.amount_e4 + 1);
            assert_true(event.items_e4 >= QTL_E4);
            sum += amount;
            sum_of_squares += amount * amount;
            first_orders++;
        }
    }
    qtl_generator_free(shop);
    const double p = 6.25;
    const double q = 3.74;
    const double gamma = 15.44;
    const double mean = p * gamma / (q - 1);
    const double square = p * (p + 1) * gamma * gamma / ((q - 1) * (q - 2));
    assert_true(first_orders > 19500);
    assert_true(fabs(sum / first_orders / mean - 1) < 0.02);
    assert_true(fabs(sum_of_squares / first_orders / square - 1) < 0.15);
}

/* What happened to the last order of each id is not kept; shares are over many. */
static void all_that_a_shop_sees_is_there_in_time_order(void **state)
{
    (void)state;
    struct qtl_generator *const shop = new_shop(3, 5000, 365);
    uint32_t orders[4] = {0};
    uint32_t kinds[KINDS] = {0};
    int64_t last = START;
    struct qtl_event event;
    while (qtl_generator_next(shop, &event)) {
        assert_true(event.occurred_at >= last);
        assert_true(event.occurred_at < START + 365 * DAY_S);
        assert_true(event.event_id.length > 1);
        last = event.occurred_at;
        if (event.stream == QTL_STREAM_ENGAGEMENT) {
            kinds[event.kind]++;
            continue;
        }
        assert_true(event.order_id.length > 0);
        orders[event.kind]++;
        assert_int_equal(event.kind == QTL_ORDER_PLACED, event.placed_at == QTL_TIME_ABSENT);
        if (event.kind != QTL_ORDER_PLACED) {
            assert_true(event.placed_at >= START && event.placed_at <= event.occurred_at);
        }
    }
    assert_int_equal(qtl_generator_customers(shop), 5000);
    qtl_generator_free(shop);
    assert_true(orders[QTL_ORDER_PLACED] > 5000);
    const double placed = orders[QTL_ORDER_PLACED];
    assert_true(fabs(orders[QTL_ORDER_CANCELLED] / placed - 0.03) < 0.01);
    assert_true(fabs(orders[QTL_ORDER_AMENDED] / placed - 0.02) < 0.01);
    assert_true(fabs(orders[QTL_ORDER_RETURNED] / placed - 0.05) < 0.012);
    assert_true(kinds[KIND_email_sent] > kinds[KIND_email_open]);
    assert_true(kinds[KIND_email_open] > kinds[KIND_email_click]);
    assert_true(kinds[KIND_email_click] > 0);
    assert_true(kinds[KIND_page_view] > kinds[KIND_cart_add]);
    assert_true(kinds[KIND_cart_add] > kinds[KIND_checkout_start]); /* carts that were left */
    /* Every order has its checkout; some checkouts are left. */
    assert_true(kinds[KIND_checkout_start] > orders[QTL_ORDER_PLACED]);
    assert_true(kinds[KIND_checkout_start] < 2 * orders[QTL_ORDER_PLACED]);
    assert_true(kinds[KIND_support_ticket] > 0);
    assert_true(kinds[KIND_sign_up] > 2500 && kinds[KIND_sign_up] < 3500);
}

static uint64_t fingerprint(uint64_t seed, uint32_t customers, uint32_t only)
{
    struct qtl_generator *const shop = new_shop(seed, customers, 100);
    uint64_t hash = 14695981039346656037U;
    struct qtl_event event;
    while (qtl_generator_next(shop, &event)) {
        if (only != 0 && customer_of(&event) != only) {
            continue;
        }
        const int64_t facts[] = {customer_of(&event), event.occurred_at, event.amount_e4,
                                 event.margin_e4,     event.items_e4,    event.kind};
        for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
            hash = (hash ^ (uint64_t)facts[i]) * 1099511628211U;
        }
    }
    qtl_generator_free(shop);
    return hash;
}

static void one_seed_makes_one_shop(void **state)
{
    (void)state;
    assert_int_equal(fingerprint(5, 300, 0), fingerprint(5, 300, 0));
    assert_int_not_equal(fingerprint(5, 300, 0), fingerprint(6, 300, 0));
    assert_int_not_equal(fingerprint(5, 300, 17), fingerprint(6, 300, 17));
}

static void an_endless_shop_goes_on_and_grows(void **state)
{
    (void)state;
    const struct qtl_generator_settings settings = {
        .seed = 1, .customers = 100, .start = START, .end = START + 10 * DAY_S, .endless = true};
    struct qtl_generator *const shop = qtl_generator_new(&settings);
    struct qtl_event event = {0};
    while (event.occurred_at < START + 100 * DAY_S) {
        assert_true(qtl_generator_next(shop, &event));
    }
    /* 100 in the first ten days, then as many each ten days: 1,000 with a deviation of 30. */
    assert_in_range(qtl_generator_customers(shop), 850, 1150);
    qtl_generator_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeat_orders_are_as_many_as_pareto_nbd_says),
        cmocka_unit_test(amounts_are_as_gamma_gamma_says),
        cmocka_unit_test(all_that_a_shop_sees_is_there_in_time_order),
        cmocka_unit_test(one_seed_makes_one_shop),
        cmocka_unit_test(an_endless_shop_goes_on_and_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
