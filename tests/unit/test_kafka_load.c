/* The benchmark's own bytes: a load that the engine reads otherwise than meant measures nothing. */
#include "bench/kafka_load.h"
#include "consumer/decode.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static struct qtl_kafka_load_event made(const char *kind)
{
    return (struct qtl_kafka_load_event){.prefix = "c",
                                         .customer = 7,
                                         .number = 3,
                                         .occurred_at = 100,
                                         .kind = kind,
                                         .amount_cents = 1990};
}

static void assert_named(struct qtl_text text, char first, uint64_t number)
{
    char expected[32];
    const int length =
        snprintf(expected, sizeof(expected), "%c%llu", first, (unsigned long long)number);
    assert_int_equal(text.length, length);
    assert_memory_equal(text.bytes, expected, text.length);
}

static void json_is_read_as_it_was_meant(void **state)
{
    (void)state;
    struct qtl_decoder *const orders = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    struct qtl_decoder *const engagement = qtl_decoder_new(QTL_STREAM_ENGAGEMENT, NULL, NULL);
    struct qtl_random random = qtl_random_seed(1, 1);
    struct qtl_kafka_load_event event = {.prefix = "c"};
    uint32_t order_count = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        qtl_kafka_load_draw(&random, qtl_kafka_load_mix("busy"), 1000, &event);
        event.number = i;
        event.occurred_at = 1795348800;
        struct qtl_kafka_load_record bytes;
        qtl_kafka_load_encode(QTL_KAFKA_LOAD_JSON, &event, &bytes);
        const struct qtl_log_record record = {
            .timestamp_ms = 1795348800000, .value = bytes.value, .has_value = true};
        struct qtl_event read;
        const bool is_order = event.kind == NULL;
        assert_int_equal(qtl_decode(is_order ? orders : engagement, &record, &read),
                         QTL_REASON_NONE);
        assert_named(read.customer_id, 'c', event.customer);
        assert_named(bytes.key, 'c', event.customer);
        assert_named(is_order ? read.order_id : read.event_id, is_order ? 'o' : 'e', i);
        assert_int_equal(read.occurred_at, event.occurred_at);
        if (is_order) {
            assert_int_equal(read.amount_e4, event.amount_cents * 100);
            order_count++;
        }
    }
    assert_in_range(order_count, 900, 1100);
    qtl_decoder_free(orders);
    qtl_decoder_free(engagement);
}

static void an_order_in_avro(void **state)
{
    (void)state;
    static const char expected[] = "\x04"
                                   "c7"
                                   "\x04"
                                   "o3"
                                   "\xc8\x01"              /* 100, zigzag */
                                   "\x08\x00\x00\x07\xc6"; /* 1990 in four bytes */
    const struct qtl_kafka_load_event event = made(NULL);
    struct qtl_kafka_load_record record;
    qtl_kafka_load_encode(QTL_KAFKA_LOAD_AVRO, &event, &record);
    assert_int_equal(record.value.length, sizeof(expected) - 1);
    assert_memory_equal(record.value.bytes, expected, sizeof(expected) - 1);
}

static void an_engagement_in_avro(void **state)
{
    (void)state;
    static const char expected[] = "\x04"
                                   "c7"
                                   "\x04"
                                   "e3"
                                   "\x0c"
                                   "search"
                                   "\xc8\x01";
    const struct qtl_kafka_load_event event = made("search");
    struct qtl_kafka_load_record record;
    qtl_kafka_load_encode(QTL_KAFKA_LOAD_AVRO, &event, &record);
    assert_int_equal(record.value.length, sizeof(expected) - 1);
    assert_memory_equal(record.value.bytes, expected, sizeof(expected) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_read_as_it_was_meant),
        cmocka_unit_test(an_order_in_avro),
        cmocka_unit_test(an_engagement_in_avro),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
