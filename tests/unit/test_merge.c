/*
 * The merge: which second a record gets, and in which order a slice takes the records of its three
 * partitions (DESIGN 3, Time).
 */
#include "tests/unit/rig.h"

#include <stdio.h>
#include <string.h>

#define YEAR_9999 INT64_C(253402300799)

/* One record of a partition: its occurred_at and stamp go in, its merge second comes out. All count
 * from RIG_START but those that are absurd. */
struct stamped {
    int64_t occurred_at;
    int64_t stamp;
    int64_t merge_second;
};

static const char any_record[] = "segments:\n  f: {when: since(any) < 30000d}\n";

/* Applies them as one epoch with this wall reading. */
static void assert_merge_seconds(struct rig *rig, const struct stamped *records, size_t count,
                                 int64_t wall)
{
    struct qtl_event events[16];
    struct qtl_event *places[16];
    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++) {
        events[i] = rig_order("c", records[i].occurred_at, "o", 1);
        events[i].stamp = records[i].stamp;
        places[i] = &events[i];
    }
    const struct qtl_slice_input input = {.events = {places},
                                          .counts = {count},
                                          .wall = RIG_START + wall,
                                          .clock = 0,
                                          .deadlines_max = QTL_DEADLINES_MAX};
    rig_apply_input(rig, &input);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(events[i].merge_second - RIG_START, records[i].merge_second);
    }
}

static void stamps_that_are_absurd_are_not_believed(void **state)
{
    (void)state;
    struct rig rig = rig_start(any_record);
    const struct stamped records[] = {
        {10, RIG_START + 12, 12},         /* the stamp, where it can be believed */
        {20, QTL_TIME_ABSENT, 20},        /* else occurred_at */
        {30, 0, 30},                      /* 1970 */
        {40, YEAR_9999, 40},              /* ahead of the wall */
        {50, RIG_START * 1000000, 50},    /* microseconds */
        {60, QTL_EVENT_TIME_MIN - 1, 60}, /* 1989 */
        {5, RIG_START + 7, 60},           /* never back */
        {5, YEAR_9999, 60},               /* both no better: the last one */
        {2000, YEAR_9999, 60},            /* occurred_at ahead of the wall too */
        {70, RIG_START + 1000, 1000},     /* exactly the wall */
        {70, RIG_START + 1001, 1000},     /* one more is ahead; 70 would be back */
        {70, QTL_EVENT_TIME_MIN, 1000},   /* believed, but back */
    };
    assert_merge_seconds(&rig, records, sizeof(records) / sizeof(records[0]), 1000);
    /* The customer's own clock goes by min(occurred_at, merge second). */
    assert_int_equal(rig_customer(&rig, "c")->clock, RIG_START + 70);
    rig_stop(&rig);
}

static void the_first_record_may_be_all_absurd(void **state)
{
    (void)state;
    struct rig rig = rig_start(any_record);
    rig_pass(&rig, 500);
    const struct stamped records[] = {{90000, YEAR_9999, 500}, {90001, 0, 500}};
    assert_merge_seconds(&rig, records, 2, 1000);
    assert_int_equal(rig_customer(&rig, "c")->clock, RIG_START + 500);
    assert_int_equal(rig_customer(&rig, "c")->born, RIG_START + 500);
    rig_stop(&rig);
}

static void nothing_is_below_the_clock_at_the_start(void **state)
{
    (void)state;
    struct rig rig = rig_start(any_record);
    rig_pass(&rig, 500);
    assert_int_equal(qtl_slice_clock(rig.slice), RIG_START + 500);
    const struct stamped records[] = {{100, RIG_START + 100, 500}, {600, RIG_START + 600, 600}};
    assert_merge_seconds(&rig, records, 2, 1000);
    /* Booked at its own time all the same, and the customer's clock starts there. */
    assert_int_equal(rig_customer(&rig, "c")->born, RIG_START + 500);
    const struct qtl_series *const orders = qtl_book_list(rig_customer(&rig, "c")->book);
    assert_int_equal(qtl_series_time(orders, 0), RIG_START + 100);
    rig_stop(&rig);
}

/* Absurd stamps of one customer must not let others fall due. */
static void absurd_stamps_move_nobody_else(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  quiet: {when: since(order) >= 1h}\n");
    struct qtl_event events[] = {rig_order("a", 0, "o1", 1), rig_order("b", 10, "o2", 1),
                                 rig_order("b", 20, "o3", 1), rig_order("b", 30, "o4", 1)};
    events[1].stamp = YEAR_9999;
    events[2].stamp = 0;
    events[3].stamp = (RIG_START + 30) * 1000000;
    struct qtl_event *places[] = {&events[0], &events[1], &events[2], &events[3]};
    const struct qtl_slice_input input = {.events = {places},
                                          .counts = {4},
                                          .wall = RIG_START + 60,
                                          .clock = RIG_START + 60,
                                          .deadlines_max = QTL_DEADLINES_MAX};
    rig_apply_input(&rig, &input);
    assert_string_equal(rig_changes(&rig), "");
    assert_int_equal(rig_customer(&rig, "a")->clock, RIG_START);
    assert_int_equal(rig_customer(&rig, "b")->clock, RIG_START + 30);
    rig_pass(&rig, 4000);
    assert_string_equal(rig_changes(&rig), "a 1 quiet in @3600 clock\n"
                                           "b 1 quiet in @3630 clock\n");
    rig_stop(&rig);
}

/* ---- order -------------------------------------------------------------------------------------
 */

/* Customers named by their expected place; the transition of each one's first record tells when it
 * was applied. */
static void streams_meet_by_second_then_stream_then_offset(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  f: {when: orders() >= 0}\n");
    struct qtl_event events[] = {
        rig_event(QTL_STREAM_CUSTOMERS, 0, "3", 10),
        rig_event(QTL_STREAM_CUSTOMERS, 0, "8", 30),
        rig_engagement(&rig, "2", 10, "search", ""),
        rig_engagement(&rig, "5", 20, "search", ""),
        rig_engagement(&rig, "6", 20, "search", ""),
        rig_engagement(&rig, "9", 31, "search", ""),
        rig_order("1", 10, "o", 1),
        rig_order("4", 20, "o", 1),
        rig_order("7", 30, "o", 1),
    };
    const size_t count = sizeof(events) / sizeof(events[0]);
    for (size_t i = 0; i < count; i++) {
        qtl_event_seal(&events[i]);
    }
    rig_epoch(&rig, events, count, 31, QTL_DEADLINES_MAX);
    assert_int_equal(rig.line_count, count);
    for (size_t i = 0; i < count; i++) {
        char place[2] = {(char)('1' + i), 0};
        assert_string_equal(rig.lines[i].customer, place);
    }
    rig_stop(&rig);
}

/* Within a partition offsets rule: a record with an earlier stamp waits for those before it. */
static void a_partition_keeps_its_order(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  f: {when: orders() >= 0}\n");
    struct qtl_event events[] = {
        rig_order("2", 20, "o", 1), rig_order("3", 5, "o", 1), rig_order("4", 20, "o", 1),
        rig_engagement(&rig, "1", 19, "search", ""), rig_engagement(&rig, "5", 20, "search", "")};
    rig_epoch(&rig, events, 5, 31, QTL_DEADLINES_MAX);
    for (size_t i = 0; i < 5; i++) {
        char place[2] = {(char)('1' + i), 0};
        assert_string_equal(rig.lines[i].customer, place);
    }
    rig_stop(&rig);
}

/* A profile without a time happens when it is merged. */
static void a_profile_without_a_time(void **state)
{
    (void)state;
    struct rig rig = rig_start("segments:\n  f: {when: orders() >= 0}\n");
    rig_pass(&rig, 100);
    struct qtl_event profile = rig_event(QTL_STREAM_CUSTOMERS, 0, "c", 0);
    profile.occurred_at = QTL_TIME_ABSENT;
    profile.stamp = RIG_START + 150;
    qtl_event_seal(&profile);
    rig_epoch(&rig, &profile, 1, 200, QTL_DEADLINES_MAX);
    assert_string_equal(rig_changes(&rig), "c 1 f in @150 profile\n");
    rig_stop(&rig);
}

/* Both times are ahead of the wall, and there is nothing before it: 1990 is the earliest time there
 * is. Second 0 would be one at which nothing can be remembered. */
static void the_first_record_may_lie_in_the_future(void **state)
{
    (void)state;
    struct rig rig = rig_start(any_record);
    struct qtl_event event = rig_order("c", 2000, "o", 1);
    event.kind = QTL_ORDER_CANCELLED;
    event.stamp = YEAR_9999;
    struct qtl_event *const places[] = {&event};
    const struct qtl_slice_input input = {.events = {places},
                                          .counts = {1},
                                          .wall = RIG_START + 10,
                                          .clock = 0,
                                          .deadlines_max = QTL_DEADLINES_MAX};
    rig_apply_input(&rig, &input);
    assert_int_equal(event.merge_second, QTL_EVENT_TIME_MIN);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_record_may_lie_in_the_future),
        cmocka_unit_test(stamps_that_are_absurd_are_not_believed),
        cmocka_unit_test(the_first_record_may_be_all_absurd),
        cmocka_unit_test(nothing_is_below_the_clock_at_the_start),
        cmocka_unit_test(absurd_stamps_move_nobody_else),
        cmocka_unit_test(streams_meet_by_second_then_stream_then_offset),
        cmocka_unit_test(a_partition_keeps_its_order),
        cmocka_unit_test(a_profile_without_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
