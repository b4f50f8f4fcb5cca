/*
 * Evaluation, computed by hand: when windows and durations change an answer by time alone, what
 * hysteresis and hold do, what is undefined, how rules that name each other are ordered.
 */
#include "tests/unit/rig.h"

#include <stdio.h>

#define END (3 * RIG_DAY)

/* One flag `f` with this condition; returns its file. Until the next call. */
static const char *flag(const char *when)
{
    static char file[512];
    snprintf(file, sizeof(file), "segments:\n  f:\n    when: %s\n", when);
    return file;
}

/* An order at 100, another at 200 for 50 each, then nothing for long. */
static void assert_two_orders(const char *file, const char *expected)
{
    struct rig rig = rig_start(file);
    rig_apply(&rig, rig_order("c", 100, "o1", 50));
    rig_apply(&rig, rig_order("c", 200, "o2", 50));
    rig_pass(&rig, END);
    assert_string_equal(rig_changes(&rig), expected);
    rig_stop(&rig);
}

static void windows_leave_at_their_second(void **state)
{
    (void)state;
    assert_two_orders(flag("orders(10m) >= 2"), "c 1 f in @200 order\n"
                                                "c 2 f out @700 clock\n");
    assert_two_orders(flag("orders(100s) >= 2"), ""); /* the first leaves as the second comes */
    assert_two_orders(flag("orders(101s) >= 2"), "c 1 f in @200 order\n"
                                                 "c 2 f out @201 clock\n");
    assert_two_orders(flag("spend(10m) == 50"), "c 1 f in @100 order\n"
                                                "c 2 f out @200 order\n"
                                                "c 3 f in @700 clock\n"
                                                "c 4 f out @800 clock\n");
    assert_two_orders(flag("aov(10m) > 10"), "c 1 f in @100 order\n"
                                             "c 2 f out @800 clock\n");
    assert_two_orders(flag("orders(10m) < 1"), "c 1 f in @800 clock\n");
    assert_two_orders(flag("spend(10m) / orders(20m) <= 25"), "c 1 f in @700 clock\n"
                                                              "c 2 f out @1400 clock\n");
}

static void durations_by_every_comparison(void **state)
{
    (void)state;
    assert_two_orders(flag("since(order) >= 3m"), "c 1 f in @380 clock\n");
    assert_two_orders(flag("since(order) > 3m"), "c 1 f in @381 clock\n");
    assert_two_orders(flag("since(order) < 3m"), "c 1 f in @100 order\n"
                                                 "c 2 f out @380 clock\n");
    assert_two_orders(flag("since(order) <= 3m"), "c 1 f in @100 order\n"
                                                  "c 2 f out @381 clock\n");
    assert_two_orders(flag("since(order) == 3m"), "c 1 f in @380 clock\n"
                                                  "c 2 f out @381 clock\n");
    assert_two_orders(flag("since(order) != 3m"), "c 1 f in @100 order\n"
                                                  "c 2 f out @380 clock\n"
                                                  "c 3 f in @381 clock\n");
    assert_two_orders(flag("3m <= since(order)"), "c 1 f in @380 clock\n");
    assert_two_orders(flag("3m > since(order)"), "c 1 f in @100 order\n"
                                                 "c 2 f out @380 clock\n");
}

static void age_counts_from_the_first(void **state)
{
    (void)state;
    assert_two_orders(flag("age(order) >= 3m"), "c 1 f in @280 clock\n");
    assert_two_orders(flag("age(order) > 3m"), "c 1 f in @281 clock\n");
    assert_two_orders(flag("age(order) < 3m"), "c 1 f in @100 order\n"
                                               "c 2 f out @280 clock\n");
    assert_two_orders(flag("age(order) <= 3m"), "c 1 f in @100 order\n"
                                                "c 2 f out @281 clock\n");
    assert_two_orders(flag("age(order) == 3m"), "c 1 f in @280 clock\n"
                                                "c 2 f out @281 clock\n");
    assert_two_orders(flag("age(order) != 100s"), "c 1 f in @100 order\n"
                                                  "c 2 f out @200 clock\n"
                                                  "c 3 f in @201 clock\n");
}

/* `a` is out from 100, in from 200. */
static void assert_dwell(const char *comparison, const char *expected)
{
    char file[256];
    snprintf(file, sizeof(file),
             "segments:\n  d:\n    when: dwell(a) %s\n  a:\n    when: orders() >= 2\n", comparison);
    assert_two_orders(file, expected);
}

static void dwell_counts_from_the_change(void **state)
{
    (void)state;
    assert_dwell(">= 1m", "c 1 d in @160 clock\n"
                          "c 2 d out @200 order\n"
                          "c 3 a in @200 order\n"
                          "c 4 d in @260 clock\n");
    assert_dwell("> 1m", "c 1 d in @161 clock\n"
                         "c 2 d out @200 order\n"
                         "c 3 a in @200 order\n"
                         "c 4 d in @261 clock\n");
    assert_dwell("< 1m", "c 1 d in @100 order\n"
                         "c 2 d out @160 clock\n"
                         "c 3 d in @200 order\n"
                         "c 4 a in @200 order\n"
                         "c 5 d out @260 clock\n");
    assert_dwell("<= 1m", "c 1 d in @100 order\n"
                          "c 2 d out @161 clock\n"
                          "c 3 d in @200 order\n"
                          "c 4 a in @200 order\n"
                          "c 5 d out @261 clock\n");
    assert_dwell("== 100s",
                 "c 1 d in @200 clock\n" /* a deadline comes before its second's events */
                 "c 2 d out @200 order\n"
                 "c 3 a in @200 order\n"
                 "c 4 d in @300 clock\n"
                 "c 5 d out @301 clock\n");
    assert_dwell("!= 1m", "c 1 d in @100 order\n"
                          "c 2 d out @160 clock\n"
                          "c 3 d in @161 clock\n"
                          "c 4 a in @200 order\n"
                          "c 5 d out @260 clock\n"
                          "c 6 d in @261 clock\n");
}

static void instants_compare_with_nothing(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  cart: {when: last(cart_add) > last(order)}\n"
                               "  none: {when: last(review) == last(search)}\n"
                               "  first: {when: first(order) < first(review)}\n");
    rig_apply(&rig, rig_engagement(&rig, "c", 1, "cart_add", ""));
    rig_apply(&rig, rig_order("c", 2, "o1", 1));
    rig_apply(&rig, rig_engagement(&rig, "c", 3, "review", ""));
    rig_pass(&rig, END);
    assert_string_equal(rig_changes(&rig), "c 1 cart in @1 engagement\n"
                                           "c 2 none in @1 engagement\n"
                                           "c 3 cart out @2 order\n"
                                           "c 4 first in @2 order\n"
                                           "c 5 none out @3 engagement\n");
    rig_stop(&rig);
}

/* ---- hysteresis and hold -----------------------------------------------------------------------
 */

static void leave_when_is_another_edge(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  vip:\n"
                               "    when: spend(1d) >= 100\n"
                               "    leave_when: spend(1d) < 60\n");
    rig_apply(&rig, rig_order("c", 0, "a", 50));
    rig_apply(&rig, rig_order("c", 100, "b", 30));
    rig_apply(&rig, rig_order("c", 200, "c", 40));
    rig_pass(&rig, END); /* 120, then 70 at 1 d, 40 at 1 d + 100 */
    assert_string_equal(rig_changes(&rig), "c 1 vip in @200 order\n"
                                           "c 2 vip out @86500 clock\n");
    rig_stop(&rig);
}

static void nobody_enters_while_leave_when_holds(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  f:\n"
                               "    when: orders() >= 1\n"
                               "    leave_when: since(order) < 1m\n");
    rig_apply(&rig, rig_order("c", 0, "a", 1));
    rig_apply(&rig, rig_order("c", 100, "b", 1));
    rig_pass(&rig, END);
    assert_string_equal(rig_changes(&rig), "c 1 f in @60 clock\n"
                                           "c 2 f out @100 order\n"
                                           "c 3 f in @160 clock\n");
    rig_stop(&rig);
}

static void hold_looks_again_at_its_end(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  f:\n"
                               "    when: count(page_view,1m) >= 1\n"
                               "    hold: 10m\n");
    rig_apply(&rig, rig_order("c", 0, "a", 1)); /* born out: that holds nothing */
    rig_apply(&rig, rig_engagement(&rig, "c", 10, "page_view", ""));
    rig_apply(&rig, rig_engagement(&rig, "c", 100, "page_view", ""));
    rig_apply(&rig, rig_engagement(&rig, "c", 590, "page_view", ""));
    rig_apply(&rig, rig_engagement(&rig, "c", 2000, "page_view", ""));
    rig_pass(&rig, END);
    assert_string_equal(rig_changes(&rig),
                        "c 1 f in @10 engagement\n"
                        "c 2 f out @650 clock\n" /* at 610 it holds true: 590 is in the window */
                        "c 3 f in @2000 engagement\n"
                        "c 4 f out @2600 clock\n");
    rig_stop(&rig);
}

static void hold_ends_before_the_events_of_its_second(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  f:\n"
                               "    when: count(page_view,1m) >= 1\n"
                               "    hold: 10m\n");
    rig_apply(&rig, rig_engagement(&rig, "c", 10, "page_view", ""));
    rig_apply(&rig, rig_engagement(&rig, "c", 610, "page_view", ""));
    rig_pass(&rig, END);
    /* Out at 610 by the clock; what comes in that second finds a new hold. */
    assert_string_equal(rig_changes(&rig), "c 1 f in @10 engagement\n"
                                           "c 2 f out @610 clock\n");
    rig_stop(&rig);
}

/* ---- undefined ---------------------------------------------------------------------------------
 */

static void undefined_is_false_and_its_not_true(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  less: {when: aov() < 5}\n"
                               "  unequal: {when: aov() != 5}\n"
                               "  not_less: {when: not aov() < 5}\n"
                               "  by_zero: {when: 1 / orders() > 0 or 1 / orders() <= 0}\n"
                               "  never: {when: since(order) >= 0s}\n"
                               "  big: {when: 900000000000000 * 900000000000000 > 0}\n"
                               "  not_big: {when: not 900000000000000 * 900000000000000 > 0}\n");
    rig_apply(&rig, rig_engagement(&rig, "c", 1, "search", ""));
    rig_apply(&rig, rig_order("c", 2, "o", 5));
    assert_string_equal(rig_changes(&rig), "c 1 not_less in @1 engagement\n"
                                           "c 2 not_big in @1 engagement\n"
                                           "c 3 by_zero in @2 order\n"
                                           "c 4 never in @2 order\n");
    rig_stop(&rig);
}

/* ---- references --------------------------------------------------------------------------------
 */

/* Evaluated third, second, first; numbered in the order of the file. */
static void references_see_the_new_state(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  third: {when: in(second)}\n"
                               "  second: {when: in(first) and dwell(first) < 1m}\n"
                               "  first: {when: orders(1h) >= 1}\n");
    rig_apply(&rig, rig_order("c", 0, "o", 5));
    rig_pass(&rig, END);
    assert_string_equal(rig_changes(&rig), "c 1 third in @0 order\n"
                                           "c 2 second in @0 order\n"
                                           "c 3 first in @0 order\n"
                                           "c 4 third out @60 clock\n"
                                           "c 5 second out @60 clock\n"
                                           "c 6 first out @3600 clock\n");
    rig_stop(&rig);
}

static void evidence_names_what_is_defined(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  f:\n"
                               "    when: orders() >= 1 and since(order) < 1d\n"
                               "    leave_when: aov(1s) > 9 or last(review) > last(order) or\n"
                               "      since(review) > 2h\n");
    rig_apply(&rig, rig_order("c", 0, "o", 5));
    assert_int_equal(rig.outcome.transition_count, 1);
    const struct qtl_transition *const transition = &rig.outcome.transitions[0];
    assert_int_equal(transition->evidence_count, 4); /* no review: neither last nor since */
    const int64_t values[] = {QTL_E4, 0, 5 * QTL_E4, RIG_START};
    for (uint16_t i = 0; i < 4; i++) {
        assert_int_equal(transition->evidence[i].value, values[i]);
    }
    assert_string_equal(rig.rules->metrics[transition->evidence[3].metric].text, "last(order)");
    rig_stop(&rig);
}

static void a_share_is_held_out(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  f: {when: orders() >= 1, holdout: 10%}\n"
                               "  g: {when: orders() >= 1}\n");
    char id[16];
    unsigned out = 0;
    for (int i = 0; i < 2000; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        rig_apply(&rig, rig_order(id, i, "o", 5));
        assert_int_equal(rig.outcome.transition_count, 2);
        out += rig.outcome.transitions[0].holdout;
        assert_false(rig.outcome.transitions[1].holdout);
    }
    assert_in_range(out, 150, 250);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_leave_at_their_second),
        cmocka_unit_test(durations_by_every_comparison),
        cmocka_unit_test(age_counts_from_the_first),
        cmocka_unit_test(dwell_counts_from_the_change),
        cmocka_unit_test(instants_compare_with_nothing),
        cmocka_unit_test(leave_when_is_another_edge),
        cmocka_unit_test(nobody_enters_while_leave_when_holds),
        cmocka_unit_test(hold_looks_again_at_its_end),
        cmocka_unit_test(hold_ends_before_the_events_of_its_second),
        cmocka_unit_test(undefined_is_false_and_its_not_true),
        cmocka_unit_test(references_see_the_new_state),
        cmocka_unit_test(evidence_names_what_is_defined),
        cmocka_unit_test(a_share_is_held_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
