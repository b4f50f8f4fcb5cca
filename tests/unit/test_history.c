/*
 * Booking: what cancelled, amended, returned and repeated records do to a customer's history
 * (DESIGN 2, RECOVERY Bounds), case by case.
 */
#include "tests/unit/rig.h"

#include <stdio.h>

#define RETENTION (400 * RIG_DAY)

static const char sums[] =
    "segments:\n"
    "  all:\n"
    "    when: orders() + spend() + margin() + items() + discount() + returns() +\n"
    "      orders(30d) + spend(30d) + count(search) + count(email_open) + value(search) < 0\n"
    "      and first(order) < last(order) and since(order) < 1s\n";

static struct qtl_event record(enum qtl_order_kind kind, int64_t at, const char *order,
                               int64_t amount)
{
    return rig_order_record(kind, "c", at, order, amount);
}

static struct qtl_event placed_back(struct qtl_event event, int64_t placed_at)
{
    event.placed_at = RIG_START + placed_at;
    return event;
}

static struct qtl_event named(struct qtl_event event, const char *event_id)
{
    event.event_id = rig_text(event_id);
    qtl_event_seal(&event);
    return event;
}

static void assert_sums(const struct rig *rig, int64_t second, int64_t orders, int64_t spend)
{
    assert_int_equal(rig_metric(rig, "c", "orders()", second), orders * QTL_E4);
    assert_int_equal(rig_metric(rig, "c", "spend()", second), spend * QTL_E4);
}

/* ---- placed and cancelled ----------------------------------------------------------------------
 */

static void a_second_placed_changes_nothing(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 0, "o1", 10));
    rig_apply(&rig, record(QTL_ORDER_PLACED, 100, "o1", 99));
    assert_sums(&rig, 100, 1, 10);
    assert_int_equal(qtl_slice_counters(rig.slice).duplicates, 1);
    assert_int_equal(rig_customer(&rig, "c")->clock, RIG_START + 100); /* it moves the clock */
    rig_stop(&rig);
}

static void cancelled_is_as_if_never_placed(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 0, "o1", 10));
    rig_apply(&rig, record(QTL_ORDER_PLACED, 50, "o2", 7));
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, 100, "o1", 0));
    assert_sums(&rig, 100, 1, 7);
    assert_int_equal(rig_metric(&rig, "c", "first(order)", 100), RIG_START + 50);
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, 110, "o2", 0));
    assert_sums(&rig, 110, 0, 0);
    assert_int_equal(rig_metric(&rig, "c", "items()", 110), 0);
    assert_int_equal(rig_metric(&rig, "c", "since(order)", 110), RIG_UNDEFINED);
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, 120, "o2", 0)); /* a repeat */
    rig_apply(&rig, record(QTL_ORDER_PLACED, 130, "o2", 7));    /* stays void */
    assert_sums(&rig, 130, 0, 0);
    assert_int_equal(qtl_slice_counters(rig.slice).unmatched_cancellations, 0);
    rig_stop(&rig);
}

static void a_cancellation_may_come_first(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, 0, "o1", 0));
    assert_int_equal(qtl_slice_counters(rig.slice).unmatched_cancellations, 1);
    assert_non_null(rig_customer(&rig, "c")); /* it creates its customer */
    rig_apply(&rig, record(QTL_ORDER_PLACED, 10, "o1", 10));
    assert_sums(&rig, 10, 0, 0);
    rig_apply(&rig, record(QTL_ORDER_AMENDED, 20, "o1", 30)); /* voided: stays void */
    rig_apply(&rig, record(QTL_ORDER_PLACED, 30, "o1", 10));
    assert_sums(&rig, 30, 0, 0);
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, 40, "o2", 0));
    rig_apply(&rig, record(QTL_ORDER_AMENDED, 50, "o2", 30)); /* an amended that would place it */
    assert_sums(&rig, 50, 0, 0);
    rig_stop(&rig);
}

static void orders_are_known_for_the_retention(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 0, "o1", 10));
    rig_apply(&rig, record(QTL_ORDER_PLACED, 5, "o2", 20));
    /* At exactly its time + retention o1 is no longer known; o2 is, until five seconds later. */
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, RETENTION, "o1", 0));
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, RETENTION + 4, "o2", 0));
    assert_sums(&rig, RETENTION + 4, 1, 10);
    assert_int_equal(qtl_slice_counters(rig.slice).unmatched_cancellations, 1);
    /* The unmatched one is remembered: the order it means may yet come. */
    rig_apply(&rig, record(QTL_ORDER_PLACED, RETENTION + 10, "o1", 5));
    assert_sums(&rig, RETENTION + 10, 1, 10);
    rig_stop(&rig);
}

static void what_is_too_old_counts_for_life_only(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_PLACED, RETENTION, "o1", 10));
    struct qtl_event old = record(QTL_ORDER_PLACED, 0, "o2", 7);
    old.stamp = RIG_START + RETENTION;
    rig_apply(&rig, old);
    rig_apply(&rig, old); /* not remembered, so it counts again */
    assert_sums(&rig, RETENTION, 3, 24);
    assert_int_equal(rig_metric(&rig, "c", "first(order)", RETENTION), RIG_START);
    assert_int_equal(rig_metric(&rig, "c", "orders(30d)", RETENTION), QTL_E4);
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, RETENTION + 1, "o2", 0));
    assert_sums(&rig, RETENTION + 1, 3, 24);
    rig_stop(&rig);
}

/* ---- amended -----------------------------------------------------------------------------------
 */

static void amended_keeps_the_time(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    struct qtl_event order = record(QTL_ORDER_PLACED, 0, "o1", 10);
    order.margin_e4 = 3 * QTL_E4;
    order.items_e4 = 5 * QTL_E4;
    order.discount_e4 = QTL_E4;
    rig_apply(&rig, order);
    rig_apply(&rig, record(QTL_ORDER_AMENDED, 40 * RIG_DAY, "o1", 12)); /* the rest by default */
    assert_sums(&rig, 40 * RIG_DAY, 1, 12);
    assert_int_equal(rig_metric(&rig, "c", "margin()", 40 * RIG_DAY), 0);
    assert_int_equal(rig_metric(&rig, "c", "items()", 40 * RIG_DAY), QTL_E4);
    assert_int_equal(rig_metric(&rig, "c", "discount()", 40 * RIG_DAY), 0);
    assert_int_equal(rig_metric(&rig, "c", "spend(30d)", 40 * RIG_DAY), 0);
    assert_int_equal(rig_metric(&rig, "c", "last(order)", 40 * RIG_DAY), RIG_START);
    rig_stop(&rig);
}

static void the_latest_amendment_wins(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 0, "o1", 10));
    rig_apply(&rig, named(record(QTL_ORDER_AMENDED, 100, "o1", 20), "b"));
    rig_apply(&rig, named(record(QTL_ORDER_AMENDED, 50, "o1", 30), "z")); /* older */
    assert_sums(&rig, 100, 1, 20);
    rig_apply(&rig, named(record(QTL_ORDER_AMENDED, 100, "o1", 40), "a")); /* smaller bytes */
    assert_sums(&rig, 100, 1, 20);
    rig_apply(&rig, record(QTL_ORDER_AMENDED, 100, "o1", 45)); /* none is smallest */
    assert_sums(&rig, 100, 1, 20);
    rig_apply(&rig, named(record(QTL_ORDER_AMENDED, 100, "o1", 50), "ba"));
    assert_sums(&rig, 100, 1, 50);
    rig_apply(&rig, named(record(QTL_ORDER_AMENDED, 100, "o1", 60), "ba")); /* equal: taken */
    assert_sums(&rig, 100, 1, 60);
    rig_stop(&rig);
}

static void amended_places_what_is_not_known(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, placed_back(record(QTL_ORDER_AMENDED, 100, "o1", 10), 40));
    rig_apply(&rig, record(QTL_ORDER_AMENDED, 110, "o2", 20));
    rig_apply(&rig, placed_back(record(QTL_ORDER_AMENDED, 120, "o3", 30), 500)); /* later: 120 */
    const struct qtl_series *const orders = qtl_book_list(rig_customer(&rig, "c")->book);
    assert_int_equal(orders->count, 3);
    assert_int_equal(qtl_series_time(orders, 0), RIG_START + 40);
    assert_int_equal(qtl_series_time(orders, 1), RIG_START + 110);
    assert_int_equal(qtl_series_time(orders, 2), RIG_START + 120);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 130, "o1", 77)); /* placed by the amended */
    assert_sums(&rig, 130, 3, 60);
    rig_apply(&rig, record(QTL_ORDER_AMENDED, 99, "o1", 11)); /* older than the one that placed */
    assert_sums(&rig, 130, 3, 60);
    rig_stop(&rig);
}

static void many_amendments_keep_their_orders(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    char ids[200][16];
    for (int i = 0; i < 200; i++) {
        snprintf(ids[i], sizeof(ids[i]), "o%d", i);
        rig_apply(&rig, record(QTL_ORDER_PLACED, i, ids[i], 1));
        rig_apply(&rig, named(record(QTL_ORDER_AMENDED, 1000 + i, ids[i], 2), "event"));
        if (i % 3 == 0) {
            rig_apply(&rig, record(QTL_ORDER_CANCELLED, 1000 + i, ids[i], 0));
        }
    }
    for (int i = 0; i < 200; i++) { /* all older: nothing changes */
        rig_apply(&rig, named(record(QTL_ORDER_AMENDED, 1000 + i, ids[i], 9), "even"));
    }
    assert_sums(&rig, 2000, 133, 266);
    rig_stop(&rig);
}

/* ---- returned ----------------------------------------------------------------------------------
 */

static void returned_takes_from_spend_where_it_was_placed(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 0, "o1", 50));
    rig_apply(&rig, placed_back(record(QTL_ORDER_RETURNED, 20 * RIG_DAY, "o1", 30), 0));
    assert_sums(&rig, 20 * RIG_DAY, 1, 20);
    assert_int_equal(rig_metric(&rig, "c", "spend(30d)", 30 * RIG_DAY - 1), 20 * QTL_E4);
    assert_int_equal(rig_metric(&rig, "c", "spend(30d)", 30 * RIG_DAY), 0); /* both left */
    rig_apply(&rig, record(QTL_ORDER_RETURNED, 21 * RIG_DAY, "unknown", 80));
    assert_sums(&rig, 21 * RIG_DAY, 1, -60);
    assert_int_equal(rig_metric(&rig, "c", "returns()", 21 * RIG_DAY), 2 * QTL_E4);
    assert_int_equal(rig_metric(&rig, "c", "last(order)", 21 * RIG_DAY), RIG_START);
    rig_stop(&rig);
}

static void a_repeated_return_is_dropped(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_RETURNED, 0, "o1", 1));
    rig_apply(&rig, record(QTL_ORDER_RETURNED, 0, "o1", 1)); /* order and second */
    rig_apply(&rig, record(QTL_ORDER_RETURNED, 1, "o1", 1)); /* another second */
    rig_apply(&rig, record(QTL_ORDER_RETURNED, 1, "o2", 1)); /* another order */
    assert_sums(&rig, 1, 0, -3);
    rig_apply(&rig, named(record(QTL_ORDER_RETURNED, 1, "o2", 1), "e1")); /* has an id: another */
    rig_apply(&rig, named(record(QTL_ORDER_RETURNED, 9, "o3", 1), "e1")); /* the same id */
    assert_sums(&rig, 9, 0, -4);
    rig_apply(&rig, named(record(QTL_ORDER_RETURNED, RETENTION + 1, "o2", 1), "e1"));
    assert_sums(&rig, RETENTION + 1, 0, -5); /* no longer remembered */
    assert_int_equal(qtl_slice_counters(rig.slice).duplicates, 2);
    rig_stop(&rig);
}

/* ---- engagement --------------------------------------------------------------------------------
 */

static void duplicates_lie_within_the_horizon(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, rig_engagement(&rig, "c", 1000, "search", "e"));
    rig_apply(&rig, rig_engagement(&rig, "c", 1600, "search", "e"));     /* 600: a repeat */
    rig_apply(&rig, rig_engagement(&rig, "c", 1600, "email_open", "e")); /* whatever the kind */
    rig_apply(&rig, rig_engagement(&rig, "c", 1601, "search", "e"));     /* 601: another */
    rig_apply(&rig, rig_engagement(&rig, "c", 1602, "search", ""));
    rig_apply(&rig, rig_engagement(&rig, "c", 1602, "search", "")); /* without an id: both */
    assert_int_equal(rig_metric(&rig, "c", "count(search)", 2000), 4 * QTL_E4);
    assert_int_equal(rig_metric(&rig, "c", "count(email_open)", 2000), 0);
    struct qtl_event late = rig_engagement(&rig, "c", 400, "search", "e"); /* 600 before */
    late.stamp = RIG_START + 2000;
    rig_apply(&rig, late);
    late.occurred_at--; /* 601 before */
    rig_apply(&rig, late);
    assert_int_equal(rig_metric(&rig, "c", "count(search)", 2000), 5 * QTL_E4);
    rig_stop(&rig);
}

static void event_ids_are_bounded(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    char id[16];
    for (int i = 0; i < 1025; i++) {
        snprintf(id, sizeof(id), "e%d", i);
        rig_apply(&rig, rig_engagement(&rig, "c", 100, "search", id));
    }
    assert_int_equal(qtl_slice_counters(rig.slice).forgotten_event_ids, 1);
    rig_apply(&rig, rig_engagement(&rig, "c", 101, "search", "e1024")); /* remembered */
    rig_apply(&rig, rig_engagement(&rig, "c", 101, "search", "e1"));    /* remembered */
    assert_int_equal(rig_metric(&rig, "c", "count(search)", 101), 1025 * QTL_E4);
    rig_apply(&rig, rig_engagement(&rig, "c", 101, "search", "e0")); /* pushed out: counts again */
    assert_int_equal(rig_metric(&rig, "c", "count(search)", 101), 1026 * QTL_E4);
    /* One older than all remembered is not kept at all. */
    struct qtl_event late = rig_engagement(&rig, "c", 50, "search", "old");
    late.stamp = RIG_START + 200;
    rig_apply(&rig, late);
    rig_apply(&rig, late);
    assert_int_equal(rig_metric(&rig, "c", "count(search)", 200), 1028 * QTL_E4);
    rig_stop(&rig);
}

/* Of ids of one second that of the lowest kind goes, whichever came first. */
static void ids_of_one_second_go_by_kind(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    char id[16];
    for (int i = 0; i < 1025; i++) {
        snprintf(id, sizeof(id), "e%d", i);
        rig_apply(&rig, rig_engagement(&rig, "c", 100, i == 700 ? "email_open" : "search", id));
    }
    assert_int_equal(qtl_slice_counters(rig.slice).forgotten_event_ids, 1);
    rig_apply(&rig, rig_engagement(&rig, "c", 101, "search", "e0")); /* remembered */
    assert_int_equal(rig_metric(&rig, "c", "count(search)", 101), 1024 * QTL_E4);
    rig_apply(&rig, rig_engagement(&rig, "c", 101, "search", "e700")); /* pushed out */
    assert_int_equal(rig_metric(&rig, "c", "count(search)", 101), 1025 * QTL_E4);
    rig_stop(&rig);
}

static void unmatched_cancellations_are_bounded(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    char id[16];
    for (int i = 0; i < 257; i++) {
        snprintf(id, sizeof(id), "o%d", i);
        rig_apply(&rig, record(QTL_ORDER_CANCELLED, i, id, 0));
        rig_apply(&rig, record(QTL_ORDER_CANCELLED, i, id, 0)); /* a repeat takes no room */
    }
    assert_int_equal(qtl_slice_counters(rig.slice).forgotten_cancellations, 1);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 300, "o1", 10));
    assert_sums(&rig, 300, 0, 0);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 300, "o0", 10)); /* the oldest went */
    assert_sums(&rig, 300, 1, 10);
    rig_stop(&rig);
}

static void unmatched_cancellations_end_with_the_retention(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, 0, "o1", 0));
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, 1, "o2", 0));
    rig_apply(&rig, record(QTL_ORDER_CANCELLED, 5, "o1", 0)); /* keeps the older stamp */
    rig_apply(&rig, record(QTL_ORDER_PLACED, RETENTION, "o1", 10));
    rig_apply(&rig, record(QTL_ORDER_PLACED, RETENTION, "o2", 10));
    assert_sums(&rig, RETENTION, 1, 10);
    rig_stop(&rig);
}

/* ---- bounds ------------------------------------------------------------------------------------
 */

static struct qtl_event huge(enum qtl_order_kind kind, int64_t at, const char *order)
{
    struct qtl_event event = record(kind, at, order, 0);
    event.amount_e4 = QTL_AMOUNT_E4_MAX;
    return event;
}

static void totals_end_at_2_to_62(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    static const char *const ids[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        rig_apply(&rig, huge(QTL_ORDER_PLACED, i, ids[i]));
    }
    const int64_t room = QTL_TOTAL_E4_MAX - 4 * QTL_AMOUNT_E4_MAX;
    struct qtl_event last = record(QTL_ORDER_PLACED, 10, "e", 0);
    last.amount_e4 = room + 1;
    rig_apply(&rig, last);
    assert_int_equal(rig.rejects, 1);
    assert_int_equal(rig.outcome.rejects[0].reason, QTL_REASON_BAD_AMOUNT);
    assert_int_equal(rig_customer(&rig, "c")->clock, RIG_START + 3); /* nothing happened */
    assert_int_equal(rig.outcome.records, 0);
    last.amount_e4 = room; /* exactly */
    rig_apply(&rig, last);
    assert_int_equal(rig.rejects, 1);
    assert_int_equal(rig_metric(&rig, "c", "spend()", 10), QTL_TOTAL_E4_MAX);
    rig_apply(&rig, record(QTL_ORDER_PLACED, 11, "f", 1));
    assert_int_equal(rig.rejects, 2);
    rig_apply(&rig, huge(QTL_ORDER_AMENDED, 12, "e")); /* would grow it */
    assert_int_equal(rig.rejects, 3);
    rig_apply(&rig, record(QTL_ORDER_AMENDED, 13, "a", 5)); /* makes room */
    rig_apply(&rig, record(QTL_ORDER_PLACED, 14, "f", 1));
    assert_int_equal(rig.rejects, 3);
    rig_stop(&rig);
}

/* What is refused has still let the deadlines before it fire. */
static void a_refused_record_lets_time_pass(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  f: {when: since(order) >= 1h}\n");
    static const char *const ids[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) {
        struct qtl_event order = huge(QTL_ORDER_PLACED, i == 4 ? 7200 : i, ids[i]);
        rig_epoch(&rig, &order, 1, 0, QTL_DEADLINES_MAX);
    }
    assert_int_equal(rig.rejects, 1);
    assert_string_equal(rig_changes(&rig), "c 1 f in @3603 clock\n");
    assert_int_equal(rig_customer(&rig, "c")->clock, RIG_START + 3603);
    rig_stop(&rig);
}

static void negative_values_are_bounded_too(void **state)
{
    (void)state;
    struct rig rig = rig_start(sums);
    for (int i = 0; i < 6; i++) {
        struct qtl_event search = rig_engagement(&rig, "c", i, "search", "");
        search.amount_e4 = -QTL_AMOUNT_E4_MAX;
        rig_apply(&rig, search);
    }
    assert_int_equal(rig.rejects, 2);
    assert_int_equal(rig_metric(&rig, "c", "value(search)", 10), -4 * QTL_AMOUNT_E4_MAX);
    assert_int_equal(rig_metric(&rig, "c", "count(search)", 10), 4 * QTL_E4);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_placed_changes_nothing),
        cmocka_unit_test(cancelled_is_as_if_never_placed),
        cmocka_unit_test(a_cancellation_may_come_first),
        cmocka_unit_test(orders_are_known_for_the_retention),
        cmocka_unit_test(what_is_too_old_counts_for_life_only),
        cmocka_unit_test(amended_keeps_the_time),
        cmocka_unit_test(the_latest_amendment_wins),
        cmocka_unit_test(amended_places_what_is_not_known),
        cmocka_unit_test(many_amendments_keep_their_orders),
        cmocka_unit_test(returned_takes_from_spend_where_it_was_placed),
        cmocka_unit_test(a_repeated_return_is_dropped),
        cmocka_unit_test(duplicates_lie_within_the_horizon),
        cmocka_unit_test(event_ids_are_bounded),
        cmocka_unit_test(ids_of_one_second_go_by_kind),
        cmocka_unit_test(unmatched_cancellations_are_bounded),
        cmocka_unit_test(unmatched_cancellations_end_with_the_retention),
        cmocka_unit_test(totals_end_at_2_to_62),
        cmocka_unit_test(a_refused_record_lets_time_pass),
        cmocka_unit_test(negative_values_are_bounded_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
