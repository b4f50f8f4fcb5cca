/* Timers against a sorted list: random arms, late ones too, taken up to random seconds. */
#include "consumer/random.h"
#include "scoring/timers.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 4000, STEPS = 20000 };

struct entry {
    uint32_t second;
    uint32_t number;
};

struct list {
    struct entry entries[ENTRIES_MAX]; /* by second, then number */
    size_t count;
};

static void list_add(struct list *list, struct entry entry)
{
    size_t place = list->count;
    while (place > 0 && (list->entries[place - 1].second > entry.second ||
                         (list->entries[place - 1].second == entry.second &&
                          list->entries[place - 1].number > entry.number))) {
        list->entries[place] = list->entries[place - 1];
        place--;
    }
    list->entries[place] = entry;
    list->count++;
}

static int compare_numbers(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* What comes soon is complete up to its second, unless there was no room. */
static void compare_soon(struct qtl_timers *timers, const struct list *list, uint32_t max)
{
    uint32_t numbers[64];
    uint32_t until = 0;
    const size_t count = qtl_timers_soon(timers, numbers, max, &until);
    assert_in_range(count, 1, max);
    assert_true(until >= list->entries[0].second);
    assert_int_equal(qtl_timers_count(timers), list->count);
    for (size_t i = 0; i < list->count && list->entries[i].second <= until && count < max; i++) {
        bool is_there = false;
        for (size_t j = 0; j < count; j++) {
            is_there = is_there || numbers[j] == list->entries[i].number;
        }
        assert_true(is_there);
    }
}

/* Takes the earliest second of both; false where there is none up to `upto`. */
static bool take_and_compare(struct qtl_timers *timers, struct list *list, uint32_t upto)
{
    assert_int_equal(qtl_timers_next(timers),
                     list->count == 0 ? UINT32_MAX : list->entries[0].second);
    if (list->count > 0 && list->entries[0].second <= upto) {
        compare_soon(timers, list, 1 + list->entries[0].number % 40);
    }
    uint32_t second = 0;
    const uint32_t *numbers = NULL;
    const size_t count = qtl_timers_take(timers, upto, &second, &numbers);
    if (list->count == 0 || list->entries[0].second > upto) {
        assert_int_equal(count, 0);
        return false;
    }
    size_t expected = 0;
    while (expected < list->count && list->entries[expected].second == list->entries[0].second) {
        expected++;
    }
    assert_int_equal(count, expected);
    assert_int_equal(second, list->entries[0].second);
    uint32_t *const sorted = malloc(count * sizeof(*sorted));
    assert_non_null(sorted);
    memcpy(sorted, numbers, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_numbers);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sorted[i], list->entries[i].number);
    }
    free(sorted);
    list->count -= count;
    memmove(list->entries, list->entries + count, list->count * sizeof(list->entries[0]));
    assert_int_equal(qtl_timers_count(timers), list->count);
    return true;
}

static void run(uint32_t start, uint32_t span, double late, uint64_t seed)
{
    static struct list list;
    list.count = 0;
    struct qtl_timers *const timers = qtl_timers_new();
    struct qtl_random random = qtl_random_seed(seed, span);
    uint32_t now = start;
    uint32_t number = 0;
    for (int step = 0; step < STEPS; step++) {
        if (list.count < ENTRIES_MAX && qtl_random_chance(&random, 0.8)) {
            const uint32_t away = qtl_random_below(&random, span);
            const bool is_late = qtl_random_chance(&random, late) && now > away;
            const struct entry entry = {.second = is_late ? now - away : now + away,
                                        .number = number++};
            list_add(&list, entry);
            qtl_timers_arm(timers, entry.second, entry.number);
            assert_int_equal(qtl_timers_count(timers), list.count);
            continue;
        }
        now += qtl_random_below(&random, span / 100 + 2);
        while (take_and_compare(timers, &list, now)) {
        }
    }
    while (take_and_compare(timers, &list, UINT32_MAX - 1)) {
    }
    assert_int_equal(qtl_timers_count(timers), 0);
    assert_true(qtl_timers_bytes(timers) > 0);
    qtl_timers_free(timers);
}

static void random_entries_come_in_order(void **state)
{
    (void)state;
    run(1, 5, 0.0, 1);
    run(1000, 50, 0.3, 2);
    run(1767225600, 86400, 0.05, 3);
    run(1767225600, 400U * 86400, 0.2, 4);
    run(1, UINT32_MAX - 500000000, 0.0, 5);
    run(INT32_MAX - 1000U, 3000, 0.2, 6); /* the highest bit changes on the way */
}

static void nothing_is_taken_before_its_second(void **state)
{
    (void)state;
    struct qtl_timers *const timers = qtl_timers_new();
    uint32_t second = 0;
    const uint32_t *numbers = NULL;
    assert_int_equal(qtl_timers_next(timers), UINT32_MAX);
    assert_int_equal(qtl_timers_take(timers, UINT32_MAX - 1, &second, &numbers), 0);
    qtl_timers_arm(timers, 100, 7);
    assert_int_equal(qtl_timers_take(timers, 99, &second, &numbers), 0);
    assert_int_equal(qtl_timers_next(timers), 100);
    assert_int_equal(qtl_timers_take(timers, 100, &second, &numbers), 1);
    assert_int_equal(second, 100);
    assert_int_equal(numbers[0], 7);
    qtl_timers_arm(timers, 100, 8); /* at the second just taken */
    qtl_timers_arm(timers, 40, 9);  /* and before it */
    assert_int_equal(qtl_timers_take(timers, 100, &second, &numbers), 1);
    assert_int_equal(second, 40);
    assert_int_equal(qtl_timers_take(timers, 100, &second, &numbers), 1);
    assert_int_equal(numbers[0], 8);
    qtl_timers_free(timers);
    qtl_timers_free(NULL);
}

static void a_storm_in_one_second_is_taken_at_once(void **state)
{
    (void)state;
    enum { STORM = 100000 };
    struct qtl_timers *const timers = qtl_timers_new();
    for (uint32_t number = 0; number < STORM; number++) {
        qtl_timers_arm(timers, 86400, number);
    }
    uint32_t second = 0;
    const uint32_t *numbers = NULL;
    assert_int_equal(qtl_timers_take(timers, 86400, &second, &numbers), STORM);
    static bool seen[STORM];
    for (uint32_t i = 0; i < STORM; i++) {
        assert_false(seen[numbers[i]]);
        seen[numbers[i]] = true;
    }
    assert_int_equal(qtl_timers_count(timers), 0);
    qtl_timers_free(timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_entries_come_in_order),
        cmocka_unit_test(nothing_is_taken_before_its_second),
        cmocka_unit_test(a_storm_in_one_second_is_taken_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
