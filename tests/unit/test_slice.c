/*
 * A slice as a whole: its answers do not depend on how its work is cut, late firing tells the true
 * second, and a random shop gives the same transitions for any epochs, slices and bounds.
 */
#include "consumer/random.h"
#include "tests/unit/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUSTOMERS = 60, EVENTS = 3000, SPAN = 20 * 86400, SLICES_MAX = 8 };

static const char shop_rules[] =
    "segments:\n"
    "  vip:\n"
    "    when: spend(5d) >= 200 and orders(5d) >= 3\n"
    "    leave_when: spend(5d) < 120\n"
    "    hold: 6h\n"
    "  at_risk: {when: since(order) >= 2d and not in(vip)}\n"
    "  cart: {when: since(cart_add) >= 2h and since(cart_add) < 1d and last(cart_add) > "
    "last(order)}\n"
    "  busy: {when: 'count(page_view,1h) >= 4', holdout: 25%}\n"
    "  loyal: {when: dwell(at_risk) > 1d and not in(at_risk) and aov(10d) > 20}\n";

/* ---- a random shop -----------------------------------------------------------------------------
 */

struct shop {
    struct qtl_rules *rules;
    struct qtl_event events[EVENTS]; /* by occurred_at */
    char customers[EVENTS][16];
    char ids[EVENTS][16];
};

static int compare_times(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Within a second by stream, as the merge has it, then as they were made. */
static int compare_events(const void *left, const void *right)
{
    const struct qtl_event *const a = left;
    const struct qtl_event *const b = right;
    if (a->occurred_at != b->occurred_at) {
        return a->occurred_at < b->occurred_at ? -1 : 1;
    }
    return a->stream != b->stream ? a->stream - b->stream : (int)(a->offset - b->offset);
}

/* Times in few distinct seconds, so that many fall together. */
static void fill_shop(struct shop *shop, uint64_t seed)
{
    static const char *const kinds[] = {"cart_add", "page_view", "page_view", "email_open"};
    struct qtl_random random = qtl_random_seed(seed, 0);
    static uint32_t times[EVENTS];
    for (int i = 0; i < EVENTS; i++) {
        times[i] = qtl_random_below(&random, SPAN / 600) * 600;
    }
    qsort(times, EVENTS, sizeof(times[0]), compare_times);
    shop->rules = rig_rules(shop_rules);
    const struct rig names = {.rules = shop->rules};
    for (int i = 0; i < EVENTS; i++) {
        snprintf(shop->customers[i], sizeof(shop->customers[i]), "c%u",
                 qtl_random_below(&random, CUSTOMERS));
        snprintf(shop->ids[i], sizeof(shop->ids[i]), "o%u", qtl_random_below(&random, 2000));
        if (qtl_random_chance(&random, 0.6)) {
            shop->events[i] = rig_engagement(&names, shop->customers[i], times[i],
                                             kinds[qtl_random_below(&random, 4)], shop->ids[i]);
            shop->events[i].offset = i;
            continue;
        }
        const uint32_t dice = qtl_random_below(&random, 10);
        const enum qtl_order_kind kind = dice < 7   ? QTL_ORDER_PLACED
                                         : dice < 8 ? QTL_ORDER_CANCELLED
                                         : dice < 9 ? QTL_ORDER_AMENDED
                                                    : QTL_ORDER_RETURNED;
        shop->events[i] = rig_order_record(kind, shop->customers[i], times[i], shop->ids[i],
                                           qtl_random_below(&random, 90));
        shop->events[i].offset = i;
    }
    qsort(shop->events, EVENTS, sizeof(shop->events[0]), compare_events);
}

/* How the work is cut. */
struct cutting {
    uint32_t slices;
    uint32_t epoch_max;     /* records; each epoch takes a random number up to it */
    uint32_t deadlines_max; /* fired in an epoch */
    bool hurries;           /* goes on to the next records while deadlines are left */
};

struct run {
    struct rig rigs[SLICES_MAX];
    struct cutting cutting;
};

static void run_until_finished(struct rig *rig, int64_t clock, uint32_t deadlines_max)
{
    while (rig->outcome.unfinished) {
        assert_true(qtl_slice_clock(rig->slice) < RIG_START + clock);
        rig_epoch(rig, NULL, 0, clock, deadlines_max);
        assert_true(rig->outcome.deadlines <= deadlines_max);
    }
}

/* One epoch of one slice: its part of the events in [from, to), then the clock. */
static void run_part(struct run *run, const struct shop *shop, uint32_t slice, size_t from,
                     size_t to)
{
    static struct qtl_event part[EVENTS];
    size_t count = 0;
    for (size_t i = from; i < to; i++) {
        if (qtl_hash_partition(shop->events[i].customer_hash, run->cutting.slices) == slice) {
            part[count++] = shop->events[i];
        }
    }
    const bool is_last = to == EVENTS;
    const int64_t clock =
        is_last ? (int64_t)SPAN + 30 * RIG_DAY : shop->events[to].occurred_at - RIG_START;
    struct rig *const rig = &run->rigs[slice];
    rig_epoch(rig, part, count, clock, run->cutting.deadlines_max);
    if (is_last || !run->cutting.hurries) {
        run_until_finished(rig, clock, run->cutting.deadlines_max);
    }
}

/* All that came out of all slices, as one sorted text: the caller's to free. */
static char *gather_run(struct run *run)
{
    struct rig all = {.rules = NULL};
    for (uint32_t slice = 0; slice < run->cutting.slices; slice++) {
        all.line_count += run->rigs[slice].line_count;
    }
    all.lines = calloc(all.line_count + 1, sizeof(*all.lines));
    assert_non_null(all.lines);
    size_t count = 0;
    for (uint32_t slice = 0; slice < run->cutting.slices; slice++) {
        struct rig *const rig = &run->rigs[slice];
        if (rig->line_count > 0) {
            memcpy(all.lines + count, rig->lines, rig->line_count * sizeof(*rig->lines));
        }
        count += rig->line_count;
        rig_stop(rig);
    }
    rig_changes(&all);
    free(all.lines);
    return all.text;
}

static char *run_shop(const struct shop *shop, const struct cutting *cutting, uint64_t seed)
{
    struct run run = {.cutting = *cutting};
    struct qtl_random random = qtl_random_seed(seed, 99);
    for (uint32_t slice = 0; slice < cutting->slices; slice++) {
        run.rigs[slice] = rig_start(shop_rules);
    }
    size_t from = 0;
    while (from < EVENTS) {
        size_t to = from + 1 + qtl_random_below(&random, cutting->epoch_max);
        to = to < EVENTS ? to : EVENTS;
        for (uint32_t slice = 0; slice < cutting->slices; slice++) {
            run_part(&run, shop, slice, from, to);
        }
        from = to;
    }
    return gather_run(&run);
}

static void any_cutting_gives_the_same_transitions(void **state)
{
    (void)state;
    static struct shop shop;
    static const struct cutting cuttings[] = {
        {1, 1, UINT32_MAX, false},
        {1, 7, UINT32_MAX, false},
        {1, 1000, UINT32_MAX, false},
        {3, EVENTS, UINT32_MAX, false},
        {3, 50, 1, false},
        {8, 50, 3, true},
        {8, 400, 7, false},
        {1, 20, 1, true},
        {1, 200, 7, true},
        {8, 1, UINT32_MAX, false},
    };
    for (uint64_t seed = 1; seed <= 3; seed++) {
        fill_shop(&shop, seed);
        char *const whole = run_shop(&shop, &(struct cutting){1, EVENTS, UINT32_MAX, false}, 0);
        assert_true(strlen(whole) > 1000);
        for (size_t i = 0; i < sizeof(cuttings) / sizeof(cuttings[0]); i++) {
            char *const cut = run_shop(&shop, &cuttings[i], seed * 100 + i);
            assert_string_equal(cut, whole);
            free(cut);
        }
        free(whole);
        qtl_rules_free(shop.rules);
    }
}

/* ---- bounds on deadlines -----------------------------------------------------------------------
 */

enum { STORM = 200 };

static void fill_storm(struct rig *rig)
{
    for (int i = 0; i < STORM; i++) {
        char id[16];
        snprintf(id, sizeof(id), "c%d", i);
        rig_apply(rig, rig_order(id, i % 5, "o", 1)); /* 40 of them fall due in each second */
    }
}

static void deadlines_in_small_batches(void **state)
{
    (void)state;
    static const uint32_t bounds[] = {1, 3, 7, STORM - 1};
    const char *const rules = "segments:\n  f: {when: since(order) >= 1h}\n"
                              "  g: {when: since(order) > 1h}\n";
    struct rig whole = rig_start(rules);
    fill_storm(&whole);
    rig_pass(&whole, RIG_DAY);
    assert_int_equal(whole.line_count, 2 * STORM);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        struct rig rig = rig_start(rules);
        fill_storm(&rig);
        size_t epochs = 0;
        do {
            const size_t before = rig.line_count;
            rig_epoch(&rig, NULL, 0, RIG_DAY, bounds[i]);
            assert_true(rig.outcome.deadlines <= bounds[i]);
            assert_true(rig.line_count > before);
            const int64_t clock = qtl_slice_clock(rig.slice);
            assert_true(!rig.outcome.unfinished || clock < RIG_START + RIG_DAY);
            assert_true(clock <= rig.lines[rig.line_count - 1].at || !rig.outcome.unfinished);
            epochs++;
        } while (rig.outcome.unfinished);
        assert_true(epochs >= 2 * STORM / bounds[i]);
        assert_int_equal(qtl_slice_clock(rig.slice), RIG_START + RIG_DAY);
        assert_string_equal(rig_changes(&rig), rig_changes(&whole));
        rig_stop(&rig);
    }
    rig_stop(&whole);
}

/* Deadlines of one second come by the bytes of the ids, whatever order they were armed in. */
static void one_second_goes_by_id(void **state)
{
    (void)state;
    static const char *const ids[] = {"b", "a", "aa", "B", "\xc3\xa4", "ab", "a-"};
    static const char *const sorted[] = {"B", "a", "a-", "aa", "ab", "b", "\xc3\xa4"};
    struct rig rig = rig_start("segments:\n  f: {when: since(order) >= 1h}\n");
    for (int i = 0; i < 7; i++) {
        rig_apply(&rig, rig_order(ids[i], 10, "o", 1));
    }
    rig_pass(&rig, RIG_DAY);
    assert_int_equal(rig.line_count, 7);
    for (int i = 0; i < 7; i++) {
        assert_string_equal(rig.lines[i].customer, sorted[i]);
    }
    rig_stop(&rig);
}

/* ---- clocks ------------------------------------------------------------------------------------
 */

static void an_outage_of_three_days_tells_the_true_seconds(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n"
                               "  cart: {when: since(cart_add) >= 2h and since(cart_add) < 2d}\n"
                               "  quiet: {when: since(any) > 1d}\n");
    rig_apply(&rig, rig_engagement(&rig, "c", 0, "cart_add", "e1"));
    rig_apply(&rig, rig_engagement(&rig, "d", 60, "cart_add", "e2"));
    /* Nothing ran for three days; then a record of one of them comes, and the clock. */
    struct qtl_event back = rig_order("c", 3 * RIG_DAY, "o", 1);
    rig_epoch(&rig, &back, 1, 3 * RIG_DAY, QTL_DEADLINES_MAX);
    assert_string_equal(rig_changes(&rig), "c 1 cart in @7200 clock\n"
                                           "d 1 cart in @7260 clock\n"
                                           "c 2 quiet in @86401 clock\n"
                                           "d 2 quiet in @86461 clock\n"
                                           "c 3 cart out @172800 clock\n"
                                           "d 3 cart out @172860 clock\n"
                                           "c 4 quiet out @259200 order\n");
    rig_stop(&rig);
}

static void an_epoch_without_a_record_keeps_the_clock(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  f: {when: since(order) >= 1h}\n");
    rig_apply(&rig, rig_order("c", 100, "o", 1));
    assert_int_equal(qtl_slice_clock(rig.slice), RIG_START + 100);
    rig_epoch(&rig, NULL, 0, 200, QTL_DEADLINES_MAX); /* read nothing, decided nothing */
    assert_int_equal(qtl_slice_clock(rig.slice), RIG_START + 100);
    assert_int_equal(rig.outcome.clock, RIG_START + 100);
    rig_pass(&rig, 300); /* read something, if only a dead letter */
    assert_int_equal(qtl_slice_clock(rig.slice), RIG_START + 300);
    rig_pass(&rig, 50); /* never back */
    assert_int_equal(qtl_slice_clock(rig.slice), RIG_START + 300);
    rig_epoch(&rig, NULL, 0, 4000, QTL_DEADLINES_MAX); /* decided something */
    assert_int_equal(qtl_slice_clock(rig.slice), RIG_START + 4000);
    assert_string_equal(rig_changes(&rig), "c 1 f in @3700 clock\n");
    rig_stop(&rig);
}

/* The timers have gone on without a record; a record before them still finds its deadlines. */
static void a_record_may_trail_the_timers(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  f: {when: since(order) >= 1h and orders() >= 2}\n");
    rig_apply(&rig, rig_order("c", 0, "o1", 1));
    rig_epoch(&rig, NULL, 0, 10000, QTL_DEADLINES_MAX); /* a deadline at 3600 changes nothing */
    assert_int_equal(qtl_slice_clock(rig.slice), RIG_START);
    rig_apply(&rig, rig_order("c", 5000, "o2", 1));
    rig_apply(&rig, rig_order("d", 5100, "o3", 1));
    rig_apply(&rig, rig_order("d", 5200, "o4", 1));
    rig_pass(&rig, 20000);
    assert_string_equal(rig_changes(&rig), "c 1 f in @8600 clock\n"
                                           "d 1 f in @8800 clock\n");
    rig_stop(&rig);
}

static void a_late_event_is_evaluated_at_the_clock(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  f: {when: spend(1h) >= 100}\n");
    rig_apply(&rig, rig_order("c", 5000, "o1", 60));
    struct qtl_event late = rig_order("c", 4000, "o2", 60);
    late.stamp = RIG_START + 6000;
    rig_apply(&rig, late); /* 5000 is still within; 4000 leaves at 7600 */
    rig_pass(&rig, RIG_DAY);
    assert_string_equal(rig_changes(&rig), "c 1 f in @5000 order\n"
                                           "c 2 f out @7600 clock\n");
    rig_stop(&rig);
}

/* ---- bookkeeping -------------------------------------------------------------------------------
 */

static void customers_are_numbered_by_birth(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  f: {when: orders() >= 1}\n");
    rig_apply(&rig, rig_order("b", 0, "o", 1));
    rig_apply(&rig, rig_order("a", 1, "o", 1));
    rig_apply(&rig, rig_order("b", 2, "o2", 1));
    assert_int_equal(qtl_slice_customer_count(rig.slice), 2);
    assert_ptr_equal(qtl_slice_customer(rig.slice, 0), rig_customer(&rig, "b"));
    assert_ptr_equal(qtl_slice_customer(rig.slice, 1), rig_customer(&rig, "a"));
    assert_null(rig_customer(&rig, "c"));
    assert_true(qtl_slice_bytes(rig.slice) > 0);
    assert_int_equal(qtl_slice_counters(rig.slice).duplicates, 0);
    rig_stop(&rig);
    qtl_slice_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cutting_gives_the_same_transitions),
        cmocka_unit_test(deadlines_in_small_batches),
        cmocka_unit_test(one_second_goes_by_id),
        cmocka_unit_test(an_outage_of_three_days_tells_the_true_seconds),
        cmocka_unit_test(an_epoch_without_a_record_keeps_the_clock),
        cmocka_unit_test(a_record_may_trail_the_timers),
        cmocka_unit_test(a_late_event_is_evaluated_at_the_clock),
        cmocka_unit_test(customers_are_numbered_by_birth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
