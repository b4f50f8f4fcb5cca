/*
 * Every start that must not happen, and the sentence that goes with it; and the starts that look
 * odd and are fine. One small shop in partition 0, tampered with in one way a test.
 */
#include "scoring/customer.h"
#include "tests/unit/recovery_kit.h"

#include <stdarg.h>

#define BASE INT64_C(1790000000)
#define RULES(...) "segments:\n" __VA_ARGS__
#define BIG "  big: {when: spend(2d) >= 250}\n"
#define KEEN "  keen: {when: orders(1d) >= 2}\n"

enum { ORDERS = 20, BROKEN = 7, EPOCHS = 5 };

struct shop {
    struct kit_log log;
    struct qtl_config config;
    struct qtl_rules *rules;
    struct qtl_rules *other_rules; /* of the second start; NULL: the same */
    struct kit_engine live;
    struct qtl_epoch *epoch;
    struct kit_engine second;
};

static void append(struct shop *shop, int64_t second, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void append(struct shop *shop, int64_t second, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_true(length > 0 && length < (int)sizeof(text));
    kit_append(&shop->log.topics[QTL_TOPIC_ORDERS][0], second * 1000,
               (struct qtl_text){text, (uint32_t)length}, 0);
}

/* Takes the next `count` orders in one epoch and publishes it. */
static void apply(struct shop *shop, size_t count, int64_t clock)
{
    const struct kit_epoch_plan plan = {
        .counts = {count, 0, 0}, .wall = clock, .clock = clock, .deadlines_max = 1000000};
    kit_apply(&shop->live, 0, &plan, shop->epoch, true);
}

static void shop_init(struct shop *shop)
{
    *shop = (struct shop){0};
    kit_log_init(&shop->log, 1);
    qtl_config_init(&shop->config);
    shop->rules = kit_rules(RULES(BIG KEEN));
    shop->epoch = qtl_epoch_new(1);
    kit_engine_init(&shop->live, &shop->log, &shop->config, shop->rules);
    struct qtl_error error;
    assert_int_equal(kit_recover(&shop->live, &error), QTL_OK);
}

/* A day of orders of 100 each by four customers; one record is broken. */
static void open_shop(struct shop *shop)
{
    shop_init(shop);
    for (int i = 0; i < ORDERS; i++) {
        const int64_t second = BASE + 3600 * i;
        append(shop, second,
               i == BROKEN ? "{\"customer_id\":\"c%d\""
                           : "{\"customer_id\":\"c%d\","
                             "\"order_id\":\"o%d\",\"occurred_at\":%" PRId64 ",\"amount\":100}",
               i % 4, i, second);
    }
    for (int i = 1; i <= EPOCHS; i++) {
        apply(shop, ORDERS / EPOCHS, BASE + 3600 * (int64_t)(i * ORDERS / EPOCHS));
    }
    assert_int_equal(shop->live.ledgers[0].sequence, EPOCHS);
    assert_true(qtl_slice_customer(shop->live.slices[0], 0)->sequence > 0);
}

static enum qtl_status start_again(struct shop *shop, struct qtl_error *error)
{
    kit_engine_init(&shop->second, &shop->log, &shop->config,
                    shop->other_rules != NULL ? shop->other_rules : shop->rules);
    return kit_recover(&shop->second, error);
}

static void close_shop(struct shop *shop)
{
    kit_engine_fini(&shop->second);
    kit_engine_fini(&shop->live);
    qtl_epoch_free(shop->epoch);
    qtl_rules_free(shop->rules);
    qtl_rules_free(shop->other_rules);
    qtl_config_fini(&shop->config);
    kit_log_fini(&shop->log);
}

/* The start is refused with that status, and the sentence has the words; then the shop is closed.
 */
static void assert_refused(struct shop *shop, enum qtl_status expected, const char *words)
{
    struct qtl_error error;
    const enum qtl_status status = start_again(shop, &error);
    if (status != expected || strstr(error.text, words) == NULL) {
        fail_msg("%s: %s", qtl_status_name(status), error.text);
    }
    close_shop(shop);
}

static void assert_started(struct shop *shop)
{
    struct qtl_error error;
    if (start_again(shop, &error) != QTL_OK) {
        fail_msg("%s", error.text);
    }
}

static struct kit_topic *orders_of(struct shop *shop)
{
    return &shop->log.topics[QTL_TOPIC_ORDERS][0];
}

static struct kit_topic *state_of(struct shop *shop)
{
    return &shop->log.topics[QTL_TOPIC_STATE][0];
}

static void an_untouched_shop_starts(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    assert_started(&shop);
    assert_int_equal(shop.second.ledgers[0].sequence, EPOCHS);
    assert_int_equal(shop.second.ledgers[0].next_offset[QTL_STREAM_ORDERS], ORDERS);
    assert_true(shop.second.ledgers[0].names_written);
    assert_int_equal(shop.second.ledgers[1].sequence, 0);
    assert_int_equal(shop.second.ledgers[1].rules_version, 0);
    assert_false(shop.second.ledgers[1].names_written);
    close_shop(&shop);
}

static void a_fresh_slice_begins_where_its_input_does(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    shop.log.topics[QTL_TOPIC_ENGAGEMENT][1].first = 5;
    shop.log.topics[QTL_TOPIC_ENGAGEMENT][1].end = 9;
    assert_started(&shop);
    assert_int_equal(shop.second.ledgers[1].next_offset[QTL_STREAM_ENGAGEMENT], 5);
    assert_int_equal(shop.second.ledgers[1].next_offset[QTL_STREAM_ORDERS], 0);
    close_shop(&shop);
}

static void offsets_missing(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    shop.log.committed[QTL_STREAM_ENGAGEMENT][0] = -1;
    assert_refused(
        &shop, QTL_CORRUPT,
        "engagement, partition 0: no offset is committed, yet quintil.state has records");
}

static void records_missing(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    while (state_of(&shop)->count > 0) {
        kit_remove(state_of(&shop), 0);
    }
    state_of(&shop)->end = 0;
    assert_refused(&shop, QTL_CORRUPT, "yet quintil.state has no records");
}

static void a_gap_in_the_records(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_remove(state_of(&shop), 3); /* the names stand at 0 */
    assert_refused(&shop, QTL_CORRUPT, "record 4 follows record 2, what is between is gone");
}

static void the_first_records_trimmed(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_remove(state_of(&shop), 1);
    assert_refused(&shop, QTL_CORRUPT, "record 2 follows record 0");
}

static void the_names_are_gone(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_remove(state_of(&shop), 0);
    state_of(&shop)->first = 1;
    assert_refused(&shop, QTL_CORRUPT, "the names of its rules version do not stand before it");
}

static void offsets_ahead_of_the_records(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_remove(state_of(&shop), EPOCHS);
    assert_refused(&shop, QTL_CORRUPT,
                   "offset 20 is committed, and the last record of quintil.state (4) ends at 16");
}

static void input_trimmed(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_remove(orders_of(&shop), 0);
    orders_of(&shop)->first = 1;
    assert_refused(&shop, QTL_IO, "the input from offset 0 on is needed and begins at 1 now");
}

static void input_cut(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_remove(orders_of(&shop), ORDERS - 1);
    orders_of(&shop)->end = ORDERS - 1;
    assert_refused(&shop, QTL_IO, "offset 20 is committed, and the input ends at 19");
}

static void input_with_its_end_lost(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_remove(orders_of(&shop), ORDERS - 1); /* the log still says that it is there */
    assert_refused(&shop, QTL_IO, "the records from offset 19 on were read before and are gone");
}

static void a_newer_version(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    state_of(&shop)->records[2].value[0] = 4; /* zigzag 2 */
    assert_refused(&shop, QTL_BAD_CONF, "record 2 was written by a newer version of quintil");
}

static void a_record_that_is_none(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    state_of(&shop)->records[2].length--;
    assert_refused(&shop, QTL_CORRUPT, "offset 2: this is no epoch record");
}

static void another_shape(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    shop.config.duplicate_horizon_s = 601;
    assert_refused(&shop, QTL_BAD_CONF, "the configuration makes other events of the input");
}

static void an_amount_was_changed(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    char *const amount = strstr(orders_of(&shop)->records[9].value, ":100}");
    assert_non_null(amount);
    memcpy(amount, ":101}", 5);
    assert_refused(&shop, QTL_CORRUPT,
                   "record 3: reading its input again gives another state than the one recorded");
}

static void a_customer_was_renamed(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    for (size_t i = 0; i < ORDERS; i += 4) {
        char *const id = strstr(orders_of(&shop)->records[i].value, "\"c0\"");
        assert_non_null(id);
        memcpy(id, "\"cx\"", 4);
    }
    assert_refused(&shop, QTL_CORRUPT, "another state than the one recorded");
}

static void a_dead_letter_came_alive(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_replace(&orders_of(&shop)->records[BROKEN],
                "{\"customer_id\":\"c9\",\"order_id\":\"x\",\"occurred_at\":1790000000,"
                "\"amount\":1}");
    assert_refused(&shop, QTL_CORRUPT,
                   "orders, partition 0, offset 7: this record was a dead letter");
}

static void a_good_record_broke(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_replace(&orders_of(&shop)->records[12], "{}");
    assert_refused(&shop, QTL_CORRUPT, "orders, partition 0, offset 12: this record was taken");
}

static void a_dead_letter_may_change_its_reason(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    kit_replace(&orders_of(&shop)->records[BROKEN], "{}");
    assert_started(&shop);
    close_shop(&shop);
}

static void a_segment_is_gone(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    shop.other_rules = kit_rules(RULES(KEEN));
    assert_refused(&shop, QTL_BAD_CONF,
                   "customers have been in segment big, which is no longer in the rules");
}

static void a_partition_is_missing(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    shop.log.partitions[QTL_TOPIC_CUSTOMERS] = 1;
    assert_refused(&shop, QTL_BAD_CONF, "topic customers has 1 partitions and slice 1 needs its");
}

/* Other rules with the same names, in another order: the decisions stand, whatever the rules say
 * now, and the ledger says that there is something to sweep. */
static void other_rules_with_the_same_names(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop);
    shop.other_rules = kit_rules(RULES("  new: {when: orders() > 1000}\n"
                                       "  keen: {when: orders(1d) >= 20}\n"
                                       "  big: {when: spend(2d) >= 25000}\n"));
    assert_started(&shop);
    const struct qtl_ledger *const ledger = &shop.second.ledgers[0];
    assert_int_equal(ledger->rules_version, shop.rules->version);
    assert_int_not_equal(ledger->rules_version, shop.other_rules->version);
    assert_false(ledger->names_written);
    const uint32_t count = qtl_slice_customer_count(shop.live.slices[0]);
    assert_int_equal(qtl_slice_customer_count(shop.second.slices[0]), count);
    for (uint32_t i = 0; i < count; i++) {
        struct qtl_customer *const then = qtl_slice_customer(shop.live.slices[0], i);
        struct qtl_customer *const now = qtl_slice_customer(shop.second.slices[0], i);
        const uint8_t *const states_then = qtl_customer_states(then, 2);
        const uint8_t *const states_now = qtl_customer_states(now, 3);
        assert_int_equal(states_now[0] & QTL_STATE_MASK, QTL_STATE_OUT);
        assert_int_equal(states_now[1], states_then[1]);
        assert_int_equal(states_now[2], states_then[0]);
        assert_int_equal(now->sequence, then->sequence);
    }
    /* The next epoch writes the names of the rules of now, and a third start reads both. */
    append(&shop, BASE + 86400,
           "{\"customer_id\":\"c1\",\"order_id\":\"y\",\"occurred_at\":%" PRId64 ",\"amount\":100}",
           BASE + 86400);
    const struct kit_epoch_plan plan = {
        .counts = {1, 0, 0}, .wall = BASE + 86400, .clock = BASE + 86400, .deadlines_max = 1000};
    kit_apply(&shop.second, 0, &plan, shop.epoch, true);
    kit_engine_fini(&shop.second);
    assert_started(&shop);
    assert_int_equal(shop.second.ledgers[0].rules_version, shop.other_rules->version);
    assert_true(shop.second.ledgers[0].names_written);
    close_shop(&shop);
}

/* An epoch whose record has more than one part. */
static void open_big_shop(struct shop *shop)
{
    enum { CUSTOMERS = 3000 };
    shop_init(shop);
    char long_id[201];
    memset(long_id, 'x', 200);
    long_id[200] = 0;
    for (int i = 0; i < CUSTOMERS; i++) {
        append(shop, BASE + i,
               "{\"customer_id\":\"%s%d\",\"order_id\":\"o\",\"occurred_at\":%" PRId64
               ",\"amount\":1000}",
               long_id, i, BASE + i);
    }
    apply(shop, CUSTOMERS, BASE + CUSTOMERS);
    assert_int_equal(shop->epoch->slices[0].outcome.transition_count, CUSTOMERS);
    assert_true(state_of(shop)->count > 2);
}

static void an_epoch_of_several_parts(void **state)
{
    (void)state;
    struct shop shop;
    open_big_shop(&shop);
    assert_started(&shop);
    assert_int_equal(qtl_slice_customer_count(shop.second.slices[0]), 3000);
    close_shop(&shop);
}

static void the_last_part_is_gone(void **state)
{
    (void)state;
    struct shop shop;
    open_big_shop(&shop);
    kit_remove(state_of(&shop), state_of(&shop)->count - 1);
    state_of(&shop)->end--;
    assert_refused(&shop, QTL_CORRUPT, "the last record is cut off");
}

static void only_what_shapes_events_is_in_the_shape(void **state)
{
    (void)state;
    struct qtl_config config;
    qtl_config_init(&config);
    struct qtl_rules *const rules = kit_rules(RULES(BIG));
    const uint64_t shape = qtl_shape_hash(&config, rules);
    struct qtl_error error;
    static const char *const same[] = {"epoch.max_ms=50", "shards=3", "streams.orders.topic=a",
                                       "streams.orders.fields.amount=amount", "partitions=7"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_int_equal(qtl_config_set(&config, same[i], &error), QTL_OK);
        assert_true(qtl_shape_hash(&config, rules) == shape);
    }
    uint64_t last = shape;
    static const char *const other[] = {
        "base_currency=EUR", "duplicate_horizon=1m", "streams.orders.timestamp=event",
        "streams.engagement.unknown_kinds=skip", "streams.orders.fields.amount=total.paid"};
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        assert_int_equal(qtl_config_set(&config, other[i], &error), QTL_OK);
        const uint64_t now = qtl_shape_hash(&config, rules);
        assert_true(now != last);
        last = now;
    }
    static const char *const files[] = {"retention: 30d\n" RULES(BIG), "kinds: [a]\n" RULES(BIG)};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct qtl_rules *const changed = kit_rules(files[i]);
        assert_true(qtl_shape_hash(&config, changed) != last);
        qtl_rules_free(changed);
    }
    struct qtl_rules *const keen = kit_rules(RULES(KEEN));
    assert_true(qtl_shape_hash(&config, keen) == last); /* what the rules decide is not in it */
    qtl_rules_free(keen);
    qtl_rules_free(rules);
    qtl_config_fini(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_shop_starts),
        cmocka_unit_test(a_fresh_slice_begins_where_its_input_does),
        cmocka_unit_test(offsets_missing),
        cmocka_unit_test(records_missing),
        cmocka_unit_test(a_gap_in_the_records),
        cmocka_unit_test(the_first_records_trimmed),
        cmocka_unit_test(the_names_are_gone),
        cmocka_unit_test(offsets_ahead_of_the_records),
        cmocka_unit_test(input_trimmed),
        cmocka_unit_test(input_cut),
        cmocka_unit_test(input_with_its_end_lost),
        cmocka_unit_test(a_newer_version),
        cmocka_unit_test(a_record_that_is_none),
        cmocka_unit_test(another_shape),
        cmocka_unit_test(an_amount_was_changed),
        cmocka_unit_test(a_customer_was_renamed),
        cmocka_unit_test(a_dead_letter_came_alive),
        cmocka_unit_test(a_good_record_broke),
        cmocka_unit_test(a_dead_letter_may_change_its_reason),
        cmocka_unit_test(a_segment_is_gone),
        cmocka_unit_test(a_partition_is_missing),
        cmocka_unit_test(other_rules_with_the_same_names),
        cmocka_unit_test(an_epoch_of_several_parts),
        cmocka_unit_test(the_last_part_is_gone),
        cmocka_unit_test(only_what_shapes_events_is_in_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
