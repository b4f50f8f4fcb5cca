/* What a batch of transitions asks the script to do, argument by argument, and where a batch ends.
 */
#include "tests/unit/test.h"

#include "sinks/redis_batch.h"
#include "sinks/redis_command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct qtl_redis_batch *new_batch(size_t changes_max, int64_t stream_max)
{
    const struct qtl_redis_batch_settings settings = {
        .prefix = "q:", .changes_max = changes_max, .stream_max = stream_max};
    return qtl_redis_batch_new(&settings);
}

/* One argument's place in `document`: customer, sequence, segment, from, to. */
static enum qtl_status add(struct qtl_redis_batch *batch, int64_t offset, const char *customer,
                           int sequence, const char *const change[3])
{
    char document[512];
    const int length =
        snprintf(document, sizeof(document),
                 "{\"id\":\"i%d\",\"customer_id\":\"%s\",\"sequence\":%d,\"segment\":\"%s\","
                 "\"from\":\"%s\",\"to\":\"%s\",\"at\":\"t%d\"}",
                 (int)offset, customer, sequence, change[0], change[1], change[2], sequence);
    const struct qtl_log_record record = {
        .offset = offset, .value = {document, (uint32_t)length}, .has_value = true};
    return qtl_redis_batch_add(batch, &record);
}

static void assert_arguments(struct qtl_redis_batch *batch, const char *const *wanted)
{
    struct qtl_redis_command command = {0};
    qtl_redis_batch_put(batch, &command);
    for (size_t i = 0; i < command.count; i++) {
        assert_non_null(wanted[i]);
        if (command.lengths[i] != strlen(wanted[i]) ||
            memcmp(command.arguments[i], wanted[i], command.lengths[i]) != 0) {
            fail_msg("argument %zu: %.*s, wanted %s", i, (int)command.lengths[i],
                     command.arguments[i], wanted[i]);
        }
    }
    assert_null(wanted[command.count]);
    qtl_redis_command_fini(&command);
}

static void test_arguments(void **state)
{
    (void)state;
    static const char *const vip_in[3] = {"vip", "out", "in"};
    static const char *const vip_out[3] = {"vip", "in", "out"};
    static const char *const gold[3] = {"tier", "none", "gold"};
    struct qtl_redis_batch *const batch = new_batch(10, 0);
    qtl_redis_batch_begin(batch, 3, 40, false);
    assert_int_equal(add(batch, 41, "a", 7, vip_in), QTL_OK);
    assert_int_equal(add(batch, 42, "b", 1, gold), QTL_OK);
    assert_int_equal(add(batch, 45, "a", 8, vip_out), QTL_OK);
    /* clang-format off */
    const char *const wanted[] = {
        "q:", "apply", "3", "40", "46", "45 i45", "0", "0", "0", /* from, next, last, three flags */
        "3", "vip", "tier:none", "tier:gold",                    /* sets */
        "2", /* customers: of each move and each field the last counts */
        "a", "\x01-", "6", "segment:vip", "out", "at", "t8", "sequence", "8",
        "b", "\x02-\x03+", "6", "segment:tier", "gold", "at", "t1", "sequence", "1",
        "0", NULL};
    /* clang-format on */
    assert_arguments(batch, wanted);
    assert_int_equal(qtl_redis_batch_count(batch), 3);
    qtl_redis_batch_free(batch);
}

/* Nothing but records that are none: the offset moves on, and nothing else is asked for. */
static void test_no_transition(void **state)
{
    (void)state;
    struct qtl_redis_batch *const batch = new_batch(10, 5);
    const struct qtl_log_record record = {.offset = 9};
    qtl_redis_batch_begin(batch, 0, 9, true);
    assert_int_equal(qtl_redis_batch_add(batch, &record), QTL_MALFORMED);
    const char *const wanted[] = {"q:", "apply", "0", "9", "10", "",  "5",
                                  "0",  "1",     "0", "0", "0",  NULL};
    assert_arguments(batch, wanted);
    qtl_redis_batch_free(batch);
}

/* Where customers may know it already, transitions come with customer and sequence. */
static void test_checked(void **state)
{
    (void)state;
    static const char *const vip[3] = {"v", "", "out"};
    struct qtl_redis_batch *const batch = new_batch(10, 5);
    qtl_redis_batch_begin(batch, 0, 9, true);
    assert_int_equal(add(batch, 9, "a", 7, vip), QTL_OK);
    /* clang-format off */
    const char *const wanted[] = {
        "q:", "apply", "0", "9", "10", "9 i9", "5", "0", "1", "0",
        "1", "a", "", "6", "segment:v", "out", "at", "t7", "sequence", "7",
        "1", "1", "7",
        "{\"id\":\"i9\",\"customer_id\":\"a\",\"sequence\":7,\"segment\":\"v\","
        "\"from\":\"\",\"to\":\"out\",\"at\":\"t7\"}", NULL};
    /* clang-format on */
    assert_arguments(batch, wanted);
    qtl_redis_batch_free(batch);
}

static void test_where_it_is_full(void **state)
{
    (void)state;
    static const char *const vip[3] = {"vip", "out", "in"};
    struct qtl_redis_batch *const batch = new_batch(3, 0);
    qtl_redis_batch_begin(batch, 0, 0, false);
    assert_int_equal(add(batch, 0, "a", 1, vip), QTL_OK);
    assert_int_equal(add(batch, 1, "b", 1, vip), QTL_OK);
    assert_int_equal(add(batch, 2, "a", 1, vip), QTL_FULL); /* a run goes up */
    assert_int_equal(add(batch, 2, "a", 2, vip), QTL_OK);
    assert_int_equal(add(batch, 3, "c", 1, vip), QTL_FULL);
    assert_int_equal(qtl_redis_batch_next_offset(batch), 3);
    qtl_redis_batch_begin(batch, 0, 3, false);
    assert_int_equal(add(batch, 3, "c", 1, vip), QTL_OK);
    qtl_redis_batch_free(batch);
}

/* Two bytes a move: more sets than one of them can tell never get into a batch. */
static void test_many_sets(void **state)
{
    (void)state;
    struct qtl_redis_batch *const batch = new_batch(1000, 0);
    qtl_redis_batch_begin(batch, 0, 0, false);
    int sets = 0;
    enum qtl_status status = QTL_OK;
    while (status == QTL_OK) {
        char segment[32];
        snprintf(segment, sizeof(segment), "segment-%d", sets);
        const char *const change[3] = {segment, "one", "other"};
        status = add(batch, sets, "a", sets + 1, change);
        sets++;
    }
    assert_int_equal(status, QTL_FULL);
    assert_in_range(sets, 100, QTL_REDIS_BATCH_SETS_MAX / 2 + 1);
    struct qtl_redis_command command = {0};
    qtl_redis_batch_put(batch, &command);
    assert_true(command.count > (size_t)sets);
    qtl_redis_command_fini(&command);
    qtl_redis_batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_no_transition),
        cmocka_unit_test(test_checked),   cmocka_unit_test(test_where_it_is_full),
        cmocka_unit_test(test_many_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
